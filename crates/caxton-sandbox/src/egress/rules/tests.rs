use super::*;
use proptest::prelude::*;

fn rule(host: &str) -> HostRule {
    HostRule { scheme: None, host: host.into(), port: None, methods: vec![], private: false }
}

fn https(host: &str) -> Target<'_> {
    Target { scheme: Some(Scheme::Https), host, port: 443, method: "GET" }
}

fn rules(allowed: &[HostRule], denied: &[HostRule]) -> HostRules {
    HostRules::new(allowed, denied).unwrap()
}

#[test]
fn a_rule_allows_what_it_names_and_nothing_beside() {
    let rules = rules(
        &[
            rule("api.example.com"),
            rule("*.data.org"),
            HostRule { port: Some(8443), ..rule("x.io") },
            HostRule { scheme: Some(Scheme::Https), methods: vec!["get".into(), "HEAD".into()], ..rule("read.only") },
        ],
        &[rule("secret.data.org")],
    );
    let at = |port, host| Target { port, ..https(host) };
    for good in [
        https("api.example.com"),
        https("a.b.data.org"),
        at(8443, "x.io"),
        https("read.only"),
        Target { scheme: Some(Scheme::Http), ..at(80, "a.data.org") },
    ] {
        assert_eq!(rules.check(&good), Ok(()), "{good}");
    }
    for bad in [
        https("example.com"),
        https("api.example.com.evil.org"),
        https("data.org"),
        https(".data.org"),
        https("xdata.org"),
        https("x.io"),
        at(81, "api.example.com"),
        at(80, "api.example.com"),
        Target { method: "POST", ..https("read.only") },
        Target { scheme: Some(Scheme::Http), ..https("read.only") },
        Target { scheme: None, ..at(443, "read.only") },
        https("1.1.1.1"),
    ] {
        assert!(matches!(rules.check(&bad), Err(Refusal::NotListed { .. })), "{bad}");
    }
    assert!(matches!(rules.check(&https("secret.data.org")), Err(Refusal::Denied { .. })));
}

#[test]
fn every_address_is_checked_and_only_what_passes_is_left() {
    let allowed = rules(
        &[
            rule("a.org"),
            HostRule { private: true, ..rule("in.org") },
            rule("9.9.9.0/24"),
            HostRule { private: true, ..rule("10.1.0.0/16") },
        ],
        &[rule("8.8.8.8")],
    );
    let addresses = |list: &[&str]| list.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect::<Vec<_>>();
    let reach = |host: &'static str, list: &[&str]| allowed.reachable(&https(host), &addresses(list));
    assert_eq!(reach("a.org", &["1.1.1.1", "127.0.0.1", "::1", "::ffff:10.0.0.1", "8.8.8.8"]), Ok(addresses(&["1.1.1.1"])));
    assert!(matches!(reach("a.org", &["169.254.169.254"]), Err(Refusal::Private { .. })));
    assert!(matches!(reach("a.org", &["::ffff:8.8.8.8"]), Err(Refusal::Denied { .. })));
    assert!(matches!(reach("a.org", &[]), Err(Refusal::Unresolved { .. })));
    assert_eq!(reach("in.org", &["127.0.0.1"]), Ok(addresses(&["127.0.0.1"])));
    // A network is about addresses; its private ones are open to the names that are listed.
    assert!(matches!(reach("other.org", &["9.9.9.9"]), Err(Refusal::NotListed { .. })));
    assert_eq!(reach("9.9.9.9", &["9.9.9.9"]), Ok(addresses(&["9.9.9.9"])));
    assert!(matches!(reach("9.9.8.9", &["9.9.8.9"]), Err(Refusal::NotListed { .. })));
    assert_eq!(reach("10.1.2.3", &["10.1.2.3"]), Ok(addresses(&["10.1.2.3"])));
    assert_eq!(reach("a.org", &["10.1.2.3"]), Ok(addresses(&["10.1.2.3"])));
    assert!(matches!(reach("a.org", &["10.2.0.1"]), Err(Refusal::Private { .. })));
}

#[test]
fn what_is_no_host_is_refused() {
    for bad in ["", "a b", "https://a.org", "a.org/x", "*", "*.", "a..b", "10.0.0.0/33", "[::1"] {
        assert!(HostRules::new(&[rule(bad)], &[]).is_err(), "{bad}");
    }
    for good in ["a.org.", "A.ORG", "[::1]", "::1", "10.0.0.7/8", "localhost", "*.a.org"] {
        assert!(HostRules::new(&[rule(good)], &[]).is_ok(), "{good}");
    }
}

#[test]
fn patterns_hold_at_every_port_unless_they_name_one() {
    let rules = HostRules::of_patterns(&["a.org".into(), "x.io:8443".into()], &["127.0.0.1:9".into(), "[::1]:9".into()]).unwrap();
    let passes = |host, port| rules.check(&Target { port, ..https(host) }).is_ok();
    assert!(passes("a.org", 1) && passes("x.io", 8443) && passes("127.0.0.1", 9) && passes("::1", 9));
    assert!(!passes("x.io", 443) && !passes("127.0.0.1", 10));
}

proptest! {
    #[test]
    fn nothing_private_is_reachable_without_the_word(bits in any::<u32>(), host in "[a-z]{1,8}\\.[a-z]{2,4}") {
        let address = SocketAddr::new(IpAddr::V4(bits.into()), 443);
        let rules = rules(&[rule(&host), rule("0.0.0.0/0")], &[]);
        prop_assert_eq!(rules.reachable(&https(&host), &[address]).is_ok(), is_public(address.ip()));
    }

    #[test]
    fn what_is_denied_is_never_allowed(host in "[a-z]{1,8}(\\.[a-z]{1,5}){1,3}", port in any::<u16>(), bits in any::<u32>()) {
        let address = IpAddr::V4(bits.into());
        let all = [HostRule { private: true, port: Some(port), ..rule(&host) }, HostRule { private: true, port: Some(port), ..rule("0.0.0.0/0") }];
        let target = Target { port, ..https(&host) };
        let open = rules(&all, &[]);
        prop_assert!(open.check(&target).is_ok() && open.reachable(&target, &[SocketAddr::new(address, port)]).is_ok());
        prop_assert!(rules(&all, &[rule(&host)]).check(&target).is_err());
        let by_address = rules(&all, &[rule(&address.to_string())]);
        prop_assert!(by_address.reachable(&target, &[SocketAddr::new(address, port)]).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}", target in ".{0,40}") {
        if let Ok(rules) = HostRules::of_patterns(&[text.into()], &[]) {
            let _ = rules.check(&https(&target));
        }
    }
}

//! What a guest reaches of the network: what is granted to it, at the addresses that were checked, and so much of it.
//! Each refusal has its twin that succeeds.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use caxton_sandbox::{Call, CallEnded, Component, Denial, EgressOptions, Error, Limits, Sandbox, egress::Resolver};
use caxton_types::{Code, Fault, HostRule, Permissions, Scheme, error::ResourceError, unit::ByteSize};

use crate::{
    fetch::fetch,
    guest::ECHO,
    support::{component_of, sandbox, shared},
};

const DENIED: &str = "!15";
const PROHIBITED: &str = "!04";
const NO_NAME: &str = "!01";

/// A server on a port of its own that answers every connection so; it counts them.
struct Local {
    port: u16,
    served: Arc<AtomicUsize>,
}

impl Local {
    fn new(response: &'static str, body_len: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, served) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&served);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let mut seen = Vec::new();
                let mut piece = [0; 1024];
                while !seen.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(len) => seen.extend_from_slice(&piece[..len]),
                    }
                }
                // The guest may be gone before it has all.
                let _ = stream.write_all(response.as_bytes()).and_then(|()| stream.write_all(&vec![b'x'; body_len]));
            }
        });
        Self { port, served }
    }

    fn hello() -> Self {
        Self::new("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", 0)
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

fn rule(host: &str, port: u16) -> HostRule {
    HostRule { scheme: None, host: host.into(), port: Some(port), methods: vec![], private: true }
}

async fn load(sandbox: &Sandbox, hosts: Vec<HostRule>) -> Component {
    sandbox.load_granted("fetch", fetch(), &Permissions { hosts, ..Permissions::default() }).await.unwrap()
}

async fn ask(component: &Component, what: &str) -> CallEnded {
    component.perform(Call::new("echo", what)).await
}

async fn limited(component: &Component, what: &str, change: impl FnOnce(&mut Limits)) -> CallEnded {
    let mut call = Call::new("echo", what);
    change(&mut call.limits);
    component.perform(call).await
}

#[tokio::test]
async fn http_without_hosts_is_refused_when_it_is_loaded() {
    let error = shared().load("fetch", fetch()).await.unwrap_err();
    assert!(matches!(&error, Error::ImportNotGranted { .. }), "{error}");
    assert!(error.to_string().contains("wasi:http/outgoing-handler@0.2.6"), "{error}");
    assert_eq!(error.hint().unwrap(), "grant `hosts` in the tool's permissions, or build it without the import");
    assert_eq!(error.code(), Code::Denied);
}

#[tokio::test]
async fn sockets_are_refused_unless_the_word_is_said() {
    let wit = "package wasi:sockets@0.2.6 { interface instance-network { use network.{network}; instance-network: func() -> network; }
        interface network { resource network; } }";
    let fields = r#"(import "wasi:sockets/instance-network@0.2.6" "instance-network" (func $network (result i32)))"#;
    let guest = component_of(fields, &format!("(drop (call $network)) {ECHO}"), wit, &["wasi:sockets/instance-network@0.2.6"]);
    let hosts = vec![rule("127.0.0.1", 80)];
    let error =
        shared().load_granted("raw", guest.clone(), &Permissions { hosts: hosts.clone(), ..Permissions::default() }).await.unwrap_err();
    assert_eq!(error.hint().unwrap(), "grant `sockets` in the tool's permissions, or build it without the import");
    let opened = Permissions { hosts, sockets: true, ..Permissions::default() };
    let component = shared().load_granted("raw", guest, &opened).await.unwrap();
    assert_eq!(ask(&component, "{}").await.result.unwrap(), "{}");
    // Each handle may be a socket, which is one of the process: there are fewer of them.
    let many = format!(
        "(local $more i32) (local.set $more (i32.const 300))
        (loop (drop (call $network)) (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1))))) {ECHO}"
    );
    let guest = component_of(fields, &many, wit, &["wasi:sockets/instance-network@0.2.6"]);
    let component = shared().load_granted("many", guest, &opened).await.unwrap();
    let ended = ask(&component, "{}").await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::HandleLimitExceeded { limit: 256 }))), "{ended:?}");
}

#[tokio::test]
async fn a_request_reaches_what_a_rule_allows_and_nothing_else() {
    let local = Local::hello();
    let port = local.port;
    let component = load(shared(), vec![rule("127.0.0.1", port), rule("example.com", 80)]).await;
    let ended = ask(&component, &format!("gh127.0.0.1:{port}")).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.usage.requests, ended.denials.len()), ("hello", 1, 0));
    assert!(ended.usage.sent.get() > 20 && ended.usage.received.get() > 40, "{:?}", ended.usage);
    let mut other = rule("127.0.0.1", port);
    other.methods = vec!["POST".into()];
    other.scheme = Some(Scheme::Http);
    let posts = load(shared(), vec![other]).await;
    assert_eq!(ask(&posts, &format!("ph127.0.0.1:{port}")).await.result.unwrap(), "hello");
    let served = local.served();
    let there = format!("127.0.0.1:{port}");
    for (component, what, told) in [
        (&component, format!("gh127.0.0.2:{port}"), format!("GET http://127.0.0.2:{port}")),
        (&component, format!("gh127.0.0.1:{}", port ^ 1), format!("GET http://127.0.0.1:{}", port ^ 1)),
        (&component, format!("ghlocalhost:{port}"), format!("GET http://localhost:{port}")),
        (&component, format!("ch{there}"), format!("CONNECT http://{there}, a tunnel")),
        (&component, format!("gh127.0.0.1@example.com:{port}"), format!("GET http://example.com:{port}, with a user before the host")),
        (&component, format!("gh[::ffff:127.0.0.2]:{port}"), format!("GET http://[::ffff:127.0.0.2]:{port}")),
        (&posts, format!("gh{there}"), format!("GET http://{there}")),
        (&posts, format!("ps{there}"), format!("POST https://{there}")),
    ] {
        let ended = ask(component, &what).await;
        assert_eq!(ended.result.unwrap(), DENIED, "{what}");
        assert_eq!(ended.denials, [Denial { what: told, key: "hosts" }], "{what}");
    }
    assert_eq!(local.served(), served);
}

#[tokio::test]
async fn a_private_address_needs_the_word() {
    let local = Local::hello();
    let what = format!("gh127.0.0.1:{}", local.port);
    let unsaid = HostRule { private: false, ..rule("127.0.0.1", local.port) };
    let ended = ask(&load(shared(), vec![unsaid]).await, &what).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.denials[0].key), (PROHIBITED, "hosts"));
    assert!(ended.denials[0].what.starts_with("GET http://127.0.0.1:"), "{:?}", ended.denials);
    assert_eq!(local.served(), 0);
    assert_eq!(ask(&load(shared(), vec![rule("127.0.0.1", local.port)]).await, &what).await.result.unwrap(), "hello");
    // What is denied stays denied.
    let permissions = Permissions {
        hosts: vec![rule("127.0.0.1", local.port)],
        denied_hosts: vec![rule("127.0.0.0/8", local.port)],
        ..Permissions::default()
    };
    let component = shared().load_granted("fetch", fetch(), &permissions).await.unwrap();
    assert_eq!(ask(&component, &what).await.result.unwrap(), DENIED);
}

/// A name whose address is another one every time it is asked for.
fn rebinding(addresses: [[u8; 4]; 2]) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = Resolver::new(move |_, port| {
        let address = addresses[count.fetch_add(1, Ordering::SeqCst).min(1)];
        async move { Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port)]) }
    });
    (resolver, asked)
}

#[tokio::test]
async fn a_name_is_asked_for_once_and_connected_to_where_it_was_checked() {
    let local = Local::hello();
    let what = format!("ghrebind.example:{}", local.port);
    let unsaid = HostRule { private: false, ..rule("rebind.example", local.port) };
    // First a public address, then this machine's: the connection goes to the first.
    let (resolver, asked) = rebinding([[192, 0, 2, 1], [127, 0, 0, 1]]);
    let (own, _folder) = sandbox(|options| options.egress = EgressOptions { resolver, ..EgressOptions::default() });
    let ended = ask(&load(&own, vec![unsaid.clone()]).await, &what).await;
    assert_eq!((ended.result.unwrap().as_str(), asked.load(Ordering::SeqCst)), (PROHIBITED, 1));
    let (resolver, asked) = rebinding([[1, 1, 1, 1], [127, 0, 0, 1]]);
    let connect_timeout = Duration::from_millis(1);
    let (own, _folder) = sandbox(|options| options.egress = EgressOptions { resolver, connect_timeout, ..EgressOptions::default() });
    let ended = ask(&load(&own, vec![unsaid]).await, &what).await;
    assert!(ended.result.unwrap().starts_with('!') && asked.load(Ordering::SeqCst) == 1 && local.served() == 0);
    // With the word the same name leads here.
    let (resolver, _) = rebinding([[127, 0, 0, 1], [127, 0, 0, 1]]);
    let (own, _folder) = sandbox(|options| options.egress = EgressOptions { resolver, ..EgressOptions::default() });
    assert_eq!(ask(&load(&own, vec![rule("rebind.example", local.port)]).await, &what).await.result.unwrap(), "hello");
    let (nobody, _folder) = sandbox(|options| options.egress.resolver = Resolver::new(|_, _| async { Ok(vec![]) }));
    assert_eq!(ask(&load(&nobody, vec![rule("rebind.example", local.port)]).await, &what).await.result.unwrap(), NO_NAME);
}

#[tokio::test]
async fn a_redirect_is_the_guests_to_follow() {
    let target = Local::hello();
    let redirect = Box::leak(
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\nconnection: close\r\n\r\nmoved", target.port).into_boxed_str(),
    );
    let local = Local::new(redirect, 0);
    let component = load(shared(), vec![rule("127.0.0.1", local.port)]).await;
    assert_eq!(ask(&component, &format!("gh127.0.0.1:{}", local.port)).await.result.unwrap(), "moved");
    assert_eq!(ask(&component, &format!("gh127.0.0.1:{}", target.port)).await.result.unwrap(), DENIED);
    assert_eq!(target.served(), 0);
}

#[tokio::test]
async fn requests_and_their_bytes_end_at_their_limits() {
    let local = Local::new("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", 300_000);
    let component = load(shared(), vec![rule("127.0.0.1", local.port)]).await;
    let at = |what: &str| format!("{what}h127.0.0.1:{}", local.port);
    let ended = limited(&component, &at("f"), |limits| limits.requests = 3).await;
    assert_eq!(ended.result.unwrap_err().to_string(), "more than 3 requests were sent");
    assert_eq!((ended.usage.requests, local.served()), (3, 3));
    let ended = limited(&component, &at("g"), |limits| limits.egress = ByteSize::new(10)).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::EgressLimitExceeded { limit })) if limit == ByteSize::new(10)));
    assert_eq!(ended.usage.sent, ByteSize::new(10));
    let ended = limited(&component, &at("a"), |limits| limits.ingress = ByteSize::new(200_000)).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::IngressLimitExceeded { .. }))), "{:?}", ended.result);
    assert!(ended.usage.received <= ByteSize::new(200_000));
    let ended = limited(&component, &at("a"), |limits| limits.ingress = ByteSize::new(301_000)).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.usage.received.get() > 300_000), ("", true));
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_a_call() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let what = format!("gh127.0.0.1:{port}");
    let (own, _folder) = sandbox(|options| options.egress.first_byte_timeout = Duration::from_millis(20));
    assert_eq!(ask(&load(&own, vec![rule("127.0.0.1", port)]).await, &what).await.result.unwrap(), "!09");
    let component = load(shared(), vec![rule("127.0.0.1", port)]).await;
    let ended = limited(&component, &what, |limits| limits.wall = Duration::from_millis(20)).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::TimeLimitExceeded { .. }))), "{:?}", ended.result);
}

#[tokio::test]
async fn what_is_no_tls_is_told_to_be_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"hello, this is no TLS").unwrap());
    let component = load(shared(), vec![rule("127.0.0.1", port)]).await;
    assert_eq!(ask(&component, &format!("gs127.0.0.1:{port}")).await.result.unwrap(), "!12");
}

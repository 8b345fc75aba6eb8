use caxton_types::{HostRule, Permissions};

use super::*;
use crate::{Limits, Options, egress::Resolver};

fn destinations(host: &str, private: bool) -> (Arc<Destinations>, Arc<Account>) {
    let rule = HostRule { scheme: None, host: host.into(), port: Some(5432), methods: vec![], private };
    let permissions = Permissions { hosts: vec![rule], sockets: true, ..Permissions::default() };
    let mut options = Options::new("unused");
    options.egress.resolver = Resolver::new(|_, _| async { Err(std::io::ErrorKind::NotFound.into()) });
    let account = Account::new(Limits::default());
    (Destinations::new(&Granted::new(&permissions, &options).unwrap(), &account).unwrap(), account)
}

fn at(address: [u8; 4]) -> SocketAddr {
    (address, 5432).into()
}

#[tokio::test]
async fn what_a_guest_was_told_of_a_name_it_may_connect_to() {
    let (destinations, account) = destinations("*.example.com", false);
    let told = at([1, 1, 1, 1]);
    assert!(!destinations.check(told, SocketAddrUse::TcpConnect).await);
    destinations.asks(7, "db.example.com".to_owned());
    for address in [told, at([127, 0, 0, 1])] {
        destinations.is_told(7, address.ip());
    }
    destinations.is_told(8, [1, 1, 1, 3].into());
    destinations.asks_no_more(7);
    destinations.is_told(7, [1, 1, 1, 4].into());
    for purpose in [SocketAddrUse::TcpConnect, SocketAddrUse::UdpSend, SocketAddrUse::UdpReceive] {
        assert!(destinations.check(told, purpose).await);
    }
    // Neither another port, nor what it was not told, nor a private address.
    for other in [([1, 1, 1, 1], 22).into(), at([1, 1, 1, 3]), at([1, 1, 1, 4]), at([127, 0, 0, 1])] {
        assert!(!destinations.check(other, SocketAddrUse::TcpConnect).await, "{other}");
        assert!(!destinations.check(other, SocketAddrUse::UdpReceive).await, "{other}");
    }
    assert_eq!(account.take_denials().len(), 5, "what is received is none");
}

#[tokio::test]
async fn a_name_with_the_word_may_lead_to_a_private_address() {
    let (destinations, _) = destinations("db.example.com", true);
    destinations.asks(1, "db.example.com".to_owned());
    destinations.is_told(1, [10, 0, 0, 1].into());
    assert!(destinations.check(at([10, 0, 0, 1]), SocketAddrUse::TcpConnect).await);
    assert!(!destinations.check(at([10, 0, 0, 2]), SocketAddrUse::TcpConnect).await);
}

#[test]
fn of_many_the_last_are_kept() {
    let mut recent = Recent::default();
    for number in 0..RECENT_MAX + 10 {
        recent.add(number);
        recent.add(number);
    }
    assert_eq!((recent.0.len(), recent.0.front(), recent.0.back()), (RECENT_MAX, Some(&10), Some(&(RECENT_MAX + 9))));
}

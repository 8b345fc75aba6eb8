//! Raw connections: to the hosts that are granted and nowhere else, each byte counted. Each refusal has its twin that succeeds.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use caxton_sandbox::{Call, CallEnded, Component, Denial, Error, Limits, Sandbox, egress::Resolver};
use caxton_types::{HostRule, Permissions, error::ResourceError, unit::ByteSize};

use crate::{
    raw::{WORDS, raw},
    support::{sandbox, shared},
};

const ACCESS_DENIED: &str = "!01";
const ANSWER: &str = "hello from a host";
/// What each datagram counts beside what is in it.
const HEADER_LEN: u64 = 8;

/// Answers connections so; returns its port.
fn tcp(mut talk: impl FnMut(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(|stream| talk(stream.unwrap())));
    port
}

fn polite() -> u16 {
    tcp(|mut stream| {
        let mut words = [0; WORDS.len()];
        if stream.read_exact(&mut words).is_ok() {
            assert_eq!(&words, WORDS.as_bytes());
            stream.write_all(ANSWER.as_bytes()).unwrap();
        }
    })
}

/// Answers datagrams so; returns its port.
fn udp(talk: impl Fn(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut datagram = [0; 1024];
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            talk(&socket, &datagram[..len], from);
        }
    });
    port
}

fn polite_udp() -> u16 {
    udp(|socket, datagram, from| {
        assert_eq!(datagram, WORDS.as_bytes());
        socket.send_to(ANSWER.as_bytes(), from).unwrap();
    })
}

fn rule(host: &str, port: u16) -> HostRule {
    HostRule { scheme: None, host: host.into(), port: Some(port), methods: vec![], private: true }
}

async fn load_into(sandbox: &Sandbox, host: &str, port: u16) -> Component {
    let permissions = Permissions { hosts: vec![rule(host, port)], sockets: true, ..Permissions::default() };
    sandbox.load_granted("raw", raw(), &permissions).await.unwrap()
}

async fn load(port: u16) -> Component {
    load_into(shared(), "127.0.0.1", port).await
}

async fn limited(component: &Component, what: &str, change: impl FnOnce(&mut Limits)) -> CallEnded {
    let mut call = Call::new("echo", what);
    change(&mut call.limits);
    component.perform(call).await
}

async fn ask(component: &Component, what: &str) -> CallEnded {
    limited(component, what, |_| {}).await
}

/// Asked so, the guest is refused, and one denial is written down.
async fn denied(component: &Component, what: &str) -> Denial {
    let ended = ask(component, what).await;
    assert_eq!(ended.result.unwrap(), ACCESS_DENIED, "{what}");
    let [denial] = &ended.denials[..] else { panic!("{what}: {:?}", ended.denials) };
    denial.clone()
}

fn denial(what: String, key: &'static str) -> Denial {
    Denial { what, key }
}

fn sent_and_received(ended: &CallEnded) -> (u64, u64) {
    (ended.usage.sent.get(), ended.usage.received.get())
}

#[tokio::test]
async fn a_connection_goes_where_it_is_granted_and_its_bytes_count() {
    let port = polite();
    let component = load(port).await;
    let ended = ask(&component, &format!("t1:{port}")).await;
    assert_eq!(sent_and_received(&ended), (WORDS.len() as u64, ANSWER.len() as u64));
    assert_eq!((ended.usage.requests, ended.denials.len()), (1, 0));
    assert_eq!(ended.result.unwrap(), ANSWER);
    for (last, port) in [(2, port), (1, port ^ 1)] {
        let told = denied(&component, &format!("t{last}:{port}")).await;
        assert_eq!(told, denial(format!("a connection to 127.0.0.{last}:{port}"), "hosts"));
    }
    // A private address needs the word here too.
    let hosts = vec![HostRule { private: false, ..rule("127.0.0.1", port) }];
    let permissions = Permissions { hosts, sockets: true, ..Permissions::default() };
    let unsaid = shared().load_granted("raw", raw(), &permissions).await.unwrap();
    assert_eq!(denied(&unsaid, &format!("t1:{port}")).await, denial(format!("a connection to 127.0.0.1:{port}"), "hosts"));
    // Without any host there is nowhere to go.
    let permissions = Permissions { sockets: true, ..Permissions::default() };
    let nowhere = shared().load_granted("raw", raw(), &permissions).await.unwrap();
    for (what, tried) in [("t", "a connection"), ("u", "a datagram"), ("w", "a datagram")] {
        let told = denied(&nowhere, &format!("{what}1:{port}")).await;
        assert_eq!(told, denial(format!("{tried} to 127.0.0.1:{port}"), "hosts"));
    }
}

#[tokio::test]
async fn the_bytes_of_a_connection_end_at_their_limits() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let reads = tcp(move |mut stream| {
        let mut piece = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut piece) {
            count.fetch_add(len, Ordering::SeqCst);
        }
    });
    let component = load(reads).await;
    let limit = ByteSize::new(100_000);
    let ended = limited(&component, &format!("f1:{reads}"), |limits| limits.egress = limit).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::EgressLimitExceeded { limit: told })) if told == limit), "{ended:?}");
    // Whole pieces of 4 KiB; not one more was seen at the other end.
    assert_eq!(ended.usage.sent, ByteSize::new(98_304));
    assert!(seen.load(Ordering::SeqCst) <= 98_304);

    let writes = tcp(|mut stream| drop(stream.write_all(&vec![b'x'; 300_000])));
    let component = load(writes).await;
    let limit = ByteSize::new(200_000);
    let ended = limited(&component, &format!("a1:{writes}"), |limits| limits.ingress = limit).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::IngressLimitExceeded { limit: told })) if told == limit), "{ended:?}");
    assert!(ended.usage.received <= limit, "{:?}", ended.usage);
    let ended = limited(&component, &format!("a1:{writes}"), |limits| limits.ingress = ByteSize::new(300_000)).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.usage.received.get()), ("0", 300_000));

    let port = polite();
    let ended = limited(&load(port).await, &format!("t1:{port}"), |limits| limits.requests = 0).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::RequestLimitExceeded { limit: 0 }))), "{ended:?}");
}

#[tokio::test]
async fn datagrams_go_where_they_are_granted_and_count() {
    let port = polite_udp();
    let component = load(port).await;
    let counted = (WORDS.len() as u64 + HEADER_LEN, ANSWER.len() as u64 + HEADER_LEN);
    // Connected, and with the address on each.
    for what in ["u", "w"] {
        let ended = ask(&component, &format!("{what}1:{port}")).await;
        assert_eq!((sent_and_received(&ended), ended.usage.requests, ended.denials.len()), (counted, 1, 0), "{what}");
        assert_eq!(ended.result.unwrap(), ANSWER);
        let told = denied(&component, &format!("{what}2:{port}")).await;
        assert_eq!(told, denial(format!("a datagram to 127.0.0.2:{port}"), "hosts"));
        let ended = ask(&component, &format!("{what}2:{port}")).await;
        assert_eq!(sent_and_received(&ended), (0, 0), "what is refused is not sent");
    }
}

#[tokio::test]
async fn datagrams_end_at_their_limits() {
    let port = polite_udp();
    let component = load(port).await;
    let limit = ByteSize::new(counted_of(ANSWER) - 1);
    let ended = limited(&component, &format!("w1:{port}"), |limits| limits.ingress = limit).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::IngressLimitExceeded { limit: told })) if told == limit), "{ended:?}");
    assert_eq!(sent_and_received(&ended), (counted_of(WORDS), 0));
    let limit = ByteSize::new(counted_of(WORDS) - 1);
    let ended = limited(&component, &format!("u1:{port}"), |limits| limits.egress = limit).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::EgressLimitExceeded { limit: told })) if told == limit), "{ended:?}");
    assert_eq!(sent_and_received(&ended), (0, 0));
    // Empty ones are not for nothing.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let ended = limited(&load(port).await, &format!("e1:{port}"), |limits| limits.egress = ByteSize::new(10 * HEADER_LEN)).await;
    assert!(matches!(ended.result, Err(Error::Limit(ResourceError::EgressLimitExceeded { .. }))), "{ended:?}");
    assert_eq!(ended.usage.sent.get(), 10 * HEADER_LEN);
}

fn counted_of(words: &str) -> u64 {
    words.len() as u64 + HEADER_LEN
}

/// The second datagram waits for the first, which waits for a name.
#[tokio::test]
async fn a_datagram_that_is_not_taken_does_not_count() {
    let (own, _folder) = sandbox(|options| options.egress.resolver = Resolver::new(|_, _| std::future::pending()));
    let component = load_into(&own, "slow.example", 9).await;
    let ended = ask(&component, "y1:9").await;
    assert_eq!((ended.usage.sent.get(), ended.result.unwrap().as_str()), (counted_of(WORDS), "1"));
}

/// What strangers send to a guest is no attempt of its own, and costs no look-up of names.
#[tokio::test]
async fn what_strangers_send_is_dropped_in_silence() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp(move |socket, _, from| {
        let guest = (Ipv4Addr::LOCALHOST, from.port());
        for _ in 0..20 {
            stranger.send_to(b"stranger", guest).unwrap();
        }
        socket.send_to(ANSWER.as_bytes(), guest).unwrap();
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (own, _folder) = sandbox(|options| {
        options.egress.resolver = Resolver::new(move |_, port| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]) }
        });
    });
    let component = load_into(&own, "peer.example", port).await;
    let ended = ask(&component, &format!("w1:{port}")).await;
    assert_eq!((sent_and_received(&ended), ended.denials.len()), ((counted_of(WORDS), counted_of(ANSWER)), 0));
    assert_eq!((ended.result.unwrap().as_str(), asked.load(Ordering::SeqCst)), (ANSWER, 1));
}

#[tokio::test]
async fn nobody_connects_to_a_guest() {
    let port = polite();
    let component = load(port).await;
    assert_eq!(denied(&component, "x1:0").await, denial("accepting a connection".to_owned(), "sockets"));
    for what in ["b", "d"] {
        let told = denied(&component, &format!("{what}1:{port}")).await;
        assert_eq!(told, denial(format!("binding to 127.0.0.1:{port}"), "sockets"), "{what}");
    }
    assert_eq!(denied(&component, "b1:0").await, denial("binding to 127.0.0.1:0".to_owned(), "sockets"));
    assert_eq!(denied(&component, "b0:9").await, denial("binding to 0.0.0.0:9".to_owned(), "sockets"));
    // To any address at any port it may bind: that is what connecting does.
    let told = denied(&component, "l0:0").await;
    assert!(told.what.starts_with("waiting for connections at 0.0.0.0:") && told.key == "sockets", "{told:?}");
}

#[tokio::test]
async fn only_names_that_are_granted_are_asked_for() {
    let port = polite();
    let component = load_into(shared(), "localhost", port).await;
    let ended = ask(&component, "nlocalhost").await;
    assert_eq!((ended.usage.requests, ended.denials.len()), (1, 0));
    assert_eq!(ended.result.unwrap(), "1", "an address was found");
    for (name, told) in [("example.org", "example.org"), ("SECRET.localhost.", "secret.localhost")] {
        assert_eq!(denied(&component, &format!("n{name}")).await, denial(format!("the address of `{told}`"), "hosts"));
    }
    // To the address of a name one may connect; we look it up, whatever the guest did.
    let (own, _folder) = sandbox(|options| {
        options.egress.resolver = Resolver::new(|_, port| async move { Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]) });
    });
    let component = load_into(&own, "peer.example", port).await;
    assert_eq!(ask(&component, &format!("t1:{port}")).await.result.unwrap(), ANSWER);
    assert_eq!(denied(&component, &format!("t2:{port}")).await, denial(format!("a connection to 127.0.0.2:{port}"), "hosts"));
}

//! Guests that look for a way to the network, and to this machine's own above all.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use caxton_sandbox::egress::Resolver;
use caxton_types::{HostRule, Permissions, unit::ByteSize};

use crate::{
    Error, Guard, Outcome,
    attack::{Attack, Side, Try, attacks},
    guest,
    local::{Answer, Local},
    stage::{Stage, host, hosts},
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "http-ungranted" by Imports: "sends requests, granted no host at all" => http_ungranted;
    "unlisted-host" by Hosts: "sends a request to another host than the one it is granted" => unlisted_host;
    "loopback" by PrivateAddresses: "is granted a host whose address is this machine's" => loopback;
    "dns-rebinding" by PrivateAddresses: "has a name lead to another address when it is asked for again" => dns_rebinding;
    "redirect-to-loopback" by Hosts: "is redirected by its own server to one of this machine" => redirect;
    "raw-socket" by Imports: "opens a raw connection, granted the host but no sockets" => raw_socket;
    "raw-socket-elsewhere" by Hosts: "opens a raw connection to another port than the one it is granted" => raw_elsewhere;
    "request-flood" by Requests: "sends one request after the other" => request_flood;
    "egress-flood" by Egress: "carries data out in a request of eight kilobytes" => egress_flood;
    "huge-response" by Ingress: "reads a response without end" => huge_response;
    "slow-response" by Time: "waits for a server that takes its time" => slow_response;
};

/// As `wasi:http` and `wasi:sockets` say it.
const DENIED: &str = "!15";
const PROHIBITED: &str = "!04";
const ACCESS_DENIED: &str = "!01";

/// Addresses of loopback networks that stand for two hosts.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PORTS_TRIED: usize = 16;

fn failed(source: io::Error) -> Error {
    Error::Host { what: "start a server on the loopback network", source }
}

fn watched(attempt: Try<'_>) -> Try<'_> {
    attempt.foiled(DENIED, Guard::Hosts, "wasi:http says `HTTP-request-denied`").foiled(
        PROHIBITED,
        Guard::PrivateAddresses,
        "wasi:http says `destination-IP-prohibited`",
    )
}

async fn fetch(stage: &Stage, permissions: Permissions, arguments: String) -> Result<Outcome, Error> {
    Ok(watched(stage.attempt(guest::fetch()?, arguments)).granted(permissions).gains(stage.canary.word.as_str()).run().await)
}

fn local(port: u16) -> HostRule {
    host("127.0.0.1", port)
}

async fn http_ungranted(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    fetch(stage, hosts(side.pick(vec![], vec![local(port)])), format!("g127.0.0.1:{port}")).await
}

async fn unlisted_host(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    let granted = side.pick(host("selftest.invalid", port), local(port));
    fetch(stage, hosts(vec![granted]), format!("g127.0.0.1:{port}")).await
}

async fn loopback(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    let granted = HostRule { private: side.pick(false, true), ..local(port) };
    fetch(stage, hosts(vec![granted]), format!("g127.0.0.1:{port}")).await
}

/// The name leads to one address for the first request and to this machine for the second. The first is granted; widened, the second is too.
async fn dns_rebinding(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let (first, second) = pair(stage.canary.word.as_str()).await?;
    let asked = Arc::new(AtomicUsize::new(0));
    let resolver = Resolver::new(move |_, port| {
        let address = if asked.fetch_add(1, Ordering::SeqCst) == 0 { FIRST } else { SECOND };
        async move { Ok(vec![SocketAddr::from((address, port))]) }
    });
    let own = stage.own("dns-rebinding", |options| options.egress.resolver = resolver)?;
    let name = HostRule { private: side.pick(false, true), ..host("rebind.invalid", first.port) };
    let permissions = hosts(vec![name, host("127.0.0.2", first.port)]);
    let attempt = stage.attempt_in(&own, guest::fetch()?, format!("trebind.invalid:{}", first.port)).granted(permissions);
    let outcome = watched(attempt).gains(stage.canary.word.as_str()).run().await;
    Ok(match (side, first.served(), second.served()) {
        // Its first request goes where it may, or nothing has been tried.
        (Side::Guarded, 1, 0) | (Side::Twin, 1, 1) => outcome,
        (_, first, second) => Outcome::odd(&format!("{first} requests at the first address, {second} at the second")),
    })
}

/// Two servers at one port of two addresses.
async fn pair(word: &str) -> Result<(Local, Local), Error> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORTS_TRIED {
        let first = Local::start_at(FIRST, 0, Answer { body: "first".to_owned(), ..Answer::default() }).await.map_err(failed)?;
        match Local::start_at(SECOND, first.port, Answer { body: word.to_owned(), ..Answer::default() }).await {
            Ok(second) => return Ok((first, second)),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

/// The guest follows of its own accord: the host follows no redirect.
async fn redirect(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    let place = format!("127.0.0.1:{port}");
    let answer = Answer { location: Some(format!("http://{place}/")), body: place, ..Answer::default() };
    let own = Local::start(answer).await.map_err(failed)?;
    let granted = side.pick(vec![local(own.port)], vec![local(own.port), local(port)]);
    fetch(stage, hosts(granted), format!("r127.0.0.1:{}", own.port)).await
}

async fn raw_socket(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    connect(stage, Permissions { sockets: side.pick(false, true), ..hosts(vec![local(port)]) }, port).await
}

async fn raw_elsewhere(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let port = stage.canary.server.port;
    let granted = side.pick(host("127.0.0.2", port), local(port));
    connect(stage, Permissions { sockets: true, ..hosts(vec![granted]) }, port).await
}

async fn connect(stage: &Stage, permissions: Permissions, port: u16) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::sockets()?, port.to_string()).granted(permissions);
    Ok(attempt.foiled(ACCESS_DENIED, Guard::Hosts, "wasi:sockets says `access-denied`").run().await)
}

async fn request_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let own = Local::start(Answer { body: "ok".to_owned(), ..Answer::default() }).await.map_err(failed)?;
    let attempt = stage.attempt(guest::fetch()?, format!("f127.0.0.1:{}", own.port)).granted(hosts(vec![local(own.port)]));
    Ok(attempt.limited(|limits| limits.requests = side.pick(3, 32)).run().await)
}

async fn egress_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let own = Local::start(Answer { body: "ok".to_owned(), ..Answer::default() }).await.map_err(failed)?;
    let attempt = stage.attempt(guest::fetch()?, format!("e127.0.0.1:{}", own.port)).granted(hosts(vec![local(own.port)]));
    let limit = side.pick(ByteSize::new(4 << 10), ByteSize::mib(1));
    Ok(attempt.limited(|limits| limits.egress = limit).run().await)
}

async fn huge_response(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let own = Local::start(Answer { padding: 1 << 20, ..Answer::default() }).await.map_err(failed)?;
    let attempt = stage.attempt(guest::fetch()?, format!("a127.0.0.1:{}", own.port)).granted(hosts(vec![local(own.port)]));
    let limit = side.pick(ByteSize::new(256 << 10), ByteSize::mib(8));
    Ok(attempt.limited(|limits| limits.ingress = limit).run().await)
}

async fn slow_response(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let answer = Answer { body: "ok".to_owned(), delay: Duration::from_millis(200), ..Answer::default() };
    let own = Local::start(answer).await.map_err(failed)?;
    let attempt = stage.attempt(guest::fetch()?, format!("g127.0.0.1:{}", own.port)).granted(hosts(vec![local(own.port)]));
    Ok(attempt.limited(|limits| limits.wall = side.pick(Duration::from_millis(50), Duration::from_secs(30))).run().await)
}

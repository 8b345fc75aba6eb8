//! The one way from a guest to the network: rules, addresses, and the request that is sent.
//!
//! A request is checked against the rules by scheme, host, port and method; its host is resolved by us, once; every
//! address is checked; the connection is made to exactly the addresses that passed. So a name that resolves to another
//! address a moment later (DNS rebinding) reaches nothing new. A redirect is a new request of the guest's own.

mod address;
mod counted;
mod resolve;
mod rules;
mod send;

use std::{sync::Arc, time::Duration};

pub(crate) use self::send::Hooks;
pub use self::{
    address::is_public,
    resolve::Resolver,
    rules::{HostRules, InvalidHost, Refusal, Target},
};

/// How guests reach the network, where they may.
#[derive(Debug, Clone)]
pub struct EgressOptions {
    /// Until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// From a request that is sent to the first byte of its response.
    pub first_byte_timeout: Duration,
    /// Between two pieces of a response. The whole has no limit but the call's.
    pub between_bytes_timeout: Duration,
    /// What turns names into addresses.
    pub resolver: Resolver,
}

impl Default for EgressOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(30),
            between_bytes_timeout: Duration::from_secs(30),
            resolver: Resolver::default(),
        }
    }
}

/// What one component may reach.
pub(crate) struct Egress {
    pub(crate) rules: HostRules,
    pub(crate) options: EgressOptions,
}

impl Egress {
    pub(crate) fn new(rules: HostRules, options: EgressOptions) -> Arc<Self> {
        Arc::new(Self { rules, options })
    }

    /// The addresses that a request may go to: those of its host that the rules allow, at least one.
    pub(crate) async fn addresses(&self, target: &Target<'_>) -> Result<Vec<std::net::SocketAddr>, Refusal> {
        self.rules.check(target)?;
        let found = if let Some(address) = target.literal() {
            vec![(address, target.port).into()]
        } else {
            let looked_up = tokio::time::timeout(self.options.connect_timeout, self.options.resolver.resolve(target.host, target.port));
            let found = looked_up.await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut)).and_then(|found| found);
            found.map_err(|error| Refusal::Unresolved { host: target.host.into(), reason: error.to_string() })?
        };
        self.rules.reachable(target, &found)
    }
}

//! Where the raw connections of a guest may go: to addresses of its hosts.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use parking_lot::Mutex;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::{
    account::Account,
    egress::{Egress, Target},
    grant::Granted,
};

/// The key of a tool's permissions that opens hosts.
pub(super) const HOSTS: &str = "hosts";
/// That of raw connections. It opens no way to the guest: nobody connects to one.
pub(super) const SOCKETS: &str = "sockets";
/// What is kept in mind of addresses; of more of them the last.
const RECENT_MAX: usize = 256;

/// What one instance may connect and send to, and what it was told and did so far.
pub(crate) struct Destinations {
    egress: Option<Arc<Egress>>,
    account: Arc<Account>,
    /// The names whose addresses it is told, by the streams of these.
    lookups: Mutex<HashMap<u32, Arc<str>>>,
    /// Names that it looked up, each with an address that was found. A name may have other addresses a moment later; the one
    /// that the guest was told is as good as those.
    looked_up: Mutex<Recent<(Arc<str>, IpAddr)>>,
    /// Where it sends datagrams, which is from where it is answered.
    sent_to: Mutex<Recent<SocketAddr>>,
}

impl Destinations {
    /// None where there are no raw connections at all.
    pub(crate) fn new(granted: &Granted, account: &Arc<Account>) -> Option<Arc<Self>> {
        let own = || Self {
            egress: granted.egress.clone(),
            account: Arc::clone(account),
            lookups: Mutex::default(),
            looked_up: Mutex::default(),
            sent_to: Mutex::default(),
        };
        granted.sockets.then(|| Arc::new(own()))
    }

    /// Whether a guest may use a socket so: to connect and to send, to addresses of its hosts.
    pub(super) async fn check(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match purpose {
            // The system chooses the port; nobody can be waited for there.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
                let allowed = address.ip().is_unspecified() && address.port() == 0;
                self.judged(allowed, SOCKETS, || format!("binding to {address}"))
            }
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                self.judged(false, SOCKETS, || format!("waiting for connections at {address}"))
            }
            SocketAddrUse::TcpConnect => {
                let allowed = self.is_listed(address).await;
                self.judged(allowed, HOSTS, || format!("a connection to {address}"))
            }
            SocketAddrUse::UdpSend => {
                let allowed = self.is_listed(address).await;
                if allowed {
                    self.sent_to.lock().add(address);
                }
                self.judged(allowed, HOSTS, || format!("a datagram to {address}"))
            }
            // What strangers send is not the guest's doing: it is dropped, and asks nobody for names.
            SocketAddrUse::UdpReceive => self.is_literal(address) || self.sent_to.lock().0.contains(&address),
        }
    }

    /// A guest asks for the addresses of a name that it may ask for.
    pub(super) fn asks(&self, stream: u32, name: String) {
        self.lookups.lock().insert(stream, name.into());
    }

    /// It is told one of them.
    pub(super) fn is_told(&self, stream: u32, address: IpAddr) {
        if let Some(name) = self.lookups.lock().get(&stream) {
            self.looked_up.lock().add((Arc::clone(name), address.to_canonical()));
        }
    }

    /// It asks no further.
    pub(super) fn asks_no_more(&self, stream: u32) {
        self.lookups.lock().remove(&stream);
    }

    fn judged(&self, allowed: bool, key: &'static str, what: impl FnOnce() -> String) -> bool {
        if !allowed {
            self.account.deny(what(), key);
        }
        allowed
    }

    /// Whether the address itself is listed, or a network that it is in.
    fn is_literal(&self, address: SocketAddr) -> bool {
        self.is_named(&address.ip().to_canonical().to_string(), address)
    }

    /// Whether this name is listed, and allowed at this address.
    fn is_named(&self, name: &str, address: SocketAddr) -> bool {
        let target = target(name, address.port());
        self.egress
            .as_ref()
            .is_some_and(|egress| egress.rules.check(&target).is_ok() && egress.rules.reachable(&target, &[address]).is_ok())
    }

    async fn is_listed(&self, address: SocketAddr) -> bool {
        let Some(egress) = &self.egress else { return false };
        let ip = address.ip().to_canonical();
        if self.is_literal(address) {
            return true;
        }
        let names: Vec<_> = self.looked_up.lock().0.iter().filter(|(_, found)| *found == ip).map(|(name, _)| Arc::clone(name)).collect();
        if names.iter().any(|name| self.is_named(name, address)) {
            return true;
        }
        // It may be the address of a name that is listed: as we resolve it, not as the guest says.
        for name in egress.rules.raw_names() {
            let found = egress.addresses(&target(name, address.port())).await.unwrap_or_default();
            if found.iter().any(|found| found.ip().to_canonical() == ip) {
                return true;
            }
        }
        false
    }
}

fn target(host: &str, port: u16) -> Target<'_> {
    Target { scheme: None, host, port, method: "" }
}

/// The last few of many.
struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: PartialEq> Recent<T> {
    fn add(&mut self, one: T) {
        if self.0.contains(&one) {
            return;
        }
        if self.0.len() >= RECENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(one);
    }
}

#[cfg(test)]
mod tests;

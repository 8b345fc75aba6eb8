//! Taking a port, and saying who has it where it is taken.

use caxton_config::server::ServerConfig;
use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::Path,
};
use tokio::net::TcpListener;

/// Why a port could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another process listens there.
    #[error("port {} of {} is taken{}", .addr.port(), .addr.ip(), .owner.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    InUse {
        /// The address.
        addr: SocketAddr,
        /// The process that has it, where that can be seen.
        owner: Option<u32>,
    },
    /// The address is reachable from other machines.
    #[error("`{0}` is reachable from other machines, and there is no authentication yet")]
    BeyondLoopback(IpAddr),
    /// The name of a host has no loopback address.
    #[error("`{host}` does not name this machine's loopback interface")]
    Unresolved {
        /// The name.
        host: String,
        /// What resolving it said.
        source: io::Error,
    },
    /// Anything else.
    #[error("could not listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl caxton_types::Fault for PortError {
    fn code(&self) -> caxton_types::Code {
        use caxton_types::Code;
        match self {
            Self::InUse { .. } => Code::Conflict,
            Self::BeyondLoopback(_) => Code::Denied,
            Self::Unresolved { .. } | Self::Bind { .. } => Code::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { owner, .. } => Some(format!(
                "choose another one with `--port PORT` or `server.port`{}",
                if owner.is_some() { ", or stop that process" } else { "" }
            )),
            Self::BeyondLoopback(_) | Self::Unresolved { .. } => Some("set `server.host` to 127.0.0.1, ::1 or localhost".into()),
            Self::Bind { .. } => None,
        }
    }
}

/// The loopback address that `host` means.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<SocketAddr, PortError> {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let ip = match literal.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => look_up(host, port).await?,
    };
    if ip.is_loopback() { Ok(SocketAddr::new(ip, port)) } else { Err(PortError::BeyondLoopback(ip)) }
}

async fn look_up(host: &str, port: u16) -> Result<IpAddr, PortError> {
    let unresolved = |source| PortError::Unresolved { host: host.to_owned(), source };
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(unresolved)?.collect();
    // IPv4 first: that is where clients look that know no better.
    let best = found.iter().min_by_key(|addr| (!addr.ip().is_loopback(), addr.is_ipv6()));
    best.map(SocketAddr::ip).ok_or_else(|| unresolved(io::Error::from(io::ErrorKind::NotFound)))
}

/// Whether a server with this configuration could listen where it wants to, and where that is.
pub async fn free_port(config: &ServerConfig) -> Result<SocketAddr, PortError> {
    let addr = resolve(&config.server.host, config.server.port).await?;
    bind(addr).await.map(|_| addr)
}

/// Listens on the address.
pub(crate) async fn bind(addr: SocketAddr) -> Result<TcpListener, PortError> {
    TcpListener::bind(addr).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => PortError::InUse { addr, owner: owner(addr.port()) },
        _ => PortError::Bind { addr, source },
    })
}

/// The process that listens on the port, as far as `/proc` shows it to us.
fn owner(port: u16) -> Option<u32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        listening(&table, port).map(str::to_owned)
    })?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.into_iter().find(|pid| has_file(&Path::new("/proc").join(pid.to_string()).join("fd"), &wanted))
}

fn has_file(dir: &Path, wanted: &str) -> bool {
    let Ok(files) = fs::read_dir(dir) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == wanted))
}

/// The inode of the socket that listens on the port, from the text of `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode] = fields.first_chunk()?;
        let (_, hex) = local.rsplit_once(':')?;
        (*state == LISTEN && u16::from_str_radix(hex, 16) == Ok(port)).then_some(*inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::{Code, Fault};

    #[tokio::test]
    async fn only_the_loopback_interface_is_bound() {
        for (host, ip) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1"), ("localhost", "127.0.0.1")] {
            assert_eq!(resolve(host, 80).await.unwrap(), SocketAddr::new(ip.parse().unwrap(), 80), "{host}");
        }
        for host in ["0.0.0.0", "::", "192.0.2.1"] {
            let error = resolve(host, 80).await.unwrap_err();
            assert_eq!(error.code(), Code::Denied, "{host}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_owner_and_the_way_out() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let addr = first.local_addr().unwrap();
        let error = bind(addr).await.unwrap_err();
        let owner = if cfg!(target_os = "linux") { format!(" by process {}", std::process::id()) } else { String::new() };
        assert_eq!(error.to_string(), format!("port {} of 127.0.0.1 is taken{owner}", addr.port()));
        assert!(error.hint().unwrap().contains("`--port PORT` or `server.port`"));
    }

    #[test]
    fn the_table_of_sockets_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0\n\
                     1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0 20 4 30 10 -1\n";
        assert_eq!(listening(table, 8080), Some("4242"));
        assert_eq!(listening(table, 8081), None, "connected, not listening");
    }
}

//! `wasi:sockets` as guests see it, where they are granted it: connections to the listed hosts and no others, counted.

use std::{net::IpAddr, sync::Arc};

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::{
    p2::{
        DynInputStream, DynOutputStream, DynPollable, Network, SocketError, SocketResult, TcpSocket, UdpSocket,
        bindings::sockets::{
            ip_name_lookup::{self, ResolveAddressStream},
            network::{self, ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress},
            tcp::{self, ShutdownType},
            tcp_create_socket, udp,
            udp::{IncomingDatagram, IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream},
            udp_create_socket,
        },
    },
    sockets::WasiSocketsCtxView,
};

use super::{
    destinations::{Destinations, HOSTS, SOCKETS},
    streams::{SocketReader, SocketWriter},
};
use crate::{account::Account, egress::Egress};

/// What each datagram has beside what is in it; so a flood of empty ones ends too.
const HEADER_LEN: usize = 8;

pub(super) struct Sockets<'a> {
    pub(super) wasi: WasiSocketsCtxView<'a>,
    pub(super) egress: Option<&'a Egress>,
    pub(super) account: &'a Arc<Account>,
    pub(super) destinations: Option<&'a Destinations>,
}

pub(super) struct HasSockets;

impl HasData for HasSockets {
    type Data<'a> = Sockets<'a>;
}

impl Sockets<'_> {
    fn count(&self) -> SocketResult<()> {
        self.account.request().map_err(|_| ErrorCode::NewSocketLimit.into())
    }
}

impl tcp_create_socket::Host for Sockets<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.count()?;
        tcp_create_socket::Host::create_tcp_socket(&mut self.wasi, family)
    }
}

impl udp_create_socket::Host for Sockets<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.count()?;
        udp_create_socket::Host::create_udp_socket(&mut self.wasi, family).await
    }
}

impl ip_name_lookup::Host for Sockets<'_> {
    /// Only names that are listed are asked for: a question is a message too.
    fn resolve_addresses(&mut self, network: Resource<Network>, name: String) -> SocketResult<Resource<ResolveAddressStream>> {
        let host = name.trim_end_matches('.').to_ascii_lowercase();
        let is_address = host.parse::<IpAddr>().is_ok();
        if !is_address && !self.egress.is_some_and(|egress| egress.rules.is_named(&host)) {
            self.account.deny(format!("the address of `{host}`"), HOSTS);
            return Err(ErrorCode::AccessDenied.into());
        }
        self.count()?;
        let answers = ip_name_lookup::Host::resolve_addresses(&mut self.wasi, network, name)?;
        if let (Some(destinations), false) = (self.destinations, is_address) {
            destinations.asks(answers.rep(), host);
        }
        Ok(answers)
    }
}

/// What needs no more than wasmtime does.
macro_rules! as_is {
    ($of:path; $($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        $(fn $name(&mut self, $($arg: $ty),*) -> $ret { <WasiSocketsCtxView<'_> as $of>::$name(&mut self.wasi, $($arg),*) })*
    };
}

impl ip_name_lookup::HostResolveAddressStream for Sockets<'_> {
    fn resolve_next_address(&mut self, stream: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        let rep = stream.rep();
        let found = ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut self.wasi, stream)?;
        if let (Some(destinations), Some(address)) = (self.destinations, found) {
            destinations.is_told(rep, of_guest(address));
        }
        Ok(found)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        if let Some(destinations) = self.destinations {
            destinations.asks_no_more(stream.rep());
        }
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.wasi, stream)
    }

    as_is! { ip_name_lookup::HostResolveAddressStream;
        subscribe(stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>>;
    }
}

fn of_guest(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4(octets) => <[u8; 4]>::from(octets).into(),
        IpAddress::Ipv6(segments) => <[u16; 8]>::from(segments).into(),
    }
}

impl network::Host for Sockets<'_> {
    as_is! { network::Host;
        convert_error_code(error: SocketError) -> wasmtime::Result<ErrorCode>;
        network_error_code(error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>>;
    }
}

impl network::HostNetwork for Sockets<'_> {
    as_is! { network::HostNetwork;
        drop(network: Resource<Network>) -> wasmtime::Result<()>;
    }
}

type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

impl tcp::Host for Sockets<'_> {}

impl tcp::HostTcpSocket for Sockets<'_> {
    fn finish_connect(&mut self, socket: Resource<TcpSocket>) -> SocketResult<Streams> {
        let this = Resource::<TcpSocket>::new_borrow(socket.rep());
        let (input, output) = tcp::HostTcpSocket::finish_connect(&mut self.wasi, socket)?;
        let reader = SocketReader { inner: self.wasi.table.delete(input)?, account: Arc::clone(self.account) };
        let writer = SocketWriter { inner: self.wasi.table.delete(output)?, account: Arc::clone(self.account) };
        let input = self.wasi.table.push_child(Box::new(reader) as DynInputStream, &this)?;
        let output = self.wasi.table.push_child(Box::new(writer) as DynOutputStream, &this)?;
        Ok((input, output))
    }

    /// Nobody connects to a guest.
    fn accept(
        &mut self,
        _: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        self.account.deny("accepting a connection".to_owned(), SOCKETS);
        Err(ErrorCode::AccessDenied.into())
    }

    async fn start_bind(&mut self, socket: Resource<TcpSocket>, network: Resource<Network>, address: IpSocketAddress) -> SocketResult<()> {
        tcp::HostTcpSocket::start_bind(&mut self.wasi, socket, network, address).await
    }

    async fn start_listen(&mut self, socket: Resource<TcpSocket>) -> SocketResult<()> {
        tcp::HostTcpSocket::start_listen(&mut self.wasi, socket).await
    }

    as_is! { tcp::HostTcpSocket;
        finish_bind(socket: Resource<TcpSocket>) -> SocketResult<()>;
        start_connect(socket: Resource<TcpSocket>, network: Resource<Network>, address: IpSocketAddress) -> SocketResult<()>;
        finish_listen(socket: Resource<TcpSocket>) -> SocketResult<()>;
        local_address(socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress>;
        remote_address(socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress>;
        is_listening(socket: Resource<TcpSocket>) -> wasmtime::Result<bool>;
        address_family(socket: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily>;
        set_listen_backlog_size(socket: Resource<TcpSocket>, value: u64) -> SocketResult<()>;
        keep_alive_enabled(socket: Resource<TcpSocket>) -> SocketResult<bool>;
        set_keep_alive_enabled(socket: Resource<TcpSocket>, value: bool) -> SocketResult<()>;
        keep_alive_idle_time(socket: Resource<TcpSocket>) -> SocketResult<u64>;
        set_keep_alive_idle_time(socket: Resource<TcpSocket>, value: u64) -> SocketResult<()>;
        keep_alive_interval(socket: Resource<TcpSocket>) -> SocketResult<u64>;
        set_keep_alive_interval(socket: Resource<TcpSocket>, value: u64) -> SocketResult<()>;
        keep_alive_count(socket: Resource<TcpSocket>) -> SocketResult<u32>;
        set_keep_alive_count(socket: Resource<TcpSocket>, value: u32) -> SocketResult<()>;
        hop_limit(socket: Resource<TcpSocket>) -> SocketResult<u8>;
        set_hop_limit(socket: Resource<TcpSocket>, value: u8) -> SocketResult<()>;
        receive_buffer_size(socket: Resource<TcpSocket>) -> SocketResult<u64>;
        set_receive_buffer_size(socket: Resource<TcpSocket>, value: u64) -> SocketResult<()>;
        send_buffer_size(socket: Resource<TcpSocket>) -> SocketResult<u64>;
        set_send_buffer_size(socket: Resource<TcpSocket>, value: u64) -> SocketResult<()>;
        subscribe(socket: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>>;
        shutdown(socket: Resource<TcpSocket>, how: ShutdownType) -> SocketResult<()>;
        drop(socket: Resource<TcpSocket>) -> wasmtime::Result<()>;
    }
}

fn counted(datagram: &[u8]) -> usize {
    datagram.len().saturating_add(HEADER_LEN)
}

type Datagrams = (Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>);

impl udp::Host for Sockets<'_> {}

impl udp::HostUdpSocket for Sockets<'_> {
    async fn start_bind(&mut self, socket: Resource<UdpSocket>, network: Resource<Network>, address: IpSocketAddress) -> SocketResult<()> {
        udp::HostUdpSocket::start_bind(&mut self.wasi, socket, network, address).await
    }

    async fn stream(&mut self, socket: Resource<UdpSocket>, address: Option<IpSocketAddress>) -> SocketResult<Datagrams> {
        udp::HostUdpSocket::stream(&mut self.wasi, socket, address).await
    }

    as_is! { udp::HostUdpSocket;
        finish_bind(socket: Resource<UdpSocket>) -> SocketResult<()>;
        local_address(socket: Resource<UdpSocket>) -> SocketResult<IpSocketAddress>;
        remote_address(socket: Resource<UdpSocket>) -> SocketResult<IpSocketAddress>;
        address_family(socket: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily>;
        unicast_hop_limit(socket: Resource<UdpSocket>) -> SocketResult<u8>;
        set_unicast_hop_limit(socket: Resource<UdpSocket>, value: u8) -> SocketResult<()>;
        receive_buffer_size(socket: Resource<UdpSocket>) -> SocketResult<u64>;
        set_receive_buffer_size(socket: Resource<UdpSocket>, value: u64) -> SocketResult<()>;
        send_buffer_size(socket: Resource<UdpSocket>) -> SocketResult<u64>;
        set_send_buffer_size(socket: Resource<UdpSocket>, value: u64) -> SocketResult<()>;
        subscribe(socket: Resource<UdpSocket>) -> wasmtime::Result<Resource<DynPollable>>;
        drop(socket: Resource<UdpSocket>) -> wasmtime::Result<()>;
    }
}

impl udp::HostIncomingDatagramStream for Sockets<'_> {
    fn receive(&mut self, stream: Resource<IncomingDatagramStream>, most: u64) -> SocketResult<Vec<IncomingDatagram>> {
        let datagrams = udp::HostIncomingDatagramStream::receive(&mut self.wasi, stream, most)?;
        let len = datagrams.iter().map(|datagram| counted(&datagram.data)).sum();
        self.account.receive(len).map_err(|_| SocketError::from(ErrorCode::OutOfMemory))?;
        Ok(datagrams)
    }

    as_is! { udp::HostIncomingDatagramStream;
        subscribe(stream: Resource<IncomingDatagramStream>) -> wasmtime::Result<Resource<DynPollable>>;
        drop(stream: Resource<IncomingDatagramStream>) -> wasmtime::Result<()>;
    }
}

impl udp::HostOutgoingDatagramStream for Sockets<'_> {
    fn send(&mut self, stream: Resource<OutgoingDatagramStream>, datagrams: Vec<OutgoingDatagram>) -> SocketResult<u64> {
        let lens: Vec<usize> = datagrams.iter().map(|datagram| counted(&datagram.data)).collect();
        self.account.send(lens.iter().sum()).map_err(|_| SocketError::from(ErrorCode::OutOfMemory))?;
        let sent = udp::HostOutgoingDatagramStream::send(&mut self.wasi, stream, datagrams);
        // Not all of them need have been taken; the guest tries the others again.
        let taken = sent.as_ref().map_or(0, |sent| usize::try_from(*sent).unwrap_or(usize::MAX));
        self.account.unsend(lens.iter().skip(taken).sum());
        sent
    }

    async fn drop(&mut self, stream: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        udp::HostOutgoingDatagramStream::drop(&mut self.wasi, stream).await
    }

    as_is! { udp::HostOutgoingDatagramStream;
        check_send(stream: Resource<OutgoingDatagramStream>) -> SocketResult<u64>;
        subscribe(stream: Resource<OutgoingDatagramStream>) -> wasmtime::Result<Resource<DynPollable>>;
    }
}

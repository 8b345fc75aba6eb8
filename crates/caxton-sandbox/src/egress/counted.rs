//! A connection whose bytes count.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::account::Account;

/// Counts what goes over the wire, and stops where a limit is reached.
pub(super) struct Counted {
    stream: TcpStream,
    account: Arc<Account>,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, account: Arc<Account>) -> Self {
        Self { stream, account }
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.account.receive(buffer.filled().len().saturating_sub(before)).map_err(io::Error::other))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.account.may_send().map_err(io::Error::other)?;
        let some = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, some))?;
        Poll::Ready(self.account.send(written).map(|()| written).map_err(io::Error::other))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

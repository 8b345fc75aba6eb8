//! Streams that count.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult};

use crate::account::{Account, Exceeded, OpenFile};

/// What a guest is told when it has written all that it may.
#[cfg(unix)]
fn no_space(_: Exceeded) -> StreamError {
    const ENOSPC: i32 = 28;
    StreamError::LastOperationFailed(io::Error::from_raw_os_error(ENOSPC).into())
}

#[cfg(not(unix))]
fn no_space(_: Exceeded) -> StreamError {
    StreamError::LastOperationFailed(io::Error::from(io::ErrorKind::StorageFull).into())
}

/// What a write adds to a file: its bytes, and the gap before them if it begins behind the end.
pub(super) fn grown(file: &File, position: Option<u64>, len: u64) -> u64 {
    let gap = |position: u64| file.metadata().map_or(0, |about| position.saturating_sub(about.len()));
    position.map_or(0, gap).saturating_add(len)
}

/// Writes to a file; counts every byte before it is written.
pub(super) struct FileWriter {
    pub(super) inner: DynOutputStream,
    pub(super) file: Arc<File>,
    /// Where the next byte goes; none is the end.
    pub(super) position: Option<u64>,
    pub(super) account: Arc<Account>,
    pub(super) _open: Option<Arc<OpenFile>>,
}

impl FileWriter {
    fn count(&mut self, len: usize) -> StreamResult<()> {
        let len = len as u64;
        self.account.write(grown(&self.file, self.position, len)).map_err(no_space)?;
        self.position = self.position.map(|position| position.saturating_add(len));
        Ok(())
    }
}

#[async_trait::async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// Reads a file; keeps it counted as open.
pub(super) struct FileReader {
    pub(super) inner: DynInputStream,
    pub(super) _open: Arc<OpenFile>,
}

#[async_trait::async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.blocking_read(size).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// Reads from a raw connection.
pub(super) struct SocketReader {
    pub(super) inner: DynInputStream,
    pub(super) account: Arc<Account>,
}

#[async_trait::async_trait]
impl Pollable for SocketReader {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl InputStream for SocketReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.read(size)?;
        self.account.receive(bytes.len()).map_err(|_| StreamError::Closed)?;
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// Writes to a raw connection.
pub(super) struct SocketWriter {
    pub(super) inner: DynOutputStream,
    pub(super) account: Arc<Account>,
}

#[async_trait::async_trait]
impl Pollable for SocketWriter {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for SocketWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.account.send(bytes.len()).map_err(|_| StreamError::Closed)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

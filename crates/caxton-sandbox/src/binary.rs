//! What is loaded: bytes, or a digest and the way to its bytes.

use std::pin::Pin;

use bytes::Bytes;
use caxton_types::{Digest, Failure};

/// A component or module that is to be loaded. One that is stored under its digest is read only where its code must be compiled.
pub struct Binary(Content);

enum Content {
    Here(Bytes),
    Stored { digest: Digest, size: u64, reading: Reading },
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Failure>> + Send>>;

impl Binary {
    /// What is stored elsewhere under this digest; nothing is read before `reading` is asked.
    pub fn stored(digest: Digest, size: u64, reading: impl Future<Output = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(Content::Stored { digest, size, reading: Box::pin(reading) })
    }

    /// Whether its size and digest are somebody's word.
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self.0, Content::Stored { .. })
    }

    pub(crate) fn size(&self) -> u64 {
        match &self.0 {
            Content::Here(bytes) => bytes.len() as u64,
            Content::Stored { size, .. } => *size,
        }
    }

    /// Reads what is here from its first byte to its last.
    pub(crate) fn digest(&self) -> Digest {
        match &self.0 {
            Content::Here(bytes) => Digest::of(bytes),
            Content::Stored { digest, .. } => *digest,
        }
    }

    pub(crate) async fn read(self) -> Result<Bytes, Failure> {
        match self.0 {
            Content::Here(bytes) => Ok(bytes),
            Content::Stored { reading, .. } => reading.await,
        }
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Here(bytes))
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static [u8]> for Binary {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from(bytes).into()
    }
}

impl std::fmt::Debug for Binary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binary").field("size", &self.size()).finish_non_exhaustive()
    }
}

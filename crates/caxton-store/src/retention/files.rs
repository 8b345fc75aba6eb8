//! Files of content that no workspace knows any more.

use crate::{Error, Store};
use caxton_types::{Digest, Timestamp};
use std::time::Duration;

/// What was removed of the directory `blobs/`, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilesExpiry {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Files that no workspace has content for and nobody has written or wanted to write for `kept`: found, and removed where `apply` says so.
    ///
    /// A file is written before the batch that names it, so it is young until that is committed.
    pub async fn expire_files(&self, kept: Duration, at: Timestamp, apply: bool) -> Result<FilesExpiry, Error> {
        let mut expiry = FilesExpiry::default();
        if self.is_in_memory() {
            return Ok(expiry);
        }
        let store = self.clone();
        let found = tokio::task::spawn_blocking(move || store.blob_files(at.minus(kept))).await.map_err(|_| Error::Closed)??;
        let names = self.workspace_names()?;
        for digest in found {
            if !self.is_known(&names, digest).await? {
                let store = self.clone();
                let removed = tokio::task::spawn_blocking(move || store.expire_file(&digest, at.minus(kept), apply));
                if let Some(bytes) = removed.await.map_err(|_| Error::Closed)?? {
                    expiry.files += 1;
                    expiry.bytes += bytes;
                }
            }
        }
        Ok(expiry)
    }

    async fn is_known(&self, names: &[caxton_types::WorkspaceName], digest: Digest) -> Result<bool, Error> {
        if self.system().blob_len(digest).await?.is_some() {
            return Ok(true);
        }
        for name in names {
            let store = self.clone();
            let name = name.clone();
            let workspace = tokio::task::spawn_blocking(move || store.workspace(&name)).await.map_err(|_| Error::Closed)??;
            if workspace.blob_len(digest).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

//! Code that was deployed once and that turns under way still call.

use crate::{Grant, server::Server};
use caxton_sandbox::Binary;
use caxton_types::{Digest, WorkspaceName};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};

/// The most earlier servers that are kept ready, of all workspaces together; beyond, code is loaded again.
pub(crate) const EARLIER_MAX: usize = 32;

/// A component as it was deployed.
#[derive(Debug)]
pub struct Archived {
    /// Its code, where it is.
    pub binary: Binary,
    /// What it was granted.
    pub grant: Grant,
}

/// What an [`Archive`] answers: nothing, where the code is not kept any more.
pub type Found = Result<Option<Archived>, Box<dyn std::error::Error + Send + Sync>>;

/// Finds the code of a workspace's server by its digest.
pub type Archive = Box<dyn Fn(WorkspaceName, Box<str>, Digest) -> BoxFuture<'static, Found> + Send + Sync>;

/// The last servers that were replaced, the one used last in front.
#[derive(Debug, Default)]
pub(crate) struct Earlier(Mutex<VecDeque<(WorkspaceName, Arc<Server>)>>);

impl Earlier {
    pub(crate) fn keep(&self, workspace: &WorkspaceName, server: Arc<Server>) {
        let mut kept = self.0.lock();
        kept.retain(|(of, known)| of != workspace || known.name() != server.name() || known.digest() != server.digest());
        kept.push_front((workspace.clone(), server));
        kept.truncate(EARLIER_MAX);
    }

    pub(crate) fn find(&self, workspace: &WorkspaceName, name: &str, digest: Digest) -> Option<Arc<Server>> {
        let mut kept = self.0.lock();
        let at = kept.iter().position(|(of, server)| of == workspace && server.name() == name && server.digest() == Some(digest))?;
        let found = kept.remove(at)?;
        let server = Arc::clone(&found.1);
        kept.push_front(found);
        Some(server)
    }
}

//! The directory and its workspaces.

use crate::{
    Error, Options, Workspace,
    root::{JOURNAL_SUFFIX, Root},
};
use caxton_types::{Digest, Timestamp, WorkspaceName};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Everything that is kept: one per process, cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    workspaces: Mutex<BTreeMap<WorkspaceName, Workspace>>,
    system: Workspace,
    closed: AtomicBool,
    root: Arc<Root>,
}

impl Store {
    /// Opens the directory, which no other process may have open.
    pub fn open(options: Options) -> Result<Self, Error> {
        let root = Arc::new(Root::open(options)?);
        let name = WorkspaceName::system();
        let system = Workspace::open(&root, &name)?;
        let workspaces = Mutex::new(BTreeMap::from([(name, system.clone())]));
        Ok(Self { inner: Arc::new(Inner { workspaces, system, closed: AtomicBool::new(false), root }) })
    }

    /// Opens the workspace, and creates it where it is new. Blocks for as long as migrations and catching up take.
    pub fn workspace(&self, name: &WorkspaceName) -> Result<Workspace, Error> {
        let mut workspaces = self.inner.workspaces.lock();
        if self.inner.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if let Some(open) = workspaces.get(name) {
            return Ok(open.clone());
        }
        let workspace = Workspace::open(&self.inner.root, name)?;
        workspaces.insert(name.clone(), workspace.clone());
        Ok(workspace)
    }

    /// Opens the workspace where there is one.
    pub fn existing(&self, name: &WorkspaceName) -> Result<Option<Workspace>, Error> {
        if self.inner.workspaces.lock().contains_key(name) || self.inner.root.journal_exists(name) {
            return self.workspace(name).map(Some);
        }
        Ok(None)
    }

    /// The workspaces that there are, in order of their names; not `_system`.
    pub fn workspace_names(&self) -> Result<Vec<WorkspaceName>, Error> {
        let mut names: Vec<WorkspaceName> = self.inner.workspaces.lock().keys().cloned().collect();
        if !self.inner.root.is_in_memory() {
            let dir = self.inner.root.workspaces_dir();
            for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
                let file = entry.map_err(Error::io("list", &dir))?.file_name();
                let name = file.to_str().and_then(|file| file.strip_suffix(JOURNAL_SUFFIX)).and_then(|name| name.parse().ok());
                names.extend(name);
            }
        }
        names.retain(|name| !name.is_system());
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The workspace of what concerns the whole server.
    pub fn system(&self) -> &Workspace {
        &self.inner.system
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.inner.root.is_in_memory()
    }

    /// Files of content that nobody has touched since.
    pub(crate) fn blob_files(&self, before: Timestamp) -> Result<Vec<Digest>, Error> {
        self.inner.root.blobs.untouched(before)
    }

    /// Removes a file that nobody has touched since, where `apply` says so; its length.
    pub(crate) fn expire_file(&self, digest: &Digest, before: Timestamp, apply: bool) -> Result<Option<u64>, Error> {
        self.inner.root.blobs.expire(digest, before, apply)
    }

    /// Where everything is.
    pub fn data_dir(&self) -> &Path {
        &self.inner.root.options.data_dir
    }

    /// Writes what is on its way, empties the logs, refuses what comes after, and lets go of the directory.
    pub async fn close(self) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        drop(self);
        // Waiting for the writers is for a thread where waiting is allowed.
        tokio::task::spawn_blocking(move || inner.close()).await.map_err(|_| Error::Closed)
    }
}

impl Inner {
    fn close(&self) {
        let mut workspaces = self.workspaces.lock();
        self.closed.store(true, Ordering::Release);
        for workspace in workspaces.values().chain([&self.system]) {
            workspace.close();
        }
        workspaces.clear();
        self.root.unlock();
    }
}

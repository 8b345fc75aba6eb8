//! What agents keep by key.

use super::{Kind, Workspace, blocking};
use crate::{Error, StateOutcome, StateRow, StateWrite, ids::now, journal::state};
use std::sync::Arc;

impl Workspace {
    /// Changes what is kept under a key; durable as the workspace's commits are.
    pub async fn write_state(&self, write: StateWrite) -> Result<StateOutcome, Error> {
        if let Some(room) = self.inner.root.room.as_ref() {
            room.check()?;
        }
        match &self.inner.kind {
            Kind::Memory(ring) => {
                let ring = Arc::clone(ring);
                blocking(move || ring.state(|conn| state::apply(conn, &write, &write.text(), now()))).await
            }
            Kind::Disk { journal, .. } => journal.write_state(write, &self.inner.name).await,
        }
    }

    /// What an owner keeps under a key.
    pub async fn state(&self, owner: &str, key: &str) -> Result<Option<StateRow>, Error> {
        let (owner, key) = (owner.to_owned(), key.to_owned());
        match &self.inner.kind {
            Kind::Memory(ring) => ring.state(|conn| state::get(conn, &owner, &key, now())),
            Kind::Disk { pool, .. } => pool.journal(move |conn| state::get(conn, &owner, &key, now())).await,
        }
    }

    /// What an owner keeps under keys that begin so, in their order, behind `after`.
    pub async fn states(&self, owner: &str, prefix: &str, after: &str, limit: u32) -> Result<Vec<StateRow>, Error> {
        let (owner, prefix, after) = (owner.to_owned(), prefix.to_owned(), after.to_owned());
        match &self.inner.kind {
            Kind::Memory(ring) => ring.state(|conn| state::list(conn, &owner, &prefix, &after, limit, now())),
            Kind::Disk { pool, .. } => pool.journal(move |conn| state::list(conn, &owner, &prefix, &after, limit, now())).await,
        }
    }
}

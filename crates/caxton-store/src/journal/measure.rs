//! Tells how much the databases of a workspace hold, without asking them at every commit.

use super::read::expiry::pages;
use crate::{
    room::Room,
    root::{Paths, Root},
};
use caxton_types::WorkspaceName;
use rusqlite::Connection;
use std::{fs, sync::Arc};

/// After so many bytes it is time to ask again; fewer where the bound is tight.
const EVERY: u64 = 1 << 20;

pub(super) struct Measure {
    room: Option<Arc<Room>>,
    workspace: WorkspaceName,
    paths: Paths,
    every: u64,
    wrote: u64,
}

impl Measure {
    pub(super) fn new(root: &Root, workspace: &WorkspaceName, paths: &Paths) -> Self {
        let every = root.options.disk.database_max().map_or(EVERY, |max| (max / 256).min(EVERY));
        Self { room: root.room.clone(), workspace: workspace.clone(), paths: paths.clone(), every, wrote: 0 }
    }

    /// Something was written; after a sweep there is less than before.
    pub(super) fn wrote(&mut self, conn: &Connection, bytes: u64, swept: bool) {
        self.wrote += bytes;
        if swept || self.wrote >= self.every {
            self.look(conn);
        }
    }

    pub(super) fn look(&mut self, conn: &Connection) {
        self.wrote = 0;
        let Some(room) = &self.room else { return };
        match pages(conn) {
            Ok(pages) => {
                let projection = fs::metadata(&self.paths.projection).map_or(0, |found| found.len());
                room.holds(&self.workspace, pages.used().saturating_add(projection));
            }
            Err(error) => tracing::warn!(%error, workspace = %self.workspace, "the size of a journal could not be read"),
        }
    }
}

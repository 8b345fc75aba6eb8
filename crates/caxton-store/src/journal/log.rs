//! How long the write-ahead log is, and since when nothing was added.

use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// 16 MiB, so that the syncs of carrying it over are rare.
const LONG_PAGES: u32 = 4096;
/// Where a reader kept it from being begun anew, it is carried over again after so many more.
const AGAIN_PAGES: u32 = 1024;

/// The write-ahead log of a connection. SQLite does not carry it over by itself: whoever commits would wait for that.
pub(super) struct WriteAhead {
    pages: Arc<AtomicU32>,
    long_at: u32,
    /// When it was last added to, while there is something in it.
    written: Option<Instant>,
}

impl WriteAhead {
    pub(super) fn of(conn: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&pages);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            told.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        // What an earlier process left in it is looked at when there is time.
        Ok(Self { pages, long_at: LONG_PAGES, written: Some(Instant::now()) })
    }

    pub(super) fn written(&mut self) {
        self.written = Some(Instant::now());
        if self.pages() < LONG_PAGES {
            self.long_at = LONG_PAGES;
        }
    }

    /// Whether it is time to carry it over.
    pub(super) fn is_long(&self) -> bool {
        self.pages() >= self.long_at
    }

    pub(super) fn carried(&mut self) {
        self.long_at = self.pages() + AGAIN_PAGES;
    }

    pub(super) fn emptied(&mut self) {
        self.pages.store(0, Ordering::Relaxed);
        (self.long_at, self.written) = (LONG_PAGES, None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written.is_none()
    }

    /// Whether nothing was added for so long.
    pub(super) fn is_idle(&self, after: Duration) -> bool {
        self.written.is_some_and(|written| written.elapsed() >= after)
    }

    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }
}

//! One run over a workspace: readers find, the writer removes in small pieces between what others commit, and one event says what went.

use super::{Expiry, Marked, Marks, Retention, Sweep, Swept};
use crate::{
    Batch, Error, Workspace,
    journal::read::expiry::{self as read, Limits},
    workspace::Disk,
};
use caxton_types::{Actor, ConversationId, Digest, Fact, NewEvent, Seq, Timestamp, TraceContext};
use std::{collections::HashSet, sync::Arc};

/// What one piece of work removes: nobody who commits waits for longer than that takes.
const EVENTS_LEN: usize = 256;
const CONVERSATIONS_LEN: usize = 32;
const BLOBS_LEN: usize = 32;
const PAGES_LEN: u32 = 256;
/// How often references are looked at again because others wrote meanwhile.
const LOOKS_MAX: usize = 3;
/// Free pages that are worth giving back; fewer will be filled again soon.
const FREE_PAGES_MIN: u64 = 1024;

impl Workspace {
    /// What would go at this moment.
    pub async fn expiry(&self, retention: &Retention, at: Timestamp) -> Result<Expiry, Error> {
        let Some(disk) = self.disk() else { return Ok(Expiry::default()) };
        let limits = find_limits(&disk, retention, at).await?;
        let (mut expiry, mut goes, mut after) = (Expiry::default(), HashSet::new(), Some(Seq(0)));
        while let Some(from) = after {
            let at = Arc::clone(&limits);
            let (found, next) = disk.read(move |conn| read::expired(conn, &at, from)).await?;
            for event in &found {
                expiry.event(event);
                goes.insert(event.seq);
            }
            after = next;
        }
        expiry.conversations = limits.conversations.len() as u64;
        let (marks, _) = find_unnamed(&disk, sent_before(retention, at), goes).await?;
        for (_, size) in marks.rest() {
            expiry.blobs += 1;
            expiry.blob_bytes += size;
        }
        Ok(expiry)
    }

    /// Removes what goes at this moment, and writes down that it did. Others go on committing meanwhile. Where `stop` says so it ends early: the
    /// next run goes on.
    pub async fn expire(
        &self,
        retention: &Retention,
        at: Timestamp,
        (caller, trace): (Actor, TraceContext),
        stop: impl Fn() -> bool + Send + Sync,
    ) -> Result<Expiry, Error> {
        let Some(disk) = self.disk() else { return Ok(Expiry::default()) };
        let _one_at_a_time = disk.sweeping.lock().await;
        let mut expiry = Expiry::default();
        let swept = sweep(&disk, retention, at, &mut expiry, &stop).await;
        let workspace = self.name().to_string();
        metrics::counter!("journal_expired_events_total", "workspace" => workspace.clone()).increment(expiry.events_len());
        metrics::counter!("journal_expired_blobs_total", "workspace" => workspace).increment(expiry.blobs);
        if !expiry.is_empty() {
            let fact =
                Fact::EventsExpired { until: expiry.until, events: expiry.events_len(), blobs: expiry.blobs, bytes: expiry.blob_bytes };
            let event = NewEvent { caller, trace, conversation: None, agent: None, turn: None, step: None, fact };
            self.commit(Batch::of(vec![event])).await?;
        }
        swept?;
        if !stop() {
            shrink(&disk).await?;
        }
        Ok(expiry)
    }
}

fn sent_before(retention: &Retention, at: Timestamp) -> Timestamp {
    at.minus(retention.uploads)
}

async fn find_limits(disk: &Disk<'_>, retention: &Retention, at: Timestamp) -> Result<Arc<Limits>, Error> {
    let retention = retention.clone();
    disk.read(move |conn| read::limits(conn, &retention, at)).await.map(Arc::new)
}

/// Asked between two pieces of work.
type Stop<'s> = &'s (dyn Fn() -> bool + Send + Sync);

async fn sweep(disk: &Disk<'_>, retention: &Retention, at: Timestamp, expiry: &mut Expiry, stop: Stop<'_>) -> Result<(), Error> {
    if !retention.keeps_all() {
        let limits = find_limits(disk, retention, at).await?;
        let mut after = Some(Seq(0));
        while let Some(from) = after {
            let within = Arc::clone(&limits);
            let (found, next) = disk.read(move |conn| read::expired(conn, &within, from)).await?;
            for events in found.chunks(EVENTS_LEN) {
                if stop() {
                    return Ok(());
                }
                let swept = disk.sweep(Sweep::Events(events.to_vec())).await?;
                swept.events.iter().for_each(|event| expiry.event(event));
            }
            after = next;
        }
        let ids: Vec<ConversationId> = limits.conversations.iter().copied().collect();
        for ids in ids.chunks(CONVERSATIONS_LEN) {
            if stop() {
                return Ok(());
            }
            let sweep = Sweep::Conversations { ids: ids.to_vec(), before: limits.before };
            expiry.conversations += disk.sweep(sweep).await?.conversations;
        }
    }
    sweep_blobs(disk, sent_before(retention, at), expiry, stop).await
}

async fn sweep_blobs(disk: &Disk<'_>, sent_before: Timestamp, expiry: &mut Expiry, stop: Stop<'_>) -> Result<(), Error> {
    for _ in 0..LOOKS_MAX {
        if stop() {
            break;
        }
        let (marks, marked) = find_unnamed(disk, sent_before, HashSet::new()).await?;
        let digests: Vec<Digest> = marks.rest().into_iter().map(|(digest, _)| digest).collect();
        let mut stale = false;
        for digests in digests.chunks(BLOBS_LEN) {
            let Swept { blobs, blob_bytes, stale: again, .. } =
                disk.sweep(Sweep::Blobs { digests: digests.to_vec(), marked, sent_before }).await?;
            expiry.blobs += blobs;
            expiry.blob_bytes += blob_bytes;
            stale = again;
            if stale {
                break;
            }
        }
        if !stale {
            break;
        }
    }
    Ok(())
}

/// Content that nothing names but the events that go, as far as was looked.
async fn find_unnamed(disk: &Disk<'_>, sent_before: Timestamp, goes: HashSet<Seq>) -> Result<(Marks, Marked), Error> {
    let (mut marks, mut marked) = disk.read(move |conn| read::unnamed(conn, sent_before)).await?;
    let goes = Arc::new(goes);
    let mut done = marks.is_empty();
    let mut named = Vec::new();
    while !done {
        let (goes, after) = (Arc::clone(&goes), marked.seq);
        (marks, named, (marked.seq, done)) = disk
            .read(move |conn| {
                let found = read::mark_events(conn, &mut marks, after, &goes, &mut named)?;
                Ok((marks, named, found))
            })
            .await?;
    }
    // What is named may name more. Whatever becomes named behind the place where its row was passed is looked into on its own.
    named.clear();
    let (mut row, mut done) = (0, marks.is_empty());
    while !done {
        let files;
        (marks, named, (row, done, files)) = disk
            .read(move |conn| {
                let found = read::mark_blobs(conn, &mut marks, row, &mut named)?;
                Ok((marks, named, found))
            })
            .await?;
        for digest in files {
            look_into(disk, digest, &mut marks, &mut named).await?;
        }
    }
    marked.blob = marked.blob.max(row);
    while let Some(digest) = named.pop() {
        look_into(disk, digest, &mut marks, &mut named).await?;
    }
    Ok((marks, marked))
}

/// Only JSON names other content.
async fn look_into(disk: &Disk<'_>, digest: Digest, marks: &mut Marks, named: &mut Vec<Digest>) -> Result<(), Error> {
    if marks.is_empty() {
        return Ok(());
    }
    let Some(bytes) = disk.content(digest).await? else { return Ok(()) };
    if matches!(bytes.first(), Some(b'{' | b'[')) {
        named.extend(marks.take_named(&bytes));
    }
    Ok(())
}

/// Gives the disk back what is free, unless that is little against what is used.
async fn shrink(disk: &Disk<'_>) -> Result<(), Error> {
    let pages = disk.read(read::pages).await?;
    let enough = (pages.all / 8).max(FREE_PAGES_MIN);
    let mut free = pages.free;
    if !pages.shrinks || free <= enough.saturating_mul(2) {
        return Ok(());
    }
    while free > enough {
        let left = disk.sweep(Sweep::Vacuum { pages: PAGES_LEN }).await?.free_pages;
        if left >= free {
            break;
        }
        free = left;
    }
    Ok(())
}

//! One workspace: what is written to it, and what is read from it.

mod state;
mod turns;

use crate::{
    AgentEntry, AgentRow, Batch, ConversationRow, DeploymentRow, EntityRow, Error, EventQuery, FileRow, MemoryQuery, ObservationFilter,
    ObservationRow, OpenTurn, Page, QueueRow, Receipt, StoredMessage,
    blobs::IN_JOURNAL_LEN_MAX,
    journal::{
        Journal,
        read::{self, StoredBlob},
    },
    pool::Pool,
    projection::{
        deployments,
        memory::{self, Tokenizer},
    },
    retention::{Sweep, Swept},
    ring::Ring,
    room::is_new_work,
    root::{Paths, Root},
};
use bytes::Bytes;
use caxton_types::{
    AgentName, ConversationId, Digest, Durability, Event, Fact, MessageId, NewEvent, Payload, Recollection, Scope, Seq, WorkspaceName,
};
use rusqlite::Connection;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::watch;

/// Content up to this length is hashed by the task that brings it.
const HASHED_HERE_LEN_MAX: usize = 64 << 10;

/// One workspace: cheap to clone, open as long as any handle is there.
#[derive(Clone)]
pub struct Workspace {
    inner: Arc<Inner>,
}

struct Inner {
    name: WorkspaceName,
    last: watch::Receiver<Seq>,
    kind: Kind,
    root: Arc<Root>,
}

enum Kind {
    Disk { journal: Journal, pool: Pool, sweeping: tokio::sync::Mutex<()> },
    Memory(Arc<Ring>),
}

impl Workspace {
    pub(crate) fn open(root: &Arc<Root>, name: &WorkspaceName) -> Result<Self, Error> {
        let (kind, last) = if root.is_in_memory() {
            let (ring, last) = Ring::open(root, name)?;
            (Kind::Memory(Arc::new(ring)), last)
        } else {
            let paths = Paths::of(root, name);
            let (journal, last) = Journal::open(root, name, &paths)?;
            let pool = Pool::new(&root.options, paths);
            (Kind::Disk { journal, pool, sweeping: tokio::sync::Mutex::new(()) }, last)
        };
        Ok(Self { inner: Arc::new(Inner { name: name.clone(), last, kind, root: Arc::clone(root) }) })
    }

    /// Its name.
    pub fn name(&self) -> &WorkspaceName {
        &self.inner.name
    }

    /// What an acknowledgement promises where a batch asks for nothing more.
    pub fn durability(&self) -> Durability {
        self.inner.root.options.durability_of(&self.inner.name)
    }

    /// The last event.
    pub fn last(&self) -> Seq {
        *self.inner.last.borrow()
    }

    /// Follows the last event; it moves only after the commit.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.inner.last.clone()
    }

    /// Writes a batch, whole or not at all, and returns when it holds as much as its durability says.
    ///
    /// A workspace under [`Durability::Memory`] has no disk and gives no more than that. A call that is given up may still be written.
    pub async fn commit(&self, batch: Batch) -> Result<Receipt, Error> {
        batch.events.iter().try_for_each(check)?;
        let is_upload = batch.events.is_empty() && !batch.blobs.is_empty();
        if let Some(room) = self.inner.root.room.as_ref().filter(|_| is_upload || batch.events.iter().any(|event| is_new_work(&event.fact)))
        {
            room.check()?;
        }
        for (_, bytes) in &batch.blobs {
            self.check_len(bytes)?;
        }
        match &self.inner.kind {
            Kind::Memory(ring) if batch.is_heavy() => {
                let ring = Arc::clone(ring);
                blocking(move || ring.commit(batch)).await
            }
            Kind::Memory(ring) => ring.commit(batch),
            Kind::Disk { journal, .. } => {
                for (digest, bytes) in batch.blobs.iter().filter(|(_, bytes)| bytes.len() > IN_JOURNAL_LEN_MAX) {
                    self.write_file(*digest, bytes.clone(), true).await?;
                }
                journal.commit(batch, &self.inner.name).await
            }
        }
    }

    /// Events, oldest first.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<Event>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.events(&query)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::events(conn, &query)).await,
        }
    }

    /// The first event behind which nothing was ever removed: 1, unless a ring in memory dropped some or the time of some was over.
    #[expect(clippy::unused_async, reason = "others may have to ask a disk")]
    pub async fn first_kept(&self) -> Result<Seq, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.first_kept()),
            Kind::Disk { journal, .. } => Ok(journal.expired_until().next()),
        }
    }

    /// The value of a payload, wherever it stands.
    pub async fn payload(&self, payload: &Payload) -> Result<serde_json::Value, Error> {
        match payload {
            Payload::Inline(value) => Ok(value.clone()),
            Payload::Blob { digest, .. } => {
                let bytes = self.blob(*digest).await?.ok_or(Error::BlobMissing { digest: *digest })?;
                serde_json::from_slice(&bytes).map_err(|error| Error::corrupt(&self.inner.root.blobs.path(digest), &error))
            }
        }
    }

    /// A message by its id.
    pub async fn message(&self, id: MessageId) -> Result<Option<StoredMessage>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.message(id)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::message(conn, id)).await,
        }
    }

    /// The messages of a conversation behind an event, oldest first.
    pub async fn messages(&self, conversation: ConversationId, after: Seq, limit: u32) -> Result<Vec<StoredMessage>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.messages(conversation, after, limit)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::messages(conn, conversation, after, limit)).await,
        }
    }

    /// A conversation by its id.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.conversation(id)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::conversation(conn, id)).await,
        }
    }

    /// Conversations, the one that began last first.
    pub async fn conversations(&self, page: Page) -> Result<Vec<ConversationRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.conversations(page)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::conversations(conn, page)).await,
        }
    }

    /// Every message that waits for its agent, in the order of acceptance.
    pub async fn queued(&self) -> Result<Vec<(Seq, QueueRow)>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.queued()),
            Kind::Disk { pool, .. } => pool.journal(read::queued).await,
        }
    }

    /// Every turn that has begun and not ended, in the order of their beginning.
    pub async fn open_turns(&self) -> Result<Vec<OpenTurn>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.open_turns()),
            Kind::Disk { pool, .. } => pool.journal(read::open_turns).await,
        }
    }

    /// Keeps content under its digest.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<Digest, Error> {
        self.check_len(&bytes)?;
        let (digest, bytes) = match bytes.len() {
            0..=HASHED_HERE_LEN_MAX => (Digest::of(&bytes), bytes),
            _ => blocking(move || Ok((Digest::of(&bytes), bytes))).await?,
        };
        self.commit(Batch { blobs: vec![(digest, bytes)], ..Batch::default() }).await.map(|_| digest)
    }

    /// Content by its digest.
    pub async fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.blob(&digest)),
            Kind::Disk { pool, .. } => match pool.find(move |conn| read::blob(conn, &digest)).await? {
                None => Ok(None),
                Some(StoredBlob::Bytes(bytes)) => Ok(Some(bytes.into())),
                Some(StoredBlob::File) => {
                    let root = Arc::clone(&self.inner.root);
                    blocking(move || root.blobs.read(&digest)).await.map(Some)
                }
            },
        }
    }

    /// The length of content.
    pub async fn blob_len(&self, digest: Digest) -> Result<Option<u64>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.blob(&digest).map(|bytes| bytes.len() as u64)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::blob_len(conn, &digest)).await,
        }
    }

    /// A file with the content, which nobody may write to; made where there is none yet.
    pub async fn blob_file(&self, digest: Digest) -> Result<Option<PathBuf>, Error> {
        if let Kind::Disk { pool, .. } = &self.inner.kind
            && matches!(pool.find(move |conn| read::is_file(conn, &digest)).await?, Some(true))
        {
            return Ok(Some(self.inner.root.blobs.path(&digest)));
        }
        match self.blob(digest).await? {
            None => Ok(None),
            Some(bytes) => self.write_file(digest, bytes, false).await.map(Some),
        }
    }

    /// Every deployed agent as listings show it, in order of their names.
    pub async fn agents(&self) -> Result<Vec<AgentEntry>, Error> {
        self.project(|projection, _, _| deployments::agents(projection)).await
    }

    /// A deployed agent with its whole spec.
    pub async fn agent(&self, name: &AgentName) -> Result<Option<AgentRow>, Error> {
        let mut missing = None;
        loop {
            let wanted = name.clone();
            let Some(AgentEntry { name, revision, spec_digest, seq, at, .. }) =
                self.project(move |projection, _, _| deployments::agent(projection, &wanted)).await?
            else {
                return Ok(None);
            };
            if let Some(bytes) = self.blob(spec_digest).await? {
                let spec =
                    serde_json::from_slice(&bytes).map_err(|error| Error::corrupt(&self.inner.root.blobs.path(&spec_digest), &error))?;
                return Ok(Some(AgentRow { name, revision, spec_digest, spec: Arc::new(spec), seq, at }));
            }
            // A ring may have dropped it since: then another deployment has come, and there is another spec.
            if missing.replace(spec_digest) == Some(spec_digest) {
                return Err(Error::BlobMissing { digest: spec_digest });
            }
        }
    }

    /// The files as the last deployment left them, in order of their paths.
    pub async fn files(&self) -> Result<Vec<FileRow>, Error> {
        self.project(|projection, _, _| deployments::files(projection)).await
    }

    /// Deployments, the last one first.
    pub async fn deployments(&self, limit: u32) -> Result<Vec<DeploymentRow>, Error> {
        self.project(move |projection, _, _| deployments::deployments(projection, limit)).await
    }

    /// What the asking agent may recall that holds any of the words, best first.
    pub async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<Recollection>, Error> {
        let search = move |projection: &Connection, global: &Connection, _: &Tokenizer| {
            let found = memory::search(projection, &query)?;
            if !query.scopes.contains(&Scope::Global) {
                return Ok(found);
            }
            Ok(memory::merge(found, memory::search(global, &query)?, query.limit))
        };
        self.project(search).await
    }

    /// In how many observations of the workspace each word occurs.
    pub async fn term_counts(&self, terms: &[String]) -> Result<Vec<u64>, Error> {
        let terms = terms.to_vec();
        self.project(move |projection, _, tokenizer| memory::term_counts(projection, tokenizer, &terms)).await
    }

    /// Observations for inspection, newest first; not the global ones.
    pub async fn observations(&self, filter: ObservationFilter) -> Result<Vec<ObservationRow>, Error> {
        let list = move |projection: &Connection, global: &Connection, _: &Tokenizer| {
            memory::observations(if filter.scope == Some(Scope::Global) { global } else { projection }, &filter)
        };
        self.project(list).await
    }

    /// What memory of this scope knows of: names that begin so, behind this one, in their order; not the global ones.
    pub async fn entities(&self, scope: Scope, begin: Option<&str>, after: Option<&str>, limit: u32) -> Result<Vec<EntityRow>, Error> {
        let (begin, after) = (begin.unwrap_or_default().to_owned(), after.map(str::to_owned));
        self.project(move |projection, _, _| memory::entities(projection, scope, &begin, after.as_deref(), limit)).await
    }

    /// Reads the projection, what is global, and with the tokenizer of both.
    async fn project<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Connection, &Tokenizer) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        match &self.inner.kind {
            Kind::Disk { pool, .. } => pool.projection(move |reader| read(&reader.projection, &reader.global, &reader.tokenizer)).await,
            Kind::Memory(ring) => ring.projection(read).await,
        }
    }

    fn check_len(&self, bytes: &Bytes) -> Result<(), Error> {
        let (size, size_max) = (bytes.len() as u64, self.inner.root.options.blob_len_max);
        if size > size_max.get() { Err(Error::TooLarge { size, size_max }) } else { Ok(()) }
    }

    async fn write_file(&self, digest: Digest, bytes: Bytes, synced: bool) -> Result<PathBuf, Error> {
        let root = Arc::clone(&self.inner.root);
        blocking(move || root.blobs.write(&digest, &bytes, synced)).await
    }

    /// What there is on a disk; nothing for a workspace in memory.
    pub(crate) fn disk(&self) -> Option<Disk<'_>> {
        match &self.inner.kind {
            Kind::Memory(_) => None,
            Kind::Disk { journal, pool, sweeping } => Some(Disk { journal, pool, sweeping, workspace: self }),
        }
    }

    pub(crate) fn close(&self) {
        match &self.inner.kind {
            Kind::Memory(ring) => ring.close(),
            Kind::Disk { journal, pool, .. } => {
                pool.close();
                journal.close();
            }
        }
    }
}

/// The parts of a workspace on disk, for who removes what is in it.
pub(crate) struct Disk<'w> {
    journal: &'w Journal,
    pool: &'w Pool,
    /// Held by the one who does.
    pub(crate) sweeping: &'w tokio::sync::Mutex<()>,
    workspace: &'w Workspace,
}

impl Disk<'_> {
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.pool.journal(read).await
    }

    pub(crate) async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        self.journal.sweep(sweep, &self.workspace.inner.name).await
    }

    pub(crate) async fn content(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        self.workspace.blob(digest).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

/// An event must stand where its fact says that it stands.
fn check(event: &NewEvent) -> Result<(), Error> {
    let needs_turn =
        matches!(event.fact, Fact::TurnBegan { .. } | Fact::TurnEnded { .. } | Fact::WaitBegan { .. } | Fact::ApprovalAsked { .. });
    let needs_agent = matches!(event.fact, Fact::TurnBegan { .. } | Fact::ApprovalAsked { .. });
    let missing = match &event.fact {
        Fact::MessageAccepted { message, .. } if event.conversation != Some(message.conversation) => Some("message's conversation"),
        _ if needs_turn && event.turn.is_none() => Some("turn"),
        _ if needs_agent && event.agent.is_none() => Some("agent"),
        _ if needs_agent && event.conversation.is_none() => Some("conversation"),
        Fact::WaitBegan { .. } | Fact::ApprovalAsked { .. } if event.step.is_none() => Some("step"),
        _ => None,
    };
    missing.map_or(Ok(()), |missing| Err(Error::Incomplete { kind: event.fact.kind(), missing }))
}

//! Other people's MCP servers as tool servers here: each is kept connected in the background, its tools are defined by it and pinned by us.
//!
//! What a turn began with is what it calls: a tool that its server defines anew meanwhile is refused to that turn.

mod accept;
mod define;
mod guard;
mod link;
mod offers;
mod pin;
mod pins;
mod result;
mod run;

pub use self::{guard::BreakerNotice, offers::Offers, pin::FirstSeen};
pub(crate) use self::{link::Link, pins::Changed};

use self::{
    guard::Guard,
    pins::{Pins, Shelf},
};
use crate::{Error, ServerState, built_in::state::Door, server::Server};
use caxton_mcp::client::{About, Client, Options, Place};
use caxton_store::now;
use caxton_types::{BreakerOptions, BreakerState, Timestamp, ToolDefinition, ToolId, unit::ByteSize};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, watch};

const NOT_YET: &str = "it is not connected yet";

/// A server of others, and how its tools are handled here.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// Where it is, and what may be expected of it; its name is the tool server's.
    pub server: Options,
    /// Names under which agents may also ask for all its tools.
    pub labels: Vec<Box<str>>,
    /// When it is left alone, and for how long.
    pub breaker: BreakerOptions,
    /// Whether what it says of its tools' side effects is believed; the cautious answer is taken otherwise.
    pub hints_trusted: bool,
    /// Whether tools that are not what was first seen of them are neither offered nor called until somebody accepts them.
    pub changed_refused: bool,
    /// The largest result of a call, its files included.
    pub result_len_max: ByteSize,
}

impl RemoteOptions {
    /// A server with the usual bounds.
    pub fn new(server: Options) -> Self {
        Self {
            server,
            labels: vec![],
            breaker: BreakerOptions::default(),
            hints_trusted: true,
            changed_refused: false,
            result_len_max: ByteSize::mib(16),
        }
    }
}

/// How a server of others is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteStatus {
    /// Its name.
    pub name: Box<str>,
    /// Its URL, or the program that is started.
    pub place: Box<str>,
    /// Whether its tools can be called.
    pub state: RemoteState,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// Whether calls are let through to it.
    pub breaker: BreakerState,
    /// Its tools; as they last were, where it is not up.
    pub tools: Vec<ToolDefinition>,
    /// Tools that it offers and that cannot be used, with the reason.
    pub left_out: Vec<(Box<str>, String)>,
    /// Tools that are not what was first seen of them.
    pub changed: BTreeSet<ToolId>,
    /// What it offers beside tools; as it last was, where it is not up.
    pub offers: Arc<Offers>,
}

/// Whether a server of others can be called.
#[derive(Debug, Clone, PartialEq)]
pub enum RemoteState {
    /// Not for the first time yet.
    Connecting,
    /// Yes, and this is what it says of itself.
    Up(About),
    /// No, and it is tried again by itself.
    Down {
        /// Why not.
        reason: Arc<str>,
    },
}

/// All servers of others, by name.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    all: BTreeMap<Box<str>, Arc<Remote>>,
    generation: Arc<AtomicU64>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Remote {
    options: RemoteOptions,
    state: watch::Sender<State>,
    /// What it offers beside tools, as it last was.
    offers: watch::Sender<Arc<Offers>>,
    /// Since when it is in a state of that kind; changed together with it.
    since: Mutex<Timestamp>,
    guard: Arc<Guard>,
    /// Rings when a call failed in a way that puts the connection into doubt.
    doubt: Arc<Notify>,
    /// What was first seen of its tools; whoever changes its state holds it.
    pins: Mutex<Pins>,
    shelf: Shelf,
    /// Counts changes of anybody's tools.
    generation: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum State {
    Connecting,
    Up(Arc<Up>),
    Down { reason: Arc<str>, last: Option<Arc<Up>> },
}

/// A connected server with its tools as they are now.
#[derive(Debug)]
struct Up {
    /// With the tools that may be called.
    server: Arc<Server>,
    /// With those too that are refused, because they changed.
    all: Arc<Server>,
    about: About,
    left_out: Vec<(Box<str>, String)>,
    changed: Changed,
}

impl Remotes {
    pub(crate) fn new(options: Vec<RemoteOptions>, store: &Door) -> Self {
        let generation = Arc::default();
        let all = options.into_iter().map(|options| (options.server.name.clone(), Remote::new(options, store, &generation))).collect();
        Self { all, generation }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Remote>> {
        self.all.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.all.values()
    }

    /// Another one whenever the tools of any of them changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Under which names the tools of which servers are also known.
    pub(crate) fn labels(&self) -> Vec<(&str, &str)> {
        self.all.iter().flat_map(|(name, remote)| remote.options.labels.iter().map(|label| (&**label, &**name))).collect()
    }
}

impl Remote {
    fn new(options: RemoteOptions, store: &Door, generation: &Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            guard: Arc::new(Guard::new(&options.server.name, options.breaker)),
            options,
            state: watch::Sender::new(State::Connecting),
            offers: watch::Sender::default(),
            since: Mutex::new(now()),
            doubt: Arc::default(),
            pins: Mutex::default(),
            shelf: Shelf::new(store),
            generation: Arc::clone(generation),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.options.server.name
    }

    /// Its server as it can be called now.
    pub(crate) fn current(&self) -> Option<Arc<Server>> {
        self.up().map(|up| Arc::clone(&up.server))
    }

    /// The same with those tools that are refused.
    pub(crate) fn offered(&self) -> Option<Arc<Server>> {
        self.up().map(|up| Arc::clone(&up.all))
    }

    /// Why this tool of it is not called, if it changed.
    pub(crate) fn refusal(&self, id: &ToolId) -> Option<Error> {
        self.up().and_then(|up| up.changed.refusal(id))
    }

    fn up(&self) -> Option<Arc<Up>> {
        match &*self.state.borrow() {
            State::Up(up) => Some(Arc::clone(up)),
            State::Connecting | State::Down { .. } => None,
        }
    }

    /// Its tools as they are now, or as they last were.
    pub(crate) fn seen(&self) -> Option<Arc<Server>> {
        match &*self.state.borrow() {
            State::Up(up) | State::Down { last: Some(up), .. } => Some(Arc::clone(&up.all)),
            State::Connecting | State::Down { last: None, .. } => None,
        }
    }

    /// The same with whether they can be called, and which of them changed.
    pub(crate) fn standing(&self) -> (Option<Arc<Server>>, ServerState, Changed) {
        let (state, since) = self.read();
        let (up, why_not) = match state {
            State::Connecting => (None, Some(NOT_YET.to_owned())),
            State::Up(up) => (Some(up), self.guard.complaint()),
            State::Down { reason, last } => (last, Some(since_when(&reason, since))),
        };
        let (server, changed) = up.map(|up| (Arc::clone(&up.all), up.changed.clone())).unzip();
        (server, why_not.map_or(ServerState::Ready, ServerState::Unavailable), changed.unwrap_or_default())
    }

    /// Why none of its tools can be called, if it is not there.
    pub(crate) fn absence(&self) -> Option<Error> {
        self.there().err()
    }

    /// It, or since when and why it is not there.
    fn there(&self) -> Result<Arc<Up>, Error> {
        let reason = match self.read() {
            (State::Up(up), _) => return Ok(up),
            (State::Connecting, _) => NOT_YET.into(),
            (State::Down { reason, .. }, since) => since_when(&reason, since).into(),
        };
        Err(Error::RemoteDown { server: self.name().into(), reason })
    }

    fn read(&self) -> (State, Timestamp) {
        let since = self.since.lock();
        (self.state.borrow().clone(), *since)
    }

    fn down(&self, reason: impl Into<Arc<str>>) {
        let _pins = self.pins.lock();
        let last = match &*self.state.borrow() {
            State::Up(up) => Some(Arc::clone(up)),
            State::Down { last, .. } => last.clone(),
            State::Connecting => None,
        };
        self.turn(State::Down { reason: reason.into(), last });
    }

    fn turn(&self, state: State) {
        let mut since = self.since.lock();
        let before = self.state.send_replace(state);
        if mem::discriminant(&before) != mem::discriminant(&*self.state.borrow()) {
            *since = now();
        }
        drop(since);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The server with the very definition of a tool that a turn began with. While it is connected for the first time, that is waited for.
    pub(crate) async fn server(&self, tool: &ToolDefinition, heard: &crate::Heard<'_>) -> Result<Arc<Server>, Error> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting));
        let known = match tokio::time::timeout(self.options.server.connect_timeout, settled).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) | Err(_) => State::Connecting,
        };
        let reason = match known {
            State::Up(up) => return up.changed.refusal(&tool.id).map_or_else(|| pinned(tool, &up.server), Err),
            State::Down { reason, .. } => reason,
            State::Connecting => NOT_YET.into(),
        };
        self.guard.refuse(heard)?;
        Err(Error::RemoteDown { server: self.name().into(), reason })
    }

    pub(crate) fn status(&self) -> RemoteStatus {
        let (state, since) = self.read();
        let (state, up) = match state {
            State::Connecting => (RemoteState::Connecting, None),
            State::Up(up) => (RemoteState::Up(up.about.clone()), Some(up)),
            State::Down { reason, last } => (RemoteState::Down { reason }, last),
        };
        let place = match &self.options.server.place {
            Place::Program(program) => program.command.clone(),
            Place::Url(url) => url.url.clone(),
        };
        RemoteStatus {
            name: self.name().into(),
            place,
            state,
            since,
            breaker: self.guard.state(),
            tools: up.as_ref().map(|up| up.all.tools().to_vec()).unwrap_or_default(),
            left_out: up.as_ref().map(|up| up.left_out.clone()).unwrap_or_default(),
            changed: up.map(|up| up.changed.ids()).unwrap_or_default(),
            offers: self.offers(),
        }
    }

    fn link(&self, client: &Arc<Client>, names: BTreeMap<ToolId, Box<str>>) -> Link {
        Link::new(Arc::clone(client), Arc::clone(&self.guard), Arc::clone(&self.doubt), names, &self.options)
    }
}

fn since_when(reason: &str, since: Timestamp) -> String {
    format!("{reason} (since {since})")
}

/// The server, if it still defines the tool as the caller knows it.
fn pinned(tool: &ToolDefinition, server: &Arc<Server>) -> Result<Arc<Server>, Error> {
    match server.tools().iter().find(|now| now.id == tool.id) {
        Some(now) if tool.digest.is_none_or(|known| now.digest == Some(known)) => Ok(Arc::clone(server)),
        Some(_) => Err(Error::DefinedAnew { tool: tool.id.clone() }),
        None => Err(Error::Failed { tool: tool.id.clone(), reason: "its server does not offer it any more".into() }),
    }
}

//! What was first seen of a server's tools, also in processes before this one: what it says of them now is compared with that.
//!
//! It is kept by the server's name in what `_system` keeps by key. A server that is somewhere else than before is another one: its pins begin
//! anew.

use super::{
    FirstSeen, Remote, RemoteOptions, State, Up,
    pin::{self, Known, Otherwise, Pin, WORDS_LEN_MAX, room},
};
use crate::{
    Error, LoadedServer, Refusal,
    built_in::state::{Door, of_store},
    server::{Module, Server},
};
use caxton_mcp::client::{self, About, Place};
use caxton_store::{StateBounds, StateChange, StateOutcome, StateWrite};
use caxton_types::{Code, Digest, ToolDefinition, ToolId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// Whose the pins are among what is kept by key.
const OWNER: &str = "mcp_pins";
/// The most tools of one server that are remembered, those included that it does not offer any more. One beyond that counts as changed until
/// somebody accepts it.
pub(super) const PINS_MAX: usize = 4000;
/// For all servers that ever were in the configuration.
const BOUNDS: StateBounds = StateBounds { keys_max: 10_000, bytes_max: 1 << 30 };

/// The definitions that are known, by tool.
#[derive(Debug, Default)]
pub(super) struct Pins {
    tools: Known,
    /// Whether what earlier processes saw is among them.
    is_read: bool,
    /// Whether they are kept as they are here.
    is_kept: bool,
    /// The changed ones that were told of.
    told: BTreeMap<ToolId, Digest>,
}

/// The tools of a server that are not what was first seen of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changed {
    tools: Arc<Otherwise>,
    are_refused: bool,
}

impl Changed {
    pub(crate) fn has(&self, id: &ToolId) -> bool {
        self.tools.contains_key(id)
    }

    /// What was first seen of it, where that is kept.
    pub(crate) fn first_seen(&self, id: &ToolId) -> Option<FirstSeen> {
        serde_json::from_str(self.tools.get(id)?.as_ref()?).ok()
    }

    /// Why it is not called.
    pub(crate) fn refusal(&self, id: &ToolId) -> Option<Error> {
        (self.are_refused && self.has(id)).then(|| Error::Changed { tool: id.clone() })
    }

    /// The same for people who look at what there is.
    pub(crate) fn complaint(&self, id: &ToolId) -> Option<String> {
        let said = "it is not what was first seen of it, and `changed_tools` of its server is `refuse`";
        (self.are_refused && self.has(id)).then(|| format!("{said}; `caxton tool accept {id}` takes it as it is"))
    }

    pub(super) fn ids(&self) -> BTreeSet<ToolId> {
        self.tools.keys().cloned().collect()
    }
}

/// Where they are kept, once that is known.
pub(super) struct Shelf {
    store: Door,
    /// Held by the one who writes.
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Shelf {
    pub(super) fn new(store: &Door) -> Self {
        Self { store: Door::clone(store), one_at_a_time: tokio::sync::Mutex::default() }
    }

    /// Waits until nobody else writes.
    pub(super) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.one_at_a_time.lock().await
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// Tools that cannot be used, with the reason.
type LeftOut = Vec<(Box<str>, String)>;

/// What is kept of one server.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Of where it was.
    place: Digest,
    tools: Known,
}

impl Pins {
    /// Which of the tools are not what was first seen of them. What was never seen is from now on.
    pub(super) fn judge(&mut self, server: &str, tools: &[ToolDefinition]) -> Otherwise {
        let (mut changed, mut otherwise) = (BTreeMap::new(), Otherwise::new());
        let mut room = self.make_room(tools);
        for (tool, digest) in tools.iter().filter_map(|tool| Some((tool, tool.digest?))) {
            let (id, is_full) = (&tool.id, self.tools.len() >= PINS_MAX);
            match self.tools.get_mut(id.tool()) {
                // One that was pinned when only digests were kept.
                Some(pin) if pin.is(digest) => self.is_kept &= !pin.complete(tool, &mut room),
                None if !is_full => {
                    self.tools.insert(id.tool().into(), Pin::of(tool, digest, &mut room));
                    self.is_kept = false;
                }
                pin => {
                    changed.insert(id.clone(), digest);
                    otherwise.insert(id.clone(), pin.and_then(|pin| pin.words().cloned()));
                }
            }
        }
        for (id, _) in changed.iter().filter(|(id, digest)| self.told.get(id) != Some(digest)) {
            let todo = format!("look at it with `caxton tool inspect {id}`; `caxton tool accept {id}` takes it as it is");
            tracing::warn!(server, tool = id.tool(), %todo, "a tool of an MCP server is not what was first seen of it");
        }
        self.told = changed;
        otherwise
    }

    /// Where there is little room for words, those of tools that are not offered now go; how much there is then.
    fn make_room(&mut self, offered: &[ToolDefinition]) -> usize {
        if room(&self.tools) < WORDS_LEN_MAX {
            let offered: BTreeSet<&str> = offered.iter().map(|tool| tool.id.tool()).collect();
            for (_, pin) in self.tools.iter_mut().filter(|(name, _)| !offered.contains(&***name)) {
                self.is_kept &= !pin.forget_words();
            }
        }
        room(&self.tools)
    }

    /// What later processes are to know, once it is known what earlier ones saw.
    pub(super) fn known(&self) -> Option<Known> {
        self.is_read.then(|| self.tools.clone())
    }

    /// Makes a change that is kept as this.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Known), kept: &Known) {
        change(&mut self.tools);
        self.is_kept = self.tools == *kept;
    }

    /// Takes over what earlier processes saw, which was first. A second time would undo what somebody accepted since.
    fn remember(&mut self, kept: Option<Kept>) {
        if self.is_read {
            return;
        }
        let before = self.tools.len();
        self.is_read = true;
        self.is_kept = kept.is_some() && before == 0;
        self.tools.extend(kept.into_iter().flat_map(|kept| kept.tools));
        pin::trim(&mut self.tools);
    }
}

impl Remote {
    /// Reads once what earlier processes saw of its tools, and says whether this was the time. Where that cannot be read or
    /// understood, a server whose changed tools are refused is not there.
    pub(super) async fn recall(&self) -> Result<bool, client::Error> {
        if self.pins.lock().is_read {
            return Ok(false);
        }
        let row = match self.shelf.store.get() {
            Some(store) => store.system().state(OWNER, self.name()).await,
            None => Ok(None),
        };
        let away = |reason| client::Error::Options { server: self.name().into(), reason };
        let kept = match row {
            Ok(row) => row.map(|row| serde_json::from_value::<Kept>(row.value)).transpose(),
            Err(error) if self.options.changed_refused => {
                return Err(away(format!("what was first seen of its tools cannot be read: {error}")));
            }
            Err(error) => {
                tracing::warn!(server = self.name(), %error, "what was first seen of the tools of an MCP server cannot be read now");
                return Ok(false);
            }
        };
        let kept = match kept {
            Ok(kept) => kept.filter(|kept| self.is_at(kept)),
            Err(error) if self.options.changed_refused => {
                let todo = "`changed_tools: warn` for one start pins them anew";
                return Err(away(format!("what is kept of its tools is unreadable ({error}): {todo}")));
            }
            Err(error) => {
                tracing::warn!(server = self.name(), %error, "what is kept of the tools of an MCP server is unreadable: they are pinned anew");
                None
            }
        };
        self.pins.lock().remember(kept);
        Ok(true)
    }

    /// Whether what is kept is of the server that is there now.
    fn is_at(&self, kept: &Kept) -> bool {
        let is_at = kept.place == place(&self.options);
        if !is_at {
            tracing::info!(server = self.name(), "an MCP server is somewhere else than before: its tools are pinned anew");
        }
        is_at
    }

    /// It is up and offers these tools; judged is what they are by what was first seen of them.
    pub(super) fn present(&self, all: Arc<Server>, about: About, left_out: LeftOut) -> Result<(), Error> {
        let mut pins = self.pins.lock();
        let up = self.judged(&mut pins, all, about, left_out)?;
        self.turn(State::Up(up));
        Ok(())
    }

    pub(super) fn judged(&self, pins: &mut Pins, all: Arc<Server>, about: About, left_out: LeftOut) -> Result<Arc<Up>, Error> {
        let changed = Changed { tools: Arc::new(pins.judge(self.name(), all.tools())), are_refused: self.options.changed_refused };
        let server = match all.module() {
            Module::Remote(link) if changed.are_refused && !changed.tools.is_empty() => {
                let tools = all.tools().iter().filter(|tool| !changed.has(&tool.id)).cloned().collect();
                LoadedServer::new(self.name(), Module::Remote(link.clone()), tools)?.start()
            }
            _ => Arc::clone(&all),
        };
        Ok(Arc::new(Up { server, all, about, left_out, changed }))
    }

    /// Notes what is seen of its tools for the first time, for later processes too.
    pub(super) async fn note(&self, tools: &[ToolDefinition]) {
        self.pins.lock().judge(self.name(), tools);
        self.keep().await;
    }

    /// Keeps what was first seen for later processes. Where that fails, it is tried again when its tools are looked at again.
    pub(super) async fn keep(&self) {
        let _one_at_a_time = self.shelf.alone().await;
        let unkept = {
            let pins = self.pins.lock();
            pins.known().filter(|_| !pins.is_kept)
        };
        let Some(tools) = unkept else { return };
        match self.write(&tools).await {
            Ok(()) => self.pins.lock().change(|_| {}, &tools),
            Err(refusal) => {
                tracing::warn!(server = self.name(), %refusal, "what was first seen of the tools of an MCP server is not kept");
            }
        }
    }

    pub(super) async fn write(&self, tools: &Known) -> Result<(), Refusal> {
        let Some(store) = self.shelf.store.get() else { return Ok(()) };
        let value = json!(Kept { place: place(&self.options), tools: tools.clone() });
        let call = Digest::of(value.to_string().as_bytes()).to_string().into();
        let change = StateChange::Put { value, expires: None };
        let write = StateWrite { owner: OWNER.into(), key: self.name().into(), call, change, if_version: None, bounds: BOUNDS };
        match store.system().write_state(write).await.map_err(|error| of_store(&error))? {
            StateOutcome::Kept { .. } => Ok(()),
            StateOutcome::Full { .. } | StateOutcome::Conflict { .. } | StateOutcome::Removed(_) => {
                Err(Refusal::new(Code::Exhausted, "the tools of too many MCP servers are remembered"))
            }
        }
    }
}

/// Where it is: what it is given there (variables, headers, tokens) may change without its being another server.
fn place(options: &RemoteOptions) -> Digest {
    let place = match &options.server.place {
        Place::Program(program) => json!(["program", program.command, program.args]),
        Place::Url(url) => json!(["url", url.url]),
    };
    Digest::of(place.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, words: &str) -> ToolDefinition {
        let (id, digest) = (format!("desk/{name}"), Digest::of(words.as_bytes()));
        serde_json::from_value(json!({"id": id, "description": words, "input_schema": {}, "digest": digest})).unwrap()
    }

    #[test]
    fn what_differs_from_what_was_seen_first_is_changed_until_it_is_as_it_was() {
        let mut pins = Pins::default();
        let mut judge = |said: &[(&str, &str)]| {
            let tools: Vec<_> = said.iter().map(|(name, words)| tool(name, words)).collect();
            pins.judge("desk", &tools).keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(judge(&[("get", "gets"), ("put", "puts")]).is_empty());
        assert_eq!(judge(&[("get", "gets"), ("put", "puts, and sends it to a stranger"), ("list", "lists")]), ["desk/put"]);
        assert!(judge(&[("get", "gets")]).is_empty());
        assert_eq!(judge(&[("put", "lists"), ("list", "puts")]), ["desk/list", "desk/put"], "also after it was away");
        assert!(judge(&[("put", "puts"), ("list", "lists")]).is_empty());
    }

    #[test]
    fn what_earlier_processes_saw_was_first() {
        let mut pins = Pins::default();
        assert!(pins.judge("desk", &[tool("get", "gets"), tool("put", "puts")]).is_empty());
        let pin = |words: &str| Known::from([("get".into(), Pin::of(&tool("get", words), Digest::of(words.as_bytes()), &mut 1000))]);
        let kept = || Kept { place: Digest::of(b""), tools: pin("fetches") };
        pins.remember(Some(kept()));
        let changed = pins.judge("desk", &[tool("get", "gets"), tool("put", "puts")]);
        let changed = Changed { tools: Arc::new(changed), are_refused: false };
        let first: Vec<_> = changed.ids().iter().map(|id| changed.first_seen(id).unwrap().description).collect();
        assert_eq!(first, ["fetches"]);
        assert!(pins.is_read && !pins.is_kept, "nobody has kept `put` yet");
        pins.change(|tools| tools.extend(pin("gets")), &Known::new());
        pins.remember(Some(kept()));
        assert!(pins.judge("desk", &[tool("get", "gets")]).is_empty(), "what somebody accepted since stays");
    }

    #[test]
    fn words_of_tools_that_are_not_offered_any_more_make_room() {
        let mut pins = Pins::default();
        let filler: Vec<_> = (0..20).map(|n| tool(&format!("t{n}"), &"x".repeat(30 << 10))).collect();
        assert!(pins.judge("desk", &filler).is_empty());
        let changed = pins.judge("desk", &[tool("get", "gets")]);
        assert!(changed.is_empty() && pins.tools.len() == 21, "their digests stay");
        let changed = pins.judge("desk", &[tool("get", "sends"), tool("t0", "sends")]);
        assert_eq!(changed.values().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn one_tool_more_than_are_remembered_counts_as_changed() {
        let mut pins = Pins::default();
        let all: Vec<_> = (0..=PINS_MAX).map(|n| tool(&format!("t{n}"), "x")).collect();
        assert_eq!(pins.judge("desk", &all).len(), 1);
        assert_eq!(pins.tools.len(), PINS_MAX);
    }
}

//! From bytes to a component that takes calls: compile or fetch, link, recognise its kind, ask for its tools.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use caxton_types::{Digest, Permissions, ToolAnnotations};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::component::{Component as Code, InstancePre};

use crate::{
    Binary, Component, Error, Sandbox, ToolInfo,
    bindings::Tool,
    complexity,
    component::Loaded,
    engine,
    entry::{Entry, Reply},
    grant::Granted,
    host::Host,
    kind,
    resident::{Origin, Resident},
    run::{Job, Place, Run, TimeLimits},
    sandbox::Shared,
    wasi,
    wrap::Plan,
};

#[cfg(test)]
mod tests;

/// The number of the next loading.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// So many components may wait to be compiled: each of them holds its bytes.
const COMPILES_WAITING_MAX: usize = 64;
const TOOLS_MAX: usize = 128;
const TOOL_NAME_LEN_MAX: usize = 64;
/// Of a description, a schema, the options: each.
pub(crate) const TEXT_LEN_MAX: usize = 64 << 10;

impl Sandbox {
    /// Compiles a component, or takes its code from the cache, and asks it for its tools; it is granted nothing.
    pub async fn load(&self, name: &str, binary: impl Into<Binary>) -> Result<Component, Error> {
        self.load_granted(name, binary, &Permissions::default()).await
    }

    /// Like [`Sandbox::load`], for a component that may touch what its permissions say.
    pub async fn load_granted(&self, name: &str, binary: impl Into<Binary>, permissions: &Permissions) -> Result<Component, Error> {
        let shared = Arc::clone(&self.0);
        let granted = Granted::new(permissions, &shared.options)?;
        let Linked { digest, origin, entry, told } = linked(&shared, name.to_owned(), granted, binary.into()).await?;
        let (key, id) = (origin.key, NEXT.fetch_add(1, Ordering::Relaxed));
        let is_news = told.is_none() && entry.way.asks_the_guest();
        let told = match told {
            Some(told) => told,
            None => ask(&shared, &origin.name, id, &entry).await?,
        };
        let news = is_news.then(|| told.clone());
        let tools = check_tools(told).map_err(|reason| Error::InvalidTool { name: origin.name.clone(), reason })?;
        debug!(name, %digest, tools = tools.len(), "component is loaded");
        if let Some(cache) = &shared.cache {
            cache.pin(key);
        }
        let slots = entry.slots;
        let loaded = Arc::new(Loaded {
            slots,
            id,
            digest,
            resident: Resident::new(origin, entry),
            tools,
            shared: Arc::clone(&shared),
            is_retired: AtomicBool::new(false),
        });
        shared.loaded.lock().push(Arc::downgrade(&loaded));
        if let Some(told) = news {
            let keep = move |shared: &Shared| {
                if let Some(cache) = &shared.cache {
                    cache.describe(key, told);
                }
                Ok(())
            };
            on_a_thread(&shared, keep).await?;
        }
        Ok(Component(loaded))
    }
}

/// A component that is to be loaded.
struct Wanted {
    name: String,
    digest: Digest,
    granted: Arc<Granted>,
}

/// One that must be compiled.
struct Source {
    wanted: Wanted,
    wasm: Bytes,
    /// How it is made into a component, where it is none.
    plan: Option<Plan>,
}

/// One whose imports are bound.
struct Linked {
    digest: Digest,
    origin: Origin,
    entry: Arc<Entry>,
    /// Its tools, where they are known.
    told: Option<Vec<Tool>>,
}

/// Takes its code from the cache, or compiles it.
async fn linked(shared: &Arc<Shared>, name: String, granted: Arc<Granted>, binary: Binary) -> Result<Linked, Error> {
    let kept = move |shared: &Shared| {
        let wanted = Wanted::new(shared, name, granted, &binary)?;
        Ok(wanted.kept(shared).transpose()?.ok_or((wanted, binary)))
    };
    let (wanted, binary) = match on_a_thread(shared, kept).await? {
        Ok(linked) => return Ok(linked),
        Err(missing) => missing,
    };
    let is_stored = binary.is_stored();
    let wasm = binary.read().await.map_err(|failure| Error::Unread { name: wanted.name.clone(), failure })?;
    let source = move |shared: &Shared| {
        if is_stored {
            wanted.check(shared, &wasm)?;
        }
        wanted.source(wasm)
    };
    let source = on_a_thread(shared, source).await?;
    // Only what must be compiled waits for its turn.
    let turn = turn(shared, &source.wanted.name).await?;
    on_a_thread(shared, move |shared| source.compiled(shared, turn)).await
}

fn within(shared: &Shared, name: &str, size: u64) -> Result<(), Error> {
    let size_max = shared.options.component_size_max;
    if size <= size_max.get() { Ok(()) } else { Err(Error::ComponentTooLarge { name: name.to_owned(), size, size_max }) }
}

impl Wanted {
    fn new(shared: &Shared, name: String, granted: Arc<Granted>, binary: &Binary) -> Result<Self, Error> {
        within(shared, &name, binary.size())?;
        Ok(Self { name, digest: binary.digest(), granted })
    }

    /// Its code that was compiled before, from a component or from a core module.
    fn kept(&self, shared: &Shared) -> Option<Result<Linked, Error>> {
        let cache = shared.cache.as_ref()?;
        let keys = [self.digest, Plan::key(self.digest)];
        let (key, (code, about)) = keys.into_iter().find_map(|key| Some((key, cache.load(&shared.engine, key)?)))?;
        metrics::counter!("caxton_sandbox_loads_total", "from" => "cache").increment(1);
        Some(self.linked(shared, key, &code, about.hides_init, about.tools))
    }

    /// Whether these are the bytes that were spoken of, and no more of them than are taken.
    fn check(&self, shared: &Shared, wasm: &[u8]) -> Result<(), Error> {
        within(shared, &self.name, wasm.len() as u64)?;
        if Digest::of(wasm) == self.digest {
            return Ok(());
        }
        let reason = format!("its bytes are not those of {}", self.digest);
        Err(Error::InvalidComponent { name: self.name.clone(), reason })
    }

    /// Checks whether these bytes can be a component, or be made into one.
    fn source(self, wasm: Bytes) -> Result<Source, Error> {
        let plan = match wasm.get(..8) {
            Some([b'\0', b'a', b's', b'm', _, _, 1, 0]) => None,
            Some([b'\0', b'a', b's', b'm', ..]) => Some(Plan::of(&self.name, &wasm)?),
            _ => return Err(Error::NotAComponent { name: self.name, found: "no WebAssembly at all" }),
        };
        Ok(Source { wanted: self, wasm, plan })
    }

    fn linked(&self, shared: &Shared, key: Digest, code: &Code, hides_init: bool, told: Option<Vec<Tool>>) -> Result<Linked, Error> {
        let origin = Origin { name: self.name.clone(), key, granted: Arc::clone(&self.granted), hides_init };
        let entry = Arc::new(link(shared, &origin, code)?);
        Ok(Linked { digest: self.digest, origin, entry, told })
    }
}

impl Source {
    /// Compiles it, unless another one did so while it waited for its turn.
    fn compiled(self, shared: &Shared, _turn: OwnedSemaphorePermit) -> Result<Linked, Error> {
        if let Some(linked) = self.wanted.kept(shared) {
            return linked;
        }
        let digest = self.wanted.digest;
        let key = self.plan.as_ref().map_or(digest, |_| Plan::key(digest));
        shared.compiler.install(|| {
            let code = self.compile(shared)?;
            let hides_init = code.get_export_index(None, "init").is_some() && kind::hides_init(&self.wasm);
            if let Some(cache) = &shared.cache {
                cache.store(&code, key, hides_init);
            }
            self.wanted.linked(shared, key, &code, hides_init, None)
        })
    }

    fn compile(&self, shared: &Shared) -> Result<Code, Error> {
        let (name, wasm) = (self.wanted.name.as_str(), &*self.wasm);
        metrics::counter!("caxton_sandbox_loads_total", "from" => "source").increment(1);
        let wrapped = self.plan.as_ref().map(|plan| plan.encode(name, wasm)).transpose()?;
        let wasm = wrapped.as_deref().unwrap_or(wasm);
        let profile = shared.options.profile;
        let proposals = if profile.accepts(wasm) { Vec::new() } else { profile.culprits(wasm) };
        if !proposals.is_empty() {
            return Err(Error::ProposalRefused { name: name.to_owned(), profile, proposals });
        }
        complexity::check(wasm, shared.options.wide_values_max).map_err(|what| Error::TooComplex { name: name.to_owned(), what })?;
        // `from_binary`: what is deployed is never text.
        Code::from_binary(&shared.engine, wasm).map_err(|error| invalid(name, &error))
    }
}

/// What the guest says are its tools; telling them takes nothing of what it is granted.
async fn ask(shared: &Arc<Shared>, name: &str, id: u64, entry: &Arc<Entry>) -> Result<Vec<Tool>, Error> {
    let slot = shared.slots(entry.slots).await?;
    let limits = shared.options.limits;
    let place = Place::fresh(shared, Arc::clone(entry), slot, &Arc::default(), limits);
    match Run::new(id, place, Job::list(shared), TimeLimits::of(limits)).drive(shared, None).await.result? {
        Reply::Tools(tools) => Ok(tools),
        Reply::Called(_) => Err(Error::InvalidTool { name: name.to_owned(), reason: "it did not list its tools".to_owned() }),
    }
}

async fn on_a_thread<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work(&shared)).await.map_err(|error| Error::Engine(error.to_string()))?
}

/// A turn to compile; so many may wait for theirs that what they hold meanwhile has a bound.
async fn turn(shared: &Shared, name: &str) -> Result<OwnedSemaphorePermit, Error> {
    let _waiting = shared.compiles_waiting.enter();
    let before = shared.compiles_waiting.len().saturating_sub(1);
    if before >= COMPILES_WAITING_MAX {
        return Err(Error::CompilerBusy { name: name.to_owned(), waiting: before });
    }
    Arc::clone(&shared.compiles).acquire_owned().await.map_err(|_| Error::Stopping)
}

/// The way into a component whose code was put away.
pub(crate) fn again(shared: &Shared, origin: &Origin) -> Result<Entry, Error> {
    let code = shared.cache.as_ref().and_then(|cache| cache.load(&shared.engine, origin.key));
    let (code, _) = code.ok_or_else(|| Error::CodeGone { name: origin.name.clone() })?;
    link(shared, origin, &code)
}

/// Binds a component's imports and recognises its kind.
fn link(shared: &Shared, origin: &Origin, code: &Code) -> Result<Entry, Error> {
    let Origin { name, granted, hides_init, .. } = origin;
    let slots = slots(code);
    let slots_max = engine::SLOTS_OF_ONE_MAX.min(shared.slots.total());
    if slots > slots_max {
        let reason = format!("its parts have more memories or tables than {slots_max} slots of the sandbox have");
        return Err(Error::InvalidComponent { name: name.clone(), reason });
    }
    Ok(Entry { way: kind::way(name, bind(shared, name, code, granted)?, *hides_init)?, slots })
}

/// How many slots an instance takes: one, unless it is composed of many parts.
fn slots(code: &Code) -> u32 {
    // What instantiates code that it is given is refused when its imports are bound.
    let needs = code.resources_required().map_or((0, 0), |needs| (needs.num_memories, needs.num_tables));
    needs.0.div_ceil(engine::MEMORIES).max(needs.1.div_ceil(engine::TABLES)).max(1)
}

/// Binds its imports; what is not granted to any tool is not there to be bound.
fn bind(shared: &Shared, name: &str, code: &Code, granted: &Granted) -> Result<InstancePre<Host>, Error> {
    let not_granted = wasi::not_granted(&shared.engine, code, granted);
    if !not_granted.is_empty() {
        return Err(Error::ImportNotGranted { name: name.to_owned(), imports: not_granted });
    }
    let linker = shared.linkers.of(granted).map_err(|error| Error::Engine(error.to_string()))?;
    linker.instantiate_pre(code).map_err(|error| {
        let text = format!("{error:#}");
        let mut imports: Vec<String> = code
            .component_type()
            .imports(&shared.engine)
            .map(|(import, _)| import.to_owned())
            .filter(|import| {
                !["wasi:", "caxton:host/"].iter().any(|known| import.starts_with(known)) || text.contains(&format!("`{import}`"))
            })
            .collect();
        if imports.is_empty() {
            imports.push(text);
        }
        Error::ImportRefused { name: name.to_owned(), imports }
    })
}

pub(crate) fn invalid(name: &str, error: &wasmtime::Error) -> Error {
    Error::InvalidComponent { name: name.to_owned(), reason: format!("{error:#}") }
}

/// What a tool may say of itself beyond its schema, as in MCP; unknown keys are MCP's to add.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ToolOptions {
    annotations: ToolAnnotations,
    output_schema: Option<Value>,
}

fn check_tools(tools: Vec<Tool>) -> Result<Vec<ToolInfo>, String> {
    if tools.is_empty() || tools.len() > TOOLS_MAX {
        return Err(format!("it lists {} tools; 1 to {TOOLS_MAX} are accepted", tools.len()));
    }
    let mut checked: Vec<ToolInfo> = Vec::with_capacity(tools.len());
    for tool in tools {
        let tool = check_tool(tool)?;
        if checked.iter().any(|other| other.name == tool.name) {
            return Err(format!("`{}` is listed twice", tool.name));
        }
        checked.push(tool);
    }
    Ok(checked)
}

fn check_tool(tool: Tool) -> Result<ToolInfo, String> {
    let Tool { name, description, input_schema, options_json } = tool;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > TOOL_NAME_LEN_MAX || !name.chars().all(plain) {
        let shown: String = name.chars().take(80).collect();
        return Err(format!("`{shown}` is no name for a tool (1 to {TOOL_NAME_LEN_MAX} of a-z A-Z 0-9 _ -)"));
    }
    let options_json = options_json.unwrap_or_else(|| "{}".to_owned());
    if [&description, &input_schema, &options_json].iter().any(|text| text.len() > TEXT_LEN_MAX) {
        return Err(format!("`{name}` has a description, schema or options over {TEXT_LEN_MAX} bytes"));
    }
    let input_schema: Value =
        serde_json::from_str(&input_schema).map_err(|error| format!("the schema of `{name}` is not JSON: {error}"))?;
    if !input_schema.is_object() {
        return Err(format!("the schema of `{name}` is not a JSON object"));
    }
    let options: ToolOptions =
        serde_json::from_str(&options_json).map_err(|error| format!("the options of `{name}` are not what MCP knows: {error}"))?;
    let ToolOptions { annotations, output_schema } = options;
    Ok(ToolInfo { name, description, input_schema, output_schema, annotations })
}

//! The tool servers of each workspace.

use crate::{
    Archive, Error, Grant, Granted, HttpOptions, LoadedServer, Refusal, Resolution,
    built_in::{
        BuiltIn,
        chart_generator::ChartGenerator,
        data_reader::DataReader,
        database::Database,
        file_system::FileSystem,
        state::{self, Door, State},
        stats_calculator::StatsCalculator,
    },
    earlier::Earlier,
    http_client::HttpClient,
    remote::{Remote, RemoteOptions, RemoteStatus, Remotes},
    resolve::{self, Known},
    server::{Module, Server},
    stats::Tallies,
    turn_tools,
};
use caxton_sandbox::{Binary, Component, Sandbox};
use caxton_store::{Store, Workspace};
use caxton_types::{AgentSpec, ToolCall, ToolDefinition, ToolId, ToolPolicy, WorkspaceName};
use foldhash::fast::RandomState;
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, OnceLock},
};

/// How tools run where they say nothing else.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub http_client: HttpOptions,
    /// Other people's MCP servers.
    pub remotes: Vec<RemoteOptions>,
    /// What `file_system` may touch.
    pub directories: Vec<Granted>,
    /// What `database` may open.
    pub databases: Vec<Granted>,
}

pub(crate) type Servers = BTreeMap<Box<str>, Arc<Server>>;

/// What a workspace has of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    pub(crate) servers: Servers,
    /// Servers that could not be loaded, and why.
    pub(crate) failed: Vec<(Box<str>, String)>,
    pub(crate) tallies: Arc<Tallies>,
}

impl Own {
    /// Whether a server of this name is the workspace's own.
    pub(crate) fn has(&self, server: &str) -> bool {
        self.servers.contains_key(server)
    }
}

/// The door to all tools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    sandbox: Sandbox,
    pub(crate) built_in: Servers,
    pub(crate) remotes: Remotes,
    workspaces: RwLock<HashMap<WorkspaceName, Arc<Own>, RandomState>>,
    pub(crate) earlier: Earlier,
    store: Door,
    pub(crate) archive: OnceLock<Archive>,
    /// One earlier component at a time: calls that want the same one find it ready.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { built_in, workspaces, earlier, .. } = self;
        f.debug_struct("Inner")
            .field("built_in", built_in)
            .field("workspaces", workspaces)
            .field("earlier", earlier)
            .finish_non_exhaustive()
    }
}

impl Tools {
    /// The built-in tools; workspaces bring theirs.
    pub fn new(sandbox: Sandbox, options: Options) -> Result<Self, Error> {
        let mut built_in = Servers::new();
        let mut add = |module: Module, definitions: Vec<ToolDefinition>| {
            let Some(first) = definitions.first() else { return Ok(()) };
            let name: Box<str> = first.id.server().into();
            let server = LoadedServer::new(&name, module, definitions)?.start();
            built_in.insert(name, server);
            Ok::<_, Error>(())
        };
        let store = Door::default();
        let ours: [Box<dyn BuiltIn>; 7] = [
            Box::new(HttpClient::new(options.http_client)?),
            Box::new(DataReader::new()?),
            Box::new(StatsCalculator::new()?),
            Box::new(ChartGenerator::new()?),
            Box::new(FileSystem::new(options.directories)?),
            Box::new(Database::new(options.databases)?),
            Box::new(State::new(Arc::clone(&store))?),
        ];
        for server in ours {
            let definitions = server.definitions();
            add(Module::BuiltIn(server), definitions)?;
        }
        for definition in turn_tools::definitions()? {
            add(Module::Turn, vec![definition])?;
        }
        Ok(Self(Arc::new(Inner {
            sandbox,
            built_in,
            remotes: Remotes::new(options.remotes, &store),
            workspaces: RwLock::default(),
            earlier: Earlier::default(),
            archive: OnceLock::new(),
            store,
            loading: tokio::sync::Mutex::default(),
        })))
    }

    /// Where components run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// Where `state` keeps what agents put there; the first one given stays.
    pub fn set_store(&self, store: Store) {
        if self.0.store.set(store).is_err() {
            tracing::debug!("the store of tools is set already");
        }
    }

    /// Where code is found that is neither installed nor among the last that were; the first one given stays.
    pub fn set_archive(&self, archive: Archive) {
        if self.0.archive.set(archive).is_err() {
            tracing::debug!("the archive of tools is set already");
        }
    }

    /// Compiles a component and asks it for its tools; nothing can call it yet.
    pub async fn load(&self, name: &str, binary: impl Into<Binary>, grant: Grant) -> Result<LoadedServer, Error> {
        if caxton_types::is_built_in(name) {
            return Err(Error::Reserved { server: name.into() });
        }
        let component = self
            .0
            .sandbox
            .load_granted(name, binary, &grant.permissions)
            .await
            .map_err(|source| Error::Load { server: name.into(), source })?;
        start(&component, &grant).await;
        let define = |info: &caxton_sandbox::ToolInfo| {
            let id = ToolId::new(name, &info.name).map_err(|source| Error::ToolName {
                server: name.into(),
                tool: info.name.as_str().into(),
                source,
            })?;
            Ok(ToolDefinition {
                id,
                description: info.description.clone(),
                input_schema: info.input_schema.clone(),
                output_schema: info.output_schema.clone(),
                annotations: info.annotations,
                policy: ToolPolicy::default(),
                digest: Some(component.digest()),
            })
        };
        let definitions = component.tools().iter().map(define).collect::<Result<_, Error>>()?;
        LoadedServer::new(name, Module::Component { component, grant }, definitions)
    }

    /// Makes these the tool servers of the workspace, in place of those before; turns under way go on with the code that
    /// they began with.
    pub fn install(&self, workspace: &WorkspaceName, servers: Vec<LoadedServer>) {
        self.install_with(workspace, servers, vec![]);
    }

    /// The same where some servers could not be loaded: they are listed with the reason.
    pub fn install_with(&self, workspace: &WorkspaceName, servers: Vec<LoadedServer>, failed: Vec<(Box<str>, String)>) {
        let servers: Servers = servers.into_iter().map(|server| (server.name().into(), server.start())).collect();
        // Under one lock, so that no call finds a server neither here nor there.
        let mut workspaces = self.0.workspaces.write();
        let before = workspaces.remove(workspace).unwrap_or_default();
        for (name, server) in &before.servers {
            if servers.get(name).is_none_or(|now| now.digest() != server.digest()) {
                server.retire();
                self.0.earlier.keep(workspace, Arc::clone(server));
            }
        }
        let tallies = Arc::clone(&before.tallies);
        let has = |servers: &Servers, id: &ToolId| servers.get(id.server()).is_some_and(|server| server.validator(id).is_some());
        tallies.retain(|id| has(&servers, id) || has(&self.0.built_in, id) || self.0.remotes.get(id.server()).is_some());
        workspaces.insert(workspace.clone(), Arc::new(Own { servers, failed, tallies }));
    }

    /// The tools that every workspace has.
    pub fn built_in(&self) -> Vec<ToolDefinition> {
        self.0.built_in.values().flat_map(|server| server.tools().iter().cloned()).collect()
    }

    /// Every tool that agents of the workspace could be allowed.
    pub fn available(&self, workspace: &WorkspaceName) -> Vec<ToolDefinition> {
        let own = self.own(workspace);
        let remote = self.remote(&own);
        self.offered(&own, &remote).into_iter().cloned().collect()
    }

    /// The same, as they lie: first those that are built in.
    pub(crate) fn offered<'t>(&'t self, own: &'t Own, remote: &'t [Arc<Server>]) -> Vec<&'t ToolDefinition> {
        let servers = self.0.built_in.values().chain(own.servers.values()).chain(remote);
        servers.flat_map(|server| server.tools()).collect()
    }

    /// The servers of others that can be called now; one of the workspace's own stands before another of its name.
    pub(crate) fn remote(&self, own: &Own) -> Vec<Arc<Server>> {
        self.others(own).filter_map(|remote| remote.current()).collect()
    }

    /// The servers of others, up or not, but for those in whose place stands one of the workspace's own.
    pub(crate) fn others<'s>(&'s self, own: &'s Own) -> impl Iterator<Item = &'s Arc<Remote>> + use<'s> {
        self.0.remotes.all().filter(|remote| !own.has(remote.name()))
    }

    /// How other people's servers are doing.
    pub fn remotes(&self) -> Vec<RemoteStatus> {
        self.0.remotes.all().map(|remote| remote.status()).collect()
    }

    /// The names under which agents may ask for the tools of other people's servers, also where those are not there now.
    pub fn remote_names(&self) -> Vec<Box<str>> {
        let names = self.0.remotes.all().map(|remote| remote.name().into());
        names.chain(self.0.remotes.labels().into_iter().map(|(label, _)| label.into())).collect()
    }

    /// Another number whenever tools came or went of themselves: what was resolved before is to be resolved again.
    pub fn generation(&self) -> u64 {
        self.0.remotes.generation()
    }

    /// The tools that an agent of the workspace has, each with the policy that holds for it.
    pub fn of_agent(&self, workspace: &WorkspaceName, spec: &AgentSpec) -> Resolution {
        if spec.tools.is_empty() && spec.optional_tools.is_empty() {
            return Resolution::default();
        }
        let own = self.own(workspace);
        let seen: Vec<_> = self.others(&own).filter_map(|remote| remote.seen()).collect();
        let (known, now) = (self.known(&own, &seen), self.remote(&own));
        resolve::of_agent(spec, &known, |tool| {
            let is_ours = !known.others.contains(&tool.id.server());
            if is_ours { Some(tool) } else { now.iter().flat_map(|server| server.tools()).find(|now| now.id == tool.id) }
        })
    }

    /// What names may mean here; `seen` is what was ever seen of the servers of others.
    pub(crate) fn known<'t>(&'t self, own: &'t Own, seen: &'t [Arc<Server>]) -> Known<'t> {
        let others = self.others(own).map(|remote| remote.name()).collect();
        Known { tools: self.offered(own, seen), others, labels: self.0.remotes.labels() }
    }

    /// Whether only turns can perform it: it waits for somebody.
    pub fn is_of_turn(id: &ToolId) -> bool {
        turn_tools::SERVERS.contains(&id.server())
    }

    /// The tool of exactly this name.
    pub(crate) fn defined(&self, workspace: &WorkspaceName, id: &ToolId) -> Option<ToolDefinition> {
        let own = self.own(workspace);
        let of = |server: &Arc<Server>| server.tools().iter().find(|tool| tool.id == *id).cloned();
        match own.servers.get(id.server()).or_else(|| self.0.built_in.get(id.server())) {
            Some(server) => of(server),
            None => self.0.remotes.get(id.server()).and_then(|remote| remote.offered()).as_ref().and_then(of),
        }
    }

    /// A workspace's own database.
    pub(crate) async fn workspace(&self, name: &WorkspaceName) -> Result<Workspace, Refusal> {
        state::open(&self.0.store, name).await
    }

    /// The tool that a call names, if it is allowed.
    pub fn find<'t>(allowed: &'t [ToolDefinition], call: &ToolCall) -> Option<&'t ToolDefinition> {
        resolve::called(allowed, call)
    }

    pub(crate) fn own(&self, workspace: &WorkspaceName) -> Arc<Own> {
        if let Some(own) = self.0.workspaces.read().get(workspace) {
            return Arc::clone(own);
        }
        Arc::clone(self.0.workspaces.write().entry(workspace.clone()).or_default())
    }
}

/// Starts the instances that are to wait for calls; without them, the calls themselves do.
async fn start(component: &Component, grant: &Grant) {
    let Some(reuse) = grant.reuse.filter(|reuse| reuse.kept > 0) else { return };
    match component.start(reuse.kept, grant.limits, reuse).await {
        Ok(waiting) if waiting < reuse.kept as usize => {
            tracing::warn!(server = component.name(), waiting, wanted = reuse.kept, "there is room for fewer waiting instances of a tool");
        }
        Ok(waiting) => tracing::debug!(server = component.name(), waiting, "instances of a tool wait for calls"),
        Err(error) => tracing::warn!(server = component.name(), %error, "no instance of a tool could be started ahead"),
    }
}

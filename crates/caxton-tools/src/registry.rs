//! The tool servers of each workspace, and the one way to call a tool.

use crate::{
    Archive, Error, Grant, HttpOptions, LoadedServer, Resolution,
    built_in::{BuiltIn, Produced},
    earlier::Earlier,
    http_client::HttpClient,
    perform::perform,
    resolve, schema,
    server::{Module, Server},
    turn_tools,
};
use caxton_sandbox::{Attachment, Sandbox};
use caxton_types::{
    AgentName, AgentSpec, Digest, Metering, ToolCall, ToolDefinition, ToolId, ToolPolicy, ToolResult, WorkspaceName,
    error::{ResourceError, SecurityError},
    nearest,
};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// How tools run where they say nothing else.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub http_client: HttpOptions,
}

/// The circumstances of a call.
#[derive(Debug)]
pub struct CallContext<'c> {
    pub workspace: &'c WorkspaceName,
    /// The agent whose turn calls; nobody's where the call comes from outside of any turn.
    pub agent: Option<&'c AgentName>,
    /// The tools that the agent's file allows, as they were when the turn began.
    pub allowed: &'c [ToolDefinition],
    /// The files that the call may read, by name.
    pub attachments: &'c [Attachment],
    /// What is left of the turn's time.
    pub time_left: Duration,
    /// The same for every attempt at this call; told to the tool, where it has a place for it.
    pub idempotency_key: &'c str,
}

/// What a call gave, and what it took.
#[derive(Debug)]
pub struct Called {
    pub result: ToolResult,
    /// Files that it made; they are the caller's to keep.
    pub files: Vec<Produced>,
    pub metering: Metering,
}

type Servers = BTreeMap<Box<str>, Arc<Server>>;

/// The door to all tools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools(Arc<Inner>);

struct Inner {
    sandbox: Sandbox,
    built_in: Servers,
    workspaces: RwLock<HashMap<WorkspaceName, Arc<Servers>>>,
    earlier: Earlier,
    archive: OnceLock<Archive>,
    /// One earlier component at a time: calls that want the same one find it ready.
    loading: tokio::sync::Mutex<()>,
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
        let ours: [Box<dyn BuiltIn>; 1] = [Box::new(HttpClient::new(options.http_client)?)];
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
            workspaces: RwLock::default(),
            earlier: Earlier::default(),
            archive: OnceLock::new(),
            loading: tokio::sync::Mutex::default(),
        })))
    }

    /// Where code is found that is neither installed nor among the last that were; the first one given stays.
    pub fn set_archive(&self, archive: Archive) {
        if self.0.archive.set(archive).is_err() {
            tracing::debug!("the archive of tools is set already");
        }
    }

    /// Compiles a component and asks it for its tools; nothing can call it yet.
    pub async fn load(&self, name: &str, wasm: bytes::Bytes, grant: Grant) -> Result<LoadedServer, Error> {
        if resolve::BUILT_IN.contains(&name) {
            return Err(Error::Reserved { server: name.into() });
        }
        let component = self.0.sandbox.load(name, wasm).await.map_err(|source| Error::Load { server: name.into(), source })?;
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
        let servers: Servers = servers.into_iter().map(|server| (server.name().into(), server.start())).collect();
        let servers = Arc::new(servers);
        // Under one lock, so that no call finds a server neither here nor there.
        let mut workspaces = self.0.workspaces.write();
        let before = workspaces.insert(workspace.clone(), Arc::clone(&servers)).unwrap_or_default();
        for (name, server) in before.iter() {
            if servers.get(name).is_none_or(|now| now.digest() != server.digest()) {
                self.0.earlier.keep(workspace, Arc::clone(server));
            }
        }
    }

    /// The tools that every workspace has.
    pub fn built_in(&self) -> Vec<ToolDefinition> {
        self.0.built_in.values().flat_map(|server| server.tools().iter().cloned()).collect()
    }

    /// Every tool that agents of the workspace could be allowed.
    pub fn available(&self, workspace: &WorkspaceName) -> Vec<ToolDefinition> {
        let mut tools = self.built_in();
        tools.extend(self.servers(workspace).values().flat_map(|server| server.tools().iter().cloned()));
        tools
    }

    /// The tools that an agent of the workspace has, each with the policy that holds for it.
    pub fn of_agent(&self, workspace: &WorkspaceName, spec: &AgentSpec) -> Resolution {
        if spec.tools.is_empty() && spec.optional_tools.is_empty() {
            return Resolution::default();
        }
        let own = self.servers(workspace);
        let available: Vec<_> = self.0.built_in.values().chain(own.values()).flat_map(|server| server.tools()).collect();
        resolve::of_agent(spec, &available)
    }

    /// Whether only turns can perform it: it waits for somebody.
    pub fn is_of_turn(id: &ToolId) -> bool {
        turn_tools::SERVERS.contains(&id.server())
    }

    /// The tool of this name: `server/tool`, `server__tool`, or `tool` alone where one server has it.
    pub fn named(&self, workspace: &WorkspaceName, name: &str) -> Result<ToolDefinition, Error> {
        let available = self.available(workspace);
        resolve::named(&available, name).cloned().ok_or_else(|| {
            let ids: Vec<_> = available.iter().map(|tool| tool.id.to_string()).collect();
            let nearest = nearest(name, ids.iter().map(String::as_str)).map(Into::into);
            Error::Unknown { tool: name.chars().take(140).collect(), nearest }
        })
    }

    /// The tool that a call names, if it is allowed.
    pub fn find<'t>(allowed: &'t [ToolDefinition], call: &ToolCall) -> Option<&'t ToolDefinition> {
        resolve::called(allowed, call)
    }

    fn servers(&self, workspace: &WorkspaceName) -> Arc<Servers> {
        self.0.workspaces.read().get(workspace).cloned().unwrap_or_default()
    }

    /// Calls a tool for an agent, if its file allows it and the arguments fit the tool's schema.
    pub async fn call(&self, context: CallContext<'_>, call: &ToolCall) -> Result<Called, Error> {
        let Some(tool) = Self::find(context.allowed, call) else {
            let tool: Box<str> = call.tool.as_str().into();
            return Err(match context.agent {
                Some(agent) => SecurityError::ToolNotAllowed { agent: agent.clone(), tool }.into(),
                None => Error::Unknown { tool, nearest: None },
            });
        };
        let id = &tool.id;
        let began = Instant::now();
        let performed = async {
            let server = self.server(context.workspace, tool).await?;
            if let Some(validator) = server.validator(id) {
                schema::complain(validator, &call.arguments).map_err(|reason| Error::InvalidArguments { tool: id.clone(), reason })?;
            }
            perform(&server, tool, &call.arguments, &context).await
        };
        let performed = tokio::time::timeout(context.time_left, performed).await;
        let called = performed.unwrap_or(Err(ResourceError::TimeLimitExceeded { limit: context.time_left }.into()));
        let labels = [("tool", id.to_string()), ("status", if called.is_ok() { "ok" } else { "error" }.to_owned())];
        metrics::counter!("caxton_tool_calls_total", &labels).increment(1);
        metrics::histogram!("caxton_tool_call_duration_seconds", &labels).record(began.elapsed().as_secs_f64());
        called.map(|mut called| {
            called.metering.wall_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            called
        })
    }

    /// The server with exactly the code that the definition is of, also where another version is deployed by now.
    async fn server(&self, workspace: &WorkspaceName, tool: &ToolDefinition) -> Result<Arc<Server>, Error> {
        let name = tool.id.server();
        let own = self.servers(workspace);
        let server = own.get(name).or_else(|| self.0.built_in.get(name));
        let server = server.filter(|server| tool.digest.is_none_or(|digest| server.digest() == Some(digest)));
        let server = match (server, tool.digest) {
            (Some(server), _) => Some(Arc::clone(server)),
            (None, Some(digest)) => Some(self.earlier(workspace, &tool.id, digest).await?),
            (None, None) => None,
        };
        let gone = || Error::Failed { tool: tool.id.clone(), reason: "it is not deployed any more".into() };
        server.filter(|server| server.validator(&tool.id).is_some()).ok_or_else(gone)
    }

    async fn earlier(&self, workspace: &WorkspaceName, id: &ToolId, digest: Digest) -> Result<Arc<Server>, Error> {
        let ready = || self.0.earlier.find(workspace, id.server(), digest);
        if let Some(server) = ready() {
            return Ok(server);
        }
        let _one_at_a_time = self.0.loading.lock().await;
        if let Some(server) = ready() {
            return Ok(server);
        }
        let found = match self.0.archive.get() {
            Some(archive) => archive(workspace.clone(), id.server().into(), digest).await,
            None => Ok(None),
        };
        let found = found.map_err(|source| Error::Archive { tool: id.clone(), source })?;
        let archived = found.ok_or_else(|| Error::CodeGone { tool: id.clone(), digest })?;
        let server = self.load(id.server(), archived.wasm, archived.grant).await?.start();
        self.0.earlier.keep(workspace, Arc::clone(&server));
        metrics::counter!("caxton_tool_earlier_loads_total").increment(1);
        Ok(server)
    }
}

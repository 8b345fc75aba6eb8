//! The tool servers of each workspace, and the one way to call a tool.

use crate::{
    Error, HttpOptions,
    http_client::{self, HttpClient},
    schema,
};
use caxton_sandbox::{Attachment, Call, Component, Limits, Sandbox};
use caxton_types::{
    AgentName, Loaded, Metering, Running, ToolCall, ToolDefinition, ToolId, ToolRef, ToolResult, ToolServer, WorkspaceName,
    error::{ResourceError, SecurityError},
};
use jsonschema::Validator;
use parking_lot::RwLock;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

/// How tools run where they say nothing else.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub http_client: HttpOptions,
}

/// What a workspace's tool may use and see.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub limits: Limits,
    /// Whether it may read the files that came with a request.
    pub attachments: bool,
}

/// What answers the calls of a running server.
#[derive(Debug)]
enum Module {
    Component { component: Component, grant: Grant },
    HttpClient(HttpClient),
}

#[derive(Debug)]
struct Server {
    life: ToolServer<Running<Module>>,
    validators: HashMap<ToolId, Validator>,
}

/// A server whose code is compiled and whose tools are known; it takes calls after [`Tools::install`].
#[derive(Debug)]
pub struct LoadedServer {
    life: ToolServer<Loaded<Module>>,
    definitions: Vec<ToolDefinition>,
    validators: HashMap<ToolId, Validator>,
}

impl LoadedServer {
    fn new(life: ToolServer<Loaded<Module>>, definitions: Vec<ToolDefinition>) -> Result<Self, Error> {
        let mut validators = HashMap::new();
        for definition in &definitions {
            let validator = schema::compile(&definition.input_schema).map_err(|reason| Error::Schema {
                server: life.name().into(),
                tool: definition.id.tool().into(),
                reason,
            })?;
            validators.insert(definition.id.clone(), validator);
        }
        Ok(Self { life, definitions, validators })
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        self.life.name()
    }

    /// The tools that it will offer.
    pub fn definitions(&self) -> &[ToolDefinition] {
        &self.definitions
    }

    fn start(self) -> Arc<Server> {
        Arc::new(Server { life: self.life.start(self.definitions), validators: self.validators })
    }
}

/// What an allowlist comes to among the tools that are there.
#[derive(Debug, Default, PartialEq)]
pub struct Resolution {
    pub tools: Vec<ToolDefinition>,
    /// Entries that name nothing here.
    pub missing: Vec<ToolRef>,
}

/// The circumstances of a call.
#[derive(Debug)]
pub struct CallContext<'c> {
    pub workspace: &'c WorkspaceName,
    pub agent: &'c AgentName,
    /// The tools that the agent's file allows.
    pub allowed: &'c [ToolDefinition],
    /// The files that the call may read, by name.
    pub attachments: &'c [Attachment],
    /// What is left of the turn's time.
    pub time_left: Duration,
}

/// What a call gave, and what it took.
#[derive(Debug)]
pub struct Called {
    pub result: ToolResult,
    pub metering: Metering,
}

type Servers = BTreeMap<Box<str>, Arc<Server>>;

/// The door to all tools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    built_in: Servers,
    workspaces: RwLock<HashMap<WorkspaceName, Arc<Servers>>>,
}

impl Tools {
    /// The built-in tools; workspaces bring theirs.
    pub fn new(sandbox: Sandbox, options: Options) -> Result<Self, Error> {
        let client = HttpClient::new(options.http_client)?;
        let definitions = vec![client.definition()];
        let server = LoadedServer::new(ToolServer::new(http_client::SERVER).load(Module::HttpClient(client)), definitions)?.start();
        let built_in = BTreeMap::from([(http_client::SERVER.into(), server)]);
        Ok(Self(Arc::new(Inner { sandbox, built_in, workspaces: RwLock::default() })))
    }

    /// Compiles a component and asks it for its tools; nothing can call it yet.
    pub async fn load(&self, name: &str, wasm: bytes::Bytes, grant: Grant) -> Result<LoadedServer, Error> {
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
                policy: caxton_types::ToolPolicy::default(),
                digest: None,
            })
        };
        let definitions = component.tools().iter().map(define).collect::<Result<_, Error>>()?;
        LoadedServer::new(ToolServer::new(name).load(Module::Component { component, grant }), definitions)
    }

    /// Makes these the tool servers of the workspace, in place of those before; calls under way end as they began.
    pub fn install(&self, workspace: &WorkspaceName, servers: Vec<LoadedServer>) {
        let servers: Servers = servers.into_iter().map(|server| (server.name().into(), server.start())).collect();
        self.0.workspaces.write().insert(workspace.clone(), Arc::new(servers));
    }

    /// The tools that every workspace has.
    pub fn built_in(&self) -> Vec<ToolDefinition> {
        self.0.built_in.values().flat_map(|server| server.life.tools().iter().cloned()).collect()
    }

    /// Every tool that agents of the workspace could be allowed.
    pub fn available(&self, workspace: &WorkspaceName) -> Vec<ToolDefinition> {
        let mut tools = self.built_in();
        tools.extend(self.servers(workspace).values().flat_map(|server| server.life.tools().iter().cloned()));
        tools
    }

    /// The tools among `available` that an allowlist names. A bare name is a server; failing that, the one tool of that name.
    pub fn resolve(refs: &[ToolRef], available: &[ToolDefinition]) -> Resolution {
        let mut resolution = Resolution::default();
        for reference in refs {
            let found = matching(reference, available);
            if found.is_empty() {
                resolution.missing.push(reference.clone());
            }
            for tool in found {
                if !resolution.tools.iter().any(|known| known.id == tool.id) {
                    resolution.tools.push(tool.clone());
                }
            }
        }
        resolution
    }

    fn servers(&self, workspace: &WorkspaceName) -> Arc<Servers> {
        self.0.workspaces.read().get(workspace).cloned().unwrap_or_default()
    }

    /// Calls a tool for an agent, if its file allows it and the arguments fit the tool's schema.
    pub async fn call(&self, context: CallContext<'_>, call: &ToolCall) -> Result<Called, Error> {
        let allowed = context.allowed.iter().find(|tool| tool.id.model_name() == call.tool || tool.id.to_string() == call.tool);
        let Some(tool) = allowed else {
            return Err(SecurityError::ToolNotAllowed { agent: context.agent.clone(), tool: call.tool.as_str().into() }.into());
        };
        let id = &tool.id;
        let own = self.servers(context.workspace);
        let server = own.get(id.server()).or_else(|| self.0.built_in.get(id.server()));
        let Some(server) = server.filter(|server| server.validators.contains_key(id)) else {
            return Err(Error::Failed { tool: id.clone(), reason: "it is not deployed any more".into() });
        };
        if let Some(validator) = server.validators.get(id) {
            schema::complain(validator, &call.arguments).map_err(|reason| Error::InvalidArguments { tool: id.clone(), reason })?;
        }
        let began = Instant::now();
        let performed = tokio::time::timeout(context.time_left, perform(server, id, &call.arguments, &context)).await;
        let called = performed.unwrap_or(Err(ResourceError::TimeLimitExceeded { limit: context.time_left }.into()));
        let labels = [("tool", id.to_string()), ("status", if called.is_ok() { "ok" } else { "error" }.to_owned())];
        metrics::counter!("caxton_tool_calls_total", &labels).increment(1);
        metrics::histogram!("caxton_tool_call_duration_seconds", &labels).record(began.elapsed().as_secs_f64());
        called.map(|mut called| {
            called.metering.wall_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            called
        })
    }
}

fn matching<'a>(reference: &ToolRef, available: &'a [ToolDefinition]) -> Vec<&'a ToolDefinition> {
    match reference {
        ToolRef::Tool(id) => available.iter().filter(|tool| tool.id == *id).collect(),
        ToolRef::Name(name) => {
            let of_server: Vec<_> = available.iter().filter(|tool| tool.id.server() == &**name).collect();
            if !of_server.is_empty() {
                return of_server;
            }
            let of_name: Vec<_> = available.iter().filter(|tool| tool.id.tool() == &**name).collect();
            if of_name.len() == 1 { of_name } else { vec![] }
        }
    }
}

async fn perform(server: &Server, id: &ToolId, arguments: &Value, context: &CallContext<'_>) -> Result<Called, Error> {
    match server.life.module() {
        Module::HttpClient(client) => Ok(Called { result: client.call(arguments).await?, metering: Metering::default() }),
        Module::Component { component, grant } => {
            let call = Call {
                tool: id.tool().into(),
                arguments_json: arguments.to_string(),
                attachments: if grant.attachments { context.attachments.to_vec() } else { vec![] },
                limits: Limits { wall: grant.limits.wall.min(context.time_left), ..grant.limits },
            };
            let outcome = component.call(call).await.map_err(|error| of_sandbox(id, error))?;
            let metering = Metering {
                wall_us: 0,
                memory_peak: Some(outcome.usage.memory_peak.get()),
                cpu_us: u64::try_from(outcome.usage.cpu.as_micros()).ok(),
            };
            Ok(Called { result: read_result(id, &outcome.result_json)?, metering })
        }
    }
}

fn of_sandbox(id: &ToolId, error: caxton_sandbox::Error) -> Error {
    match error {
        caxton_sandbox::Error::InvalidArguments(reason) => Error::InvalidArguments { tool: id.clone(), reason },
        caxton_sandbox::Error::Limit(error) => Error::Resource(error),
        other => Error::Failed { tool: id.clone(), reason: other.to_string() },
    }
}

/// Reads an MCP `CallToolResult`.
fn read_result(id: &ToolId, json: &str) -> Result<ToolResult, Error> {
    let broken = |reason: String| Error::Failed { tool: id.clone(), reason };
    let value: Value = serde_json::from_str(json).map_err(|error| broken(format!("its result is not JSON: {error}")))?;
    let content = value.get("content").and_then(Value::as_array).ok_or_else(|| broken("its result has no `content`".into()))?;
    let texts: Vec<&str> = content.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
    Ok(ToolResult {
        text: texts.join("\n"),
        structured: value.get("structuredContent").cloned(),
        is_error: value.get("isError").and_then(Value::as_bool).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(ids: &[&str]) -> Vec<ToolDefinition> {
        let definition = |id: &&str| ToolDefinition {
            id: id.parse().unwrap(),
            description: String::new(),
            input_schema: serde_json::json!({}),
            output_schema: None,
            annotations: Default::default(),
            policy: Default::default(),
            digest: None,
        };
        ids.iter().map(definition).collect()
    }

    #[test]
    fn an_allowlist_names_servers_tools_and_unambiguous_bare_tools() {
        let available = tools(&["csv-stats/describe", "csv-stats/stats", "charts/draw", "paint/draw", "http_client/request"]);
        let check = |entry: &str, expected: &[&str]| {
            let resolution = Tools::resolve(&[entry.parse().unwrap()], &available);
            assert_eq!(resolution.tools.iter().map(|tool| tool.id.to_string()).collect::<Vec<_>>(), expected, "{entry}");
            assert_eq!(resolution.missing.is_empty(), !expected.is_empty(), "{entry}");
        };
        check("csv-stats", &["csv-stats/describe", "csv-stats/stats"]);
        check("csv-stats/stats", &["csv-stats/stats"]);
        check("describe", &["csv-stats/describe"]);
        check("draw", &[]);
        check("unknown", &[]);
    }
}

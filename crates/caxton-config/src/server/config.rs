//! The configuration as types.

use super::{Llm, Mcp, McpServer, Retention, Sandbox, budgets, read::Reader};
use crate::{Diagnostic, Secret, Secrets, SourceKind, tree::Node};
use caxton_types::{
    Access, BudgetCaps, Durability, WorkspaceName,
    unit::{ByteSize, Period},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Everything that the server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where it listens.
    pub server: Server,
    /// How agents run.
    pub runtime: Runtime,
    /// How messages travel.
    pub messaging: Messaging,
    /// Where the journal lives, and what it promises.
    pub storage: Storage,
    /// What is logged, and how.
    pub logging: Logging,
    /// Directory of everything the server keeps.
    pub data_dir: PathBuf,
    /// Bounds of what comes in.
    pub limits: Limits,
    /// Model providers, and which model is whose.
    pub llm: Llm,
    /// What everybody's work may cost.
    pub budgets: BudgetCaps,
    /// How tools run.
    pub tools: Tools,
    /// Other people's MCP servers.
    pub mcp: Mcp,
    /// How long things are kept, and how much.
    pub retention: Retention,
    /// Options of single workspaces.
    pub workspaces: BTreeMap<WorkspaceName, WorkspaceOptions>,
}

impl ServerConfig {
    /// Every secret that it holds, whoever it is for.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let keys = self.llm.providers.iter().filter_map(|provider| provider.api_key.as_ref());
        keys.chain(self.tools.secrets.values()).chain(self.mcp.servers.iter().flat_map(McpServer::secrets))
    }
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address.
    pub host: Box<str>,
    /// Port; 0 takes any free one.
    pub port: u16,
}

/// How agents run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Most agents at work at the same time.
    pub max_agents: u32,
    /// How long a caller waits for a reply unless it says otherwise.
    pub default_agent_timeout: Period,
    /// How long a person's decision is waited for.
    pub approval_timeout: Period,
    /// Instances of each tool with `reuse` that stay to wait for calls.
    pub agent_pool_size: u32,
}

/// How messages travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messaging {
    /// Largest message.
    pub max_message_size: ByteSize,
    /// Most messages that wait for one agent.
    pub queue_size: usize,
}

/// Where the journal lives, and what it promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Where it lives.
    pub kind: StorageKind,
    /// What an acknowledgement promises: the floor of every workspace that does not set its own.
    pub durability: Durability,
}

/// Where the journal lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// In files below the data directory.
    Sqlite,
    /// In memory.
    Memory,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// A level, or `target=level` pairs.
    pub level: Box<str>,
    /// How a line is written.
    pub format: LogFormat,
    /// Where lines go.
    pub output: LogOutput,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people, several lines an event.
    Pretty,
    /// For people, one line an event.
    Compact,
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Bounds of what comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest attachment.
    pub max_blob_size: ByteSize,
}

/// How tools run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The built-in HTTP client.
    pub http_client: HttpClient,
    /// Directories that the built-in `file_system` may touch.
    pub directories: Vec<Granted>,
    /// SQLite databases that the built-in `database` may open.
    pub databases: Vec<Granted>,
    /// The sandbox of WebAssembly tools.
    pub sandbox: Sandbox,
    /// The secrets that WebAssembly tools may be given, by name.
    pub secrets: BTreeMap<Box<str>, Secret>,
}

/// A directory or a file that is granted to a built-in tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// How agents name it.
    pub name: Box<str>,
    /// Where it is.
    pub path: PathBuf,
    /// What may be done there.
    pub access: Access,
    /// The most bytes that may lie there.
    pub max_size: ByteSize,
}

/// The built-in HTTP client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpClient {
    /// Hosts that it may reach; `*.example.com` covers subdomains.
    pub allowed_hosts: Vec<Box<str>>,
    /// Hosts that it may reach although their address is private.
    pub allowed_private_hosts: Vec<Box<str>>,
    /// Longest time of one request.
    pub timeout: Period,
    /// Largest response that is read.
    pub max_response_size: ByteSize,
}

/// Options of one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceOptions {
    /// Instead of the server's.
    pub durability: Option<Durability>,
}

const DURABILITIES: [(&str, Durability); 3] = [("full", Durability::Full), ("normal", Durability::Normal), ("memory", Durability::Memory)];

impl ServerConfig {
    /// The durability of a workspace.
    pub fn durability(&self, workspace: &WorkspaceName) -> Durability {
        self.workspaces.get(workspace).and_then(|options| options.durability).unwrap_or(self.storage.durability)
    }

    /// Reads a checked tree.
    pub(super) fn read(tree: &Node, secrets: &Secrets, cwd: &Path, home: Option<&Path>) -> Result<Self, Diagnostic> {
        let root = Reader::new(tree);
        let storage = Storage::read(tree)?;
        Ok(Self {
            server: Server { host: root.text("server.host")?, port: root.whole("server.port")? },
            runtime: Runtime {
                max_agents: root.whole("runtime.max_agents")?,
                default_agent_timeout: root.quantity("runtime.default_agent_timeout")?,
                approval_timeout: root.quantity("runtime.approval_timeout")?,
                agent_pool_size: root.whole("runtime.agent_pool_size")?,
            },
            messaging: Messaging {
                max_message_size: root.quantity("messaging.max_message_size")?,
                queue_size: root.whole("messaging.queue_size")?,
            },
            logging: Logging::read(&root.section("observability.logging"))?,
            data_dir: root.path_if("resources.disk.data_dir", cwd, home)?.unwrap_or_default(),
            limits: Limits { max_blob_size: root.quantity("limits.max_blob_size")? },
            llm: Llm::read(&root)?,
            budgets: budgets::read(&root)?,
            tools: Tools::read(&root, secrets, cwd, home)?,
            mcp: Mcp::read(&root, cwd, home)?,
            retention: Retention::read(&root)?,
            workspaces: workspaces(&root, &storage)?,
            storage,
        })
    }
}

impl Storage {
    /// Three keys say one thing; where two are given and contradict each other, both are named.
    fn read(tree: &Node) -> Result<Self, Diagnostic> {
        let root = Reader::new(tree);
        let local = root.section("coordination.local_state");
        local.choice("type", &[("sqlite", ())])?;
        local.choice("journal_mode", &[("WAL", ())])?;
        let kind = root.choice("storage.type", &[("sqlite", StorageKind::Sqlite), ("memory", StorageKind::Memory)])?;
        let persistent = root.flag("messaging.enable_persistence")?;
        let durability = root.choice("storage.durability", &DURABILITIES)?;
        let because = match (kind, persistent) {
            (StorageKind::Memory, _) => "storage.type: memory",
            (StorageKind::Sqlite, false) => "messaging.enable_persistence: false",
            (StorageKind::Sqlite, true) => return Ok(Self { kind, durability }),
        };
        let given = root.node("storage.durability")?.filter(|node| node.place.source.kind != SourceKind::Default);
        match given {
            Some(node) if durability != Durability::Memory => {
                let message = format!("`storage.durability: {durability}` contradicts `{because}`");
                Err(node.place.error(message).key("storage.durability").help("keep one of the two"))
            }
            _ => Ok(Self { kind, durability: Durability::Memory }),
        }
    }
}

impl Logging {
    fn read(section: &Reader<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            level: section.text("level")?,
            format: section
                .choice("format", &[("json", LogFormat::Json), ("pretty", LogFormat::Pretty), ("compact", LogFormat::Compact)])?,
            output: section.choice("output", &[("stdout", LogOutput::Stdout), ("stderr", LogOutput::Stderr)])?,
        })
    }
}

impl Tools {
    fn read(root: &Reader<'_>, secrets: &Secrets, cwd: &Path, home: Option<&Path>) -> Result<Self, Diagnostic> {
        let (http, sandbox) = (root.section("tools.http_client"), root.section("tools.sandbox"));
        Ok(Self {
            http_client: HttpClient {
                allowed_hosts: http.texts("allowed_hosts")?,
                allowed_private_hosts: http.texts("allowed_private_hosts")?,
                timeout: http.quantity("timeout")?,
                max_response_size: http.quantity("max_response_size")?,
            },
            directories: granted(root, "tools.file_system.directories", cwd, home)?,
            databases: granted(root, "tools.database.files", cwd, home)?,
            sandbox: Sandbox::read(&sandbox)?,
            secrets: secrets.tools.clone(),
        })
    }
}

/// What is granted under this key, each under a name of its own.
fn granted(root: &Reader<'_>, key: &str, cwd: &Path, home: Option<&Path>) -> Result<Vec<Granted>, Diagnostic> {
    let mut all: Vec<Granted> = Vec::new();
    for item in root.items(key) {
        let name = item.text("name")?;
        if all.iter().any(|known| known.name == name) {
            return Err(item.about("name", format!("`{key}` grants `{name}` twice")).help("give each its own name"));
        }
        let path = item.path_if("path", cwd, home)?.ok_or_else(|| item.about("path", format!("`{key}[].path` of `{name}` is missing")))?;
        let access = item.choice("access", &[("read", Access::Read), ("read_write", Access::ReadWrite)])?;
        all.push(Granted { name, path, access, max_size: item.quantity("max_size")? });
    }
    Ok(all)
}

fn workspaces(root: &Reader<'_>, storage: &Storage) -> Result<BTreeMap<WorkspaceName, WorkspaceOptions>, Diagnostic> {
    let mut workspaces = BTreeMap::new();
    for (name, place, reader) in root.named("workspaces") {
        let key = format!("workspaces.{name}");
        let name: WorkspaceName = name.parse().map_err(|error| place.error(format!("`{key}`: {error}")).key(key.as_str()))?;
        let durability = match reader.node("durability")? {
            Some(_) => Some(reader.choice("durability", &DURABILITIES)?),
            None => None,
        };
        // A store lies on the disk or in memory as a whole: what workspaces share must not outlive, nor die before, what they say of it.
        match durability {
            Some(own) if own != Durability::Memory && storage.durability == Durability::Memory => {
                let because = if storage.kind == StorageKind::Memory { "storage.type: memory" } else { "storage.durability: memory" };
                let message = format!("`{key}.durability` contradicts `{because}`");
                return Err(place.error(message).key(key).help("keep one of the two"));
            }
            Some(Durability::Memory) if storage.durability != Durability::Memory => {
                let message = format!("`{key}.durability: memory` contradicts `storage.durability: {}`", storage.durability);
                return Err(place.error(message).key(key).help("choose `normal` or `full`, or keep the whole store in memory"));
            }
            _ => {}
        }
        workspaces.insert(name, WorkspaceOptions { durability });
    }
    Ok(workspaces)
}

//! Other people's MCP servers.

use super::{
    llm::{circuit_breaker, in_clear},
    read::Reader,
};
use crate::{
    Diagnostic, Diagnostics, Secret, Secrets, SourceKind,
    source::Source,
    tree::{Entry, Map, Node, Value},
};
use caxton_types::{BreakerOptions, ToolId, is_built_in, nearest, unit::Period};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Other people's MCP servers as tool servers here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mcp {
    /// Whether they are connected.
    pub enabled: bool,
    /// In their order; no two have one name.
    pub servers: Vec<McpServer>,
    /// When one that keeps failing is left alone, and for how long.
    pub circuit_breaker: BreakerOptions,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// The name of the tool server that it is here.
    pub name: Box<str>,
    /// Where it is.
    pub place: McpPlace,
    /// Names under which agents may also ask for its tools.
    pub capabilities: Vec<Box<str>>,
    /// Which version of the protocol is spoken with it.
    pub protocol: McpProtocol,
    /// Longest time of a call without a sign of progress.
    pub timeout: Period,
    /// Longest time until it can be talked to.
    pub connect_timeout: Period,
    /// Whether what it says of its tools' side effects is believed.
    pub trust_annotations: bool,
    /// What becomes of tools that are not what was first seen of them.
    pub changed_tools: ChangedTools,
}

impl McpServer {
    /// What it is given and nobody else may see.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (given, bearer) = match &self.place {
            McpPlace::Url { headers, bearer, .. } => (headers, bearer.as_ref()),
            McpPlace::Program { env, .. } => (env, None),
        };
        given.values().chain(bearer)
    }
}

/// Where an MCP server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpPlace {
    /// Behind a URL.
    Url {
        /// The endpoint.
        url: Box<str>,
        /// Headers of every request.
        headers: BTreeMap<Box<str>, Secret>,
        /// A bearer token.
        bearer: Option<Secret>,
    },
    /// A program that is started.
    Program {
        /// Its path or name.
        command: Box<str>,
        /// Its arguments.
        args: Vec<Box<str>>,
        /// Variables of its environment.
        env: BTreeMap<Box<str>, Secret>,
        /// Where it runs.
        cwd: Option<PathBuf>,
    },
}

/// Which version of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpProtocol {
    /// The newest that both sides know.
    Auto,
    /// 2025-11-25 and before.
    Sessions,
    /// 2026-07-28.
    Stateless,
}

/// What becomes of a tool whose server has changed it since it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedTools {
    /// It is told, and called nevertheless.
    Warn,
    /// It is not called until somebody accepts it.
    Refuse,
}

const SERVERS: &str = "integrations.mcp.servers";
const PROTOCOLS: [(&str, McpProtocol); 3] =
    [("auto", McpProtocol::Auto), ("2025-11-25", McpProtocol::Sessions), ("2026-07-28", McpProtocol::Stateless)];
const CHANGED_TOOLS: [(&str, ChangedTools); 2] = [("warn", ChangedTools::Warn), ("refuse", ChangedTools::Refuse)];
/// The keys that only a program has, and those that only a URL has.
const OF_PROGRAM: [&str; 4] = ["args", "env", "env_secrets", "cwd"];
const OF_URL: [&str; 3] = ["headers", "header_secrets", "bearer_secret"];
/// The most servers.
const SERVERS_MAX: usize = 200;
/// Where the token itself stands once its name was looked up.
const BEARER: &str = "bearer";

impl Mcp {
    pub(super) fn read(root: &Reader<'_>, cwd: &Path, home: Option<&Path>) -> Result<Self, Diagnostic> {
        let mut servers: Vec<McpServer> = Vec::new();
        for item in root.items(SERVERS) {
            let server = McpServer::read(&item, cwd, home)?;
            if servers.iter().any(|known| known.name == server.name) {
                return Err(item.about("name", format!("the MCP server `{}` is given twice", server.name)));
            }
            servers.push(server);
        }
        if servers.len() > SERVERS_MAX {
            return Err(root.about(SERVERS, format!("{} MCP servers are given; at most {SERVERS_MAX} are taken", servers.len())));
        }
        let circuit_breaker = circuit_breaker(&root.section("integrations.mcp.circuit_breaker"))?;
        Ok(Self { enabled: root.flag("integrations.mcp.enabled")?, servers, circuit_breaker })
    }
}

impl McpServer {
    fn read(item: &Reader<'_>, cwd: &Path, home: Option<&Path>) -> Result<Self, Diagnostic> {
        let name = item.text("name")?;
        if ToolId::new(&name, "x").is_err() {
            return Err(item
                .about("name", format!("`{name}` cannot name a tool server"))
                .help("letters, digits, `_` and `-`, beginning with a letter, without `__`"));
        }
        if is_built_in(&name) {
            return Err(item.about("name", format!("`{name}` is the name of a built-in tool")).help("choose another name"));
        }
        Ok(Self {
            place: place(item, &name, cwd, home)?,
            name,
            capabilities: if item.node("capabilities")?.is_some() { item.texts("capabilities")? } else { vec![] },
            protocol: item.choice("protocol", &PROTOCOLS)?,
            timeout: item.quantity("timeout")?,
            connect_timeout: item.quantity("connect_timeout")?,
            trust_annotations: item.flag("trust_annotations")?,
            changed_tools: item.choice("changed_tools", &CHANGED_TOOLS)?,
        })
    }
}

fn place(item: &Reader<'_>, name: &str, cwd: &Path, home: Option<&Path>) -> Result<McpPlace, Diagnostic> {
    let foreign = |keys: &[&str], because: &str| -> Result<(), Diagnostic> {
        for key in keys {
            if item.node(key)?.is_some() {
                return Err(item
                    .about(key, format!("the MCP server `{name}` has `{because}`: `{key}` says nothing there"))
                    .help("remove it"));
            }
        }
        Ok(())
    };
    match (item.text_if("url")?, item.text_if("command")?) {
        (Some(url), None) => {
            foreign(&OF_PROGRAM, "url")?;
            Ok(McpPlace::Url { url, headers: secrets_of(item, "headers")?, bearer: item.secret_if(BEARER)? })
        }
        (None, Some(command)) => {
            foreign(&OF_URL, "command")?;
            let args = if item.node("args")?.is_some() { item.texts("args")? } else { vec![] };
            Ok(McpPlace::Program { command, args, env: secrets_of(item, "env")?, cwd: item.path_if("cwd", cwd, home)? })
        }
        (Some(_), Some(_)) => {
            Err(item.about("command", format!("the MCP server `{name}` has both `url` and `command`")).help("keep one of the two"))
        }
        (None, None) => {
            let message = format!("the MCP server `{name}` is nowhere: it has neither `url` nor `command`");
            Err(item.about("name", message).help("give the URL of its endpoint, or the command that starts it"))
        }
    }
}

fn secrets_of(item: &Reader<'_>, key: &str) -> Result<BTreeMap<Box<str>, Secret>, Diagnostic> {
    let entries = item.named(key).into_iter();
    entries.map(|(name, _, reader)| Ok((name.into(), reader.own_secret()?))).collect()
}

/// Puts the secrets that servers name in their places, so that whoever reads on finds nothing but values.
pub(super) fn give_secrets(tree: &mut Node, secrets: &Secrets, problems: &mut Diagnostics, warnings: &mut Vec<Diagnostic>) {
    let list = tree.child_mut("integrations").and_then(|node| node.child_mut("mcp")).and_then(|node| node.child_mut("servers"));
    let Some(Value::List(items)) = list.map(|node| &mut node.value) else {
        return;
    };
    for item in items {
        for (from, to) in [("env_secrets", "env"), ("header_secrets", "headers")] {
            let named = item.at(from).and_then(Node::entries).cloned().unwrap_or_default();
            for (name, entry) in named {
                if let Some(secret) = look_up(&entry.node, secrets, problems) {
                    put(item, to, name, secret);
                }
            }
        }
        if let Some(named) = item.child("bearer_secret").cloned()
            && let Some(secret) = look_up(&named.node, secrets, problems)
            && let Value::Map(map) = &mut item.value
        {
            map.insert(BEARER.into(), secret);
        }
        let carries = [BEARER, "headers"].iter().any(|key| item.at(key).is_some());
        if let Some(url) = item.at("url").and_then(Node::text).filter(|url| carries && in_clear(url)) {
            let message = format!("the headers of an MCP server travel unprotected to {url}");
            warnings.push(item.place.error(message).key(SERVERS).warning().help("use `https`"));
        }
    }
}

fn look_up(named: &Node, secrets: &Secrets, problems: &mut Diagnostics) -> Option<Entry> {
    let name = named.text()?;
    let Some(secret) = secrets.mcp.get(name) else {
        let unknown = named.place.error(format!("no secret is named `{name}`")).key(SERVERS);
        let help = nearest(name, secrets.mcp.keys().map(|name| &**name)).map_or_else(
            || format!("put `mcp.{name}` into the file that `security.secrets_file` names (mode 0600)"),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        problems.push(unknown.help(help));
        return None;
    };
    let node = Node::new(Value::Secret(secret.clone()), Source::new(SourceKind::File, "security.secrets_file", "").top());
    Some(Entry { key: node.place.clone(), node })
}

fn put(item: &mut Node, table: &str, name: Box<str>, secret: Entry) {
    let place = secret.node.place.clone();
    let Value::Map(map) = &mut item.value else { return };
    let table = map.entry(table.into()).or_insert_with(|| Entry { key: place.clone(), node: Node::map(Map::new(), place) });
    if let Value::Map(entries) = &mut table.node.value {
        entries.insert(name, secret);
    }
}

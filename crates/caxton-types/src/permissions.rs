//! What a tool may touch beyond its own memory. Nothing, unless it is named here.

use crate::{InvalidName, Scope, ToolId, ToolRef, id::serde_as_text};
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// What a tool may touch; the default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// Directories of the host that it sees.
    pub directories: Vec<DirectoryGrant>,
    /// Files of the host that it reads, and nothing beside them.
    pub files: Vec<FileGrant>,
    /// Paths of the host that it does not see, even inside a granted directory.
    pub denied_paths: Vec<PathBuf>,
    /// Where it may send HTTP requests.
    pub hosts: Vec<HostRule>,
    /// Where it may not, even if another rule allows it.
    pub denied_hosts: Vec<HostRule>,
    /// Whether it may open raw connections to its hosts too; never implied by a host.
    pub sockets: bool,
    /// The variables of its environment.
    pub environment: Vec<EnvGrant>,
    /// The scopes of memory that it may search, or also add to.
    pub memory: Vec<MemoryGrant>,
    /// Other tools that it may call.
    pub tools: Vec<ToolGrant>,
}

impl Permissions {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A scope of memory as a tool may use it, on behalf of the agent that calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryGrant {
    /// Which; memory that workspaces share is granted to no tool.
    pub scope: Scope,
    /// Whether it may only search there or add to it too.
    pub access: Access,
}

/// Tools that a tool may call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ToolGrant {
    /// `server/tool`: this one.
    Tool(ToolId),
    /// `server/*`: all of a server.
    Server(Box<str>),
}

impl ToolGrant {
    /// Whether it names this tool.
    pub fn covers(&self, id: &ToolId) -> bool {
        match self {
            Self::Tool(granted) => granted == id,
            Self::Server(server) => **server == *id.server(),
        }
    }
}

impl FromStr for ToolGrant {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let Some(server) = text.strip_suffix("/*") else { return text.parse().map(Self::Tool) };
        match server.parse()? {
            ToolRef::Name(server) => Ok(Self::Server(server)),
            // What has a slash before that of the star.
            ToolRef::Tool(_) => text.parse().map(Self::Tool),
        }
    }
}

impl fmt::Display for ToolGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(id) => id.fmt(f),
            Self::Server(server) => write!(f, "{server}/*"),
        }
    }
}

serde_as_text!(ToolGrant);

/// A directory of the host as a tool sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryGrant {
    /// Where it is on the host.
    pub host: PathBuf,
    /// Where the tool finds it.
    pub guest: Box<str>,
    /// What the tool may do there.
    pub access: Access,
}

/// A file of the host as a tool sees it, for reading; or all files of one directory whose names fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// Where it is on the host; its name may have one `*`, which stands for any text that does not make it a hidden file.
    pub host: PathBuf,
    /// Where the tool finds it; with the same `*` where the name on the host has one.
    pub guest: Box<str>,
}

/// What may be done in a directory or a scope of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Listing, reading, searching.
    Read,
    /// Also creating, changing and removing.
    ReadWrite,
}

/// Requests that are allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRule {
    /// Only this scheme; both where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// A name, a name with `*.` before it for all names below it, an address, or a network such as `203.0.113.0/24`.
    pub host: Box<str>,
    /// Only this port; the scheme's own where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Only these methods, in capitals; all where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Box<str>>,
    /// Whether its address may be private, loopback or link-local.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear, port 80.
    Http,
    /// Under TLS, port 443.
    Https,
}

/// A variable of a tool's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvGrant {
    /// Its name.
    pub name: Box<str>,
    /// Where its value comes from.
    pub source: EnvSource,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvSource {
    /// It is this text.
    Value(Box<str>),
    /// It is the server's secret of this name, which is never printed.
    Secret(Box<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_granted_by_its_name_or_with_all_of_its_server() {
        let covers = |grant: &str, id: &str| grant.parse::<ToolGrant>().unwrap().covers(&id.parse().unwrap());
        assert!(covers("csv-stats/stats", "csv-stats/stats") && covers("csv-stats/*", "csv-stats/stats"));
        assert!(!covers("csv-stats/stats", "csv-stats/other") && !covers("csv-stats/*", "csv-stats2/stats"));
        for bad in ["", "*", "/*", "*/*", "a", "a/b*", "a/b/*", "a b/*", "a/**"] {
            assert!(bad.parse::<ToolGrant>().is_err(), "{bad}");
        }
        assert_eq!("a/*".parse::<ToolGrant>().unwrap().to_string(), "a/*");
    }
}

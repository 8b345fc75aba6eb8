//! The server's configuration: files, environment and flags become one checked [`ServerConfig`] whose values know where they are from.

mod budgets;
mod check;
mod config;
mod files;
mod layers;
mod llm;
mod load;
mod mcp;
mod read;
mod retention;
mod sandbox;
mod schema;
mod sources;
mod substitute;

pub(crate) use self::schema::CAP_MAX;
pub use self::{
    config::{
        Granted, HttpClient, Limits, LogFormat, LogOutput, Logging, Messaging, Runtime, Server, ServerConfig, Storage, StorageKind, Tools,
        WorkspaceOptions,
    },
    files::base_file,
    llm::{Llm, ModelLink, ModelRoute, Provider, ProviderKind},
    load::{Change, Effective, Loaded, load},
    mcp::{ChangedTools, Mcp, McpPlace, McpProtocol, McpServer},
    retention::Retention,
    sandbox::{Sandbox, SandboxProfile},
    schema::{Key, Kind, keys},
    sources::{FileRead, Flag, Options, Sources},
};

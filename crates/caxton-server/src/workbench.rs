//! Models and tools as a server with this configuration has them, without the server: for tests of a workspace.

use crate::{Error, services};
use caxton_config::{
    server::ServerConfig,
    workspace::{FileContent, Workspace},
};
use caxton_deploy::{ToolBounds, load_tool};
use caxton_llm::Models;
use caxton_tools::Tools;
use caxton_types::WorkspaceName;
use std::collections::BTreeMap;

/// Models and tools.
pub struct Workbench {
    /// Model providers.
    pub models: Models,
    /// Tools of every kind.
    pub tools: Tools,
    bounds: ToolBounds,
}

impl Workbench {
    /// What the configuration names; `data_dir` gets what tools need on disk.
    pub async fn new(config: &ServerConfig) -> Result<Self, Error> {
        let (models, tools) = (services::models(config, &[])?, services::tools(config).await?);
        Ok(Self { models, tools, bounds: services::tool_bounds(config) })
    }

    /// The same without the world outside: what tools are granted beyond their own directories is left out.
    #[must_use]
    pub fn enclosed(mut self) -> Self {
        self.bounds.ceiling.lenient = true;
        self
    }

    /// Makes the tools of this workspace callable, as a deployment does.
    pub async fn install(
        &self,
        name: &WorkspaceName,
        workspace: &Workspace,
        files: &BTreeMap<String, FileContent>,
    ) -> Result<(), caxton_deploy::Error> {
        let mut servers = Vec::with_capacity(workspace.tools.len());
        for tool in &workspace.tools {
            let missing = || caxton_deploy::Error::Missing(vec![tool.wasm.digest]);
            let wasm = files.get(&*tool.wasm.path).and_then(FileContent::bytes).ok_or_else(missing)?;
            servers.push(load_tool(&self.tools, name, tool, wasm.to_vec(), &self.bounds).await?);
        }
        self.tools.install(name, servers);
        Ok(())
    }
}

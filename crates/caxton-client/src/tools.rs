//! Tools, and calling them without an agent.

use crate::{Client, Error};
use caxton_api::{AcceptTools, CallTool, McpServerView, Page, ToolCalled, ToolDetail, ToolSummary, ToolsAccepted};
use reqwest::Method;
use std::time::Duration;

/// How long a call may take: a little more than the server gives it.
const CALL_TIMEOUT: Duration = Duration::from_secs(155);

impl Client {
    /// Lists all tools of the workspace, by name.
    pub async fn tools(&self) -> Result<Vec<ToolSummary>, Error> {
        self.pages("tools", Vec::new(), usize::MAX).await
    }

    /// Reads a tool, named as `server/tool`, `server__tool`, or `tool` alone where that says enough.
    pub async fn tool(&self, name: &str) -> Result<ToolDetail, Error> {
        self.fetch(self.at(Method::GET, &["tools", &segment(name)])).await
    }

    /// Lists other people's MCP servers that the server knows, by name.
    pub async fn mcp_servers(&self) -> Result<Vec<McpServerView>, Error> {
        let page: Page<McpServerView> = self.fetch(self.at_server(Method::GET, &["api", "v1", "mcp", "servers"])).await?;
        Ok(page.items)
    }

    /// Takes the tools of one of them, or one tool, as they are now for what was first seen.
    pub async fn accept_tools(&self, server: &str, which: &AcceptTools) -> Result<ToolsAccepted, Error> {
        let request = self.at_server(Method::POST, &["api", "v1", "mcp", "servers", server, "accept"]);
        self.fetch(request.json(which)).await
    }

    /// Calls a tool outside of any turn.
    pub async fn call_tool(&self, name: &str, call: &CallTool) -> Result<ToolCalled, Error> {
        let request = self.at(Method::POST, &["tools", &segment(name), "call"]);
        self.fetch(request.timeout(CALL_TIMEOUT).json(call)).await
    }
}

/// A tool's name in a path.
fn segment(name: &str) -> String {
    name.replacen('/', "__", 1)
}

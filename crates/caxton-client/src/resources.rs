//! Agents, blobs, deployments, configuration and health.

use crate::{Client, Error, client::UPLOAD_TIMEOUT};
use bytes::Bytes;
use caxton_api::{
    AgentDetail, AgentSummary, Blob, BudgetReport, CapsView, ConfigChange, ConfigSet, ConfigView, CostReport, DeployRequest,
    DeployResponse, DeploymentView, GcView, Health, Page, Ready, WorkspaceStatus,
};
use caxton_types::{AgentName, BudgetScope, ConversationId, Digest};
use reqwest::{Method, StatusCode, header};
use serde_json::Value;

impl Client {
    /// How the server and its parts are, also where it says that it is not well.
    pub async fn health(&self) -> Result<Health, Error> {
        let response = self.respond(self.at_server(Method::GET, &["health"])).await?;
        match response.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => self.read(response).await,
            _ => Err(self.refusal(response).await),
        }
    }

    /// Whether the server takes requests; the error tells why not.
    pub async fn ready(&self) -> Result<Ready, Error> {
        self.fetch(self.at_server(Method::GET, &["ready"])).await
    }

    /// Lists all agents, by name; those that offer the capability where one is given.
    pub async fn agents(&self, capability: Option<&str>) -> Result<Vec<AgentSummary>, Error> {
        let capability = capability.map(|capability| ("capability", capability.to_owned()));
        self.pages("agents", capability.into_iter().collect(), usize::MAX).await
    }

    /// Reads an agent by its name or display name.
    pub async fn agent(&self, name: &str) -> Result<AgentDetail, Error> {
        self.fetch(self.at(Method::GET, &["agents", name])).await
    }

    /// Deploys one agent from the text of its file.
    pub async fn put_agent(&self, name: &AgentName, toml: &str) -> Result<AgentDetail, Error> {
        let request = self.at(Method::PUT, &["agents", name.as_str()]).header(header::CONTENT_TYPE, "application/toml");
        self.fetch(request.body(toml.to_owned())).await
    }

    /// Removes one agent.
    pub async fn remove_agent(&self, name: &str) -> Result<(), Error> {
        self.send_request(self.at(Method::DELETE, &["agents", name])).await.map(drop)
    }

    /// What would be removed now because it was kept for long enough.
    pub async fn plan_gc(&self) -> Result<GcView, Error> {
        self.fetch(self.at_server(Method::GET, &["api", "v1", "gc"]).timeout(UPLOAD_TIMEOUT)).await
    }

    /// Removes what was kept for long enough.
    pub async fn apply_gc(&self) -> Result<GcView, Error> {
        self.fetch(self.at_server(Method::POST, &["api", "v1", "gc"]).timeout(UPLOAD_TIMEOUT)).await
    }

    /// Uploads bytes.
    pub async fn upload(&self, bytes: impl Into<Bytes>, media_type: &str) -> Result<Blob, Error> {
        let request = self.at(Method::POST, &["blobs"]).header(header::CONTENT_TYPE, media_type).timeout(UPLOAD_TIMEOUT);
        self.fetch(request.body(bytes.into())).await
    }

    /// Reads bytes; fails where they are not what the digest says.
    pub async fn blob(&self, digest: Digest) -> Result<Bytes, Error> {
        let request = self.at(Method::GET, &["blobs", &digest.to_string()]).timeout(UPLOAD_TIMEOUT);
        let response = self.send_request(request).await?;
        let bytes = response.bytes().await.map_err(|source| self.failure(source, UPLOAD_TIMEOUT))?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(self.odd("the bytes are not those of the digest")) }
    }

    /// Whether the workspace holds these bytes.
    pub async fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        let response = self.respond(self.at(Method::HEAD, &["blobs", &digest.to_string()])).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refusal(response).await),
        }
    }

    /// Deploys a workspace, or learns which files the server lacks.
    pub async fn deploy(&self, request: &DeployRequest) -> Result<DeployResponse, Error> {
        self.fetch(self.at(Method::POST, &["deploy"]).timeout(UPLOAD_TIMEOUT).json(request)).await
    }

    /// Lists deployments, newest first.
    pub async fn deployments(&self, limit: u32) -> Result<Vec<DeploymentView>, Error> {
        let page: Page<DeploymentView> = self.query(&["deployments"], &[("limit", limit)]).await?;
        Ok(page.items)
    }

    /// What is deployed.
    pub async fn status(&self) -> Result<WorkspaceStatus, Error> {
        self.fetch(self.at(Method::GET, &["status"])).await
    }

    /// The configuration that counts, or what stands under a key.
    pub async fn config(&self, key: Option<&str>) -> Result<ConfigView, Error> {
        let query: Vec<_> = key.map(|key| ("key", key)).into_iter().collect();
        self.fetch(self.at_server(Method::GET, &["api", "v1", "config"]).query(&query)).await
    }

    /// Changes one value of the configuration while the server runs.
    pub async fn set_config(&self, key: &str, value: Value) -> Result<ConfigChange, Error> {
        let request = self.at_server(Method::PATCH, &["api", "v1", "config"]);
        self.fetch(request.json(&ConfigSet { key: key.to_owned(), value })).await
    }

    /// The caps, and what the budgets of the workspace stand at, and those of an agent and a conversation.
    pub async fn budgets(&self, agent: Option<&str>, conversation: Option<ConversationId>) -> Result<BudgetReport, Error> {
        let conversation = conversation.map(|conversation| conversation.to_string());
        let query: Vec<_> = [("agent", agent), ("conversation", conversation.as_deref())]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        self.query(&["budgets"], &query).await
    }

    /// Sets the caps of one scope, for every workspace of the server; what is absent has no cap from now on.
    pub async fn set_budget(&self, scope: BudgetScope, caps: &CapsView) -> Result<CapsView, Error> {
        self.fetch(self.at_server(Method::PUT, &["api", "v1", "budgets", scope.as_str()]).json(caps)).await
    }

    /// What each agent cost on each of the last days.
    pub async fn costs(&self, days: u32, agent: Option<&str>) -> Result<CostReport, Error> {
        let days = days.to_string();
        let query: Vec<_> = [("days", Some(&*days)), ("agent", agent)].into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        self.query(&["costs"], &query).await
    }
}

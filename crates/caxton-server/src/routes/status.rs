//! A workspace at a glance, and how it came to be.

use super::{page::limit_of, view};
use crate::{
    App,
    edge::{By, Fail, QueryOf},
};
use axum::{Json, extract::State};
use caxton_api::{DeploymentView, Page, WorkspaceStatus};
use caxton_types::Action;
use serde::Deserialize;

/// Tells what is deployed.
#[utoipa::path(
    get, path = "/status", operation_id = "get_status", tag = "deployments",
    responses((status = 200, description = "The workspace as it is deployed", body = WorkspaceStatus))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By) -> Result<Json<WorkspaceStatus>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let deployment = workspace.deployments(1).await?.into_iter().next().map(view::deployment);
    let (files, agents) = (workspace.files().await?, workspace.agents().await?);
    Ok(Json(WorkspaceStatus {
        workspace: caller.workspace,
        version: deployment.as_ref().map_or(0, |deployment| deployment.version),
        deployment,
        files: files.into_iter().map(view::file).collect(),
        agents: agents.iter().map(view::entry).collect(),
    }))
}

/// Lists deployments, newest first.
#[utoipa::path(
    get, path = "/deployments", operation_id = "list_deployments", tag = "deployments",
    params(("limit" = Option<u32>, Query, description = "The most in the listing (100)", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "Deployments", body = Page<DeploymentView>))
)]
pub(crate) async fn deployments(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<DeploymentView>>, Fail> {
    caller.require(Action::Read)?;
    let rows = app.workspace(&caller)?.deployments(limit_of(query.limit)?).await?;
    Ok(Json(Page { items: rows.into_iter().map(view::deployment).collect(), next: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    limit: Option<u32>,
}

//! Deployments: what is missing, then all at once.

use super::view;
use crate::{
    App,
    edge::{By, Fail, JsonBody},
};
use axum::{Json, extract::State};
use caxton_api::{ChangeView, DeployRequest, DeployResponse, DeploymentView, GrantedView};
use caxton_deploy::{Deployment, Error, Manifest, ManifestFile};
use caxton_store::Workspace;
use caxton_types::{Action, FileChange};

/// Deploys a workspace.
///
/// The request names every file by its digest. Where the server lacks contents it answers `needs_files`: upload each as a blob and send the
/// same request again. Then the workspace is checked whole and applied in one piece, or refused and left as it was.
#[utoipa::path(
    post, path = "/deploy", operation_id = "deploy", tag = "deployments",
    request_body = DeployRequest,
    responses((status = 200, description = "How far it got", body = DeployResponse))
)]
pub(crate) async fn deploy(
    State(app): State<App>,
    By(caller): By,
    JsonBody(body): JsonBody<DeployRequest>,
) -> Result<Json<DeployResponse>, Fail> {
    caller.require(Action::Deploy)?;
    let workspace = app.workspace_to_deploy(&caller)?;
    let manifest = manifest(body)?;
    let plan = app.deploy.plan(&caller, &manifest).await.map_err(refused)?;
    if !plan.missing.is_empty() {
        return Ok(Json(DeployResponse::NeedsFiles { missing: plan.missing, changes: changes(plan.changes) }));
    }
    let done = app.deploy.apply(&caller, manifest).await.map_err(refused)?;
    let deployment = recorded(&workspace, &done).await?;
    Ok(Json(DeployResponse::Deployed { deployment, changed: done.changed, changes: changes(done.changes) }))
}

/// The longest name of a commit and of a branch.
const COMMIT_LEN_MAX: usize = 64;
const BRANCH_LEN_MAX: usize = 250;

fn manifest(body: DeployRequest) -> Result<Manifest, Fail> {
    if let Some(git) = &body.git {
        let branch_len = git.branch.as_ref().map_or(0, |branch| branch.chars().count());
        if git.commit.is_empty() || git.commit.chars().count() > COMMIT_LEN_MAX || branch_len > BRANCH_LEN_MAX {
            return Err(Fail::invalid(format!(
                "`git` takes a commit of 1 to {COMMIT_LEN_MAX} and a branch of up to {BRANCH_LEN_MAX} characters"
            )));
        }
    }
    let file = |file: caxton_api::FileEntry| ManifestFile { path: file.path, digest: file.digest, size: file.size };
    Ok(Manifest { files: body.files.into_iter().map(file).collect(), git: body.git.map(Into::into) })
}

fn changes(changes: Vec<(Box<str>, FileChange)>) -> Vec<ChangeView> {
    changes.into_iter().map(|(path, change)| ChangeView { path: path.into(), change }).collect()
}

/// The deployment as the journal has it, with what was noticed on the way.
async fn recorded(workspace: &Workspace, done: &Deployment) -> Result<DeploymentView, Fail> {
    // Another deployment may have followed in between, though hardly a hundred.
    let rows = workspace.deployments(100).await?;
    let row = rows.into_iter().find(|row| row.deployment == done.deployment);
    let row = row.ok_or_else(|| Fail::internal(format!("deployment {} is not in the projection", done.deployment)))?;
    let granted = |(tool, permissions): &(Box<str>, Vec<String>)| GrantedView { tool: tool.to_string(), permissions: permissions.clone() };
    let granted = done.granted.iter().map(granted).collect();
    Ok(DeploymentView { granted, warnings: done.warnings.iter().map(view::diagnostic).collect(), ..view::deployment(row) })
}

/// A refusal lists what is wrong, file by file.
pub(super) fn refused(error: Error) -> Fail {
    match error {
        Error::Invalid(problems) => view::diagnostics("the workspace cannot be deployed", &problems),
        tool @ Error::Tool { .. } => Fail::with_causes(tool),
        other => other.into(),
    }
}

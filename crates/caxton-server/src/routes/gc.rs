//! What was kept for long enough, in all workspaces.

use crate::{App, edge::Fail, retention};
use axum::{Json, extract::State};
use caxton_api::GcView;
use caxton_types::{Action, Caller, Code, WorkspaceName};

/// Tells what would be removed now because it was kept for long enough.
#[utoipa::path(
    get, path = "/api/v1/gc", operation_id = "plan_gc", tag = "server",
    responses((status = 200, description = "What would go", body = GcView))
)]
pub(crate) async fn plan(State(app): State<App>) -> Result<Json<GcView>, Fail> {
    caller().require(Action::Read)?;
    Ok(Json(retention::plan(&app).await?))
}

/// Removes what was kept for long enough.
///
/// The configuration (`retention`) says how long that is. What is decided for good, what is deployed or remembered, and whatever an open turn
/// or a waiting message may need stays. Goes on to its end also where nobody waits for the answer.
#[utoipa::path(
    post, path = "/api/v1/gc", operation_id = "apply_gc", tag = "server",
    responses((status = 200, description = "What went", body = GcView))
)]
pub(crate) async fn apply(State(app): State<App>) -> Result<Json<GcView>, Fail> {
    let caller = caller();
    caller.require(Action::Configure)?;
    let actor = caller.actor();
    let upkeep = app.upkeep.clone();
    let done = upkeep.spawn(async move { retention::apply(&app, &actor).await }).await;
    Ok(Json(done.map_err(|_| Fail::new(Code::Internal, "the removal ended unexpectedly"))??))
}

/// It concerns the server, not a workspace.
fn caller() -> Caller {
    Caller::local(WorkspaceName::system())
}

//! The configuration: what counts now, and changing it while the server runs.

use super::view::diagnostics;
use crate::{
    App,
    edge::{Fail, JsonBody, QueryOf, RequestInfo},
};
use axum::{Json, extract::State};
use caxton_api::{ConfigChange, ConfigSet, ConfigView, Problem, schema};
use caxton_types::{Action, Caller, Code, WorkspaceName};
use serde::Deserialize;

/// Reads the configuration that counts now; secrets are masked.
#[utoipa::path(
    get, path = "/api/v1/config", operation_id = "get_config", tag = "server",
    params(("key" = Option<schema::ConfigKey>, Query, description = "Only what stands under this dotted key")),
    responses(
        (status = 200, description = "The configuration", body = ConfigView),
        (status = 404, description = "There is no such key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(State(app): State<App>, QueryOf(query): QueryOf<KeyQuery>) -> Result<Json<ConfigView>, Fail> {
    caller().require(Action::Read)?;
    let loaded = app.config.current();
    let value = loaded
        .get(query.key.as_deref())
        .map_err(|unknown| diagnostics("the configuration has no such key", &unknown.into()).because(Code::NotFound))?;
    Ok(Json(ConfigView { key: query.key, value }))
}

/// Changes one value while the server runs.
///
/// Only keys that take effect without a restart can change; the change is recorded in `_system` and survives a restart. It ranks above the
/// configuration file and below the environment and flags.
#[utoipa::path(
    patch, path = "/api/v1/config", operation_id = "set_config", tag = "server",
    request_body = ConfigSet,
    responses(
        (status = 200, description = "The change", body = ConfigChange),
        (status = 404, description = "There is no such key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key needs a restart", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set(
    State(app): State<App>,
    info: RequestInfo,
    JsonBody(body): JsonBody<ConfigSet>,
) -> Result<Json<ConfigChange>, Fail> {
    let change = app.config.set(&caller(), info.trace, &body.key, body.value).await?;
    Ok(Json(ConfigChange { key: change.key.into(), old: change.old, new: change.new }))
}

/// The configuration belongs to the server, not to a workspace.
fn caller() -> Caller {
    Caller::local(WorkspaceName::system())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyQuery {
    key: Option<String>,
}

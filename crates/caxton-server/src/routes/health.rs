//! Whether the server is well, and whether it takes requests.

use crate::{App, edge::Fail, health, life::Phase};
use axum::{Json, extract::State, http::StatusCode};
use caxton_api::{Health, HealthStatus, Ready};
use caxton_types::Code;

/// Tells how the server and each of its parts are.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "server",
    responses(
        (status = 200, description = "The server works, perhaps with less than it should have", body = Health),
        (status = 503, description = "A part without which nothing works is down", body = Health),
    )
)]
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let health = health::check(&app).await;
    let status = if health.status == HealthStatus::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(health))
}

/// Tells whether the server takes requests.
#[utoipa::path(
    get, path = "/ready", operation_id = "ready", tag = "server",
    responses((status = 200, description = "It takes requests", body = Ready))
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Ready>, Fail> {
    match app.life.phase() {
        Phase::Recovering => Err(Fail::new(Code::Unavailable, "the server is recovering")),
        Phase::Stopping => Err(Fail::new(Code::Unavailable, "the server is stopping")),
        Phase::Ready => match health::down(&health::check(&app).await) {
            Some((name, detail)) => Err(Fail::new(Code::Unavailable, format!("{name} is down: {detail}"))),
            None => Ok(Json(Ready { ready: true })),
        },
    }
}

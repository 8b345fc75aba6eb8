//! How the server is.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should.
    Ok,
    /// With less than it should have.
    Degraded,
    /// Not at all.
    Down,
}

/// How one part of the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComponentHealth {
    /// How well it works.
    pub status: HealthStatus,
    /// What was seen.
    pub detail: String,
    /// The same in numbers, by their names, where there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, u64>,
}

/// How the server and its parts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// How well the server works: as its worst part does.
    pub status: HealthStatus,
    /// The server's version.
    pub version: String,
    /// Each part by name.
    pub components: BTreeMap<String, ComponentHealth>,
}

/// Whether the server takes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always true: a server that is not ready answers with a problem.
    pub ready: bool,
}

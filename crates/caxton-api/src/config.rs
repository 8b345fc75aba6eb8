//! The configuration while the server runs.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The configuration, or the part of it under one key; secrets are masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigView {
    /// The key that was asked for; absent for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// The value under it.
    #[schema(value_type = Value)]
    pub value: Value,
}

/// Changes one value of the configuration while the server runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"key": "observability.logging.level", "value": "debug"}))]
pub struct ConfigSet {
    /// Which value.
    #[schema(value_type = schema::ConfigKey)]
    pub key: String,
    /// What it becomes.
    #[schema(value_type = Value)]
    pub value: Value,
}

/// What a change of the configuration did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigChange {
    /// Which value.
    pub key: String,
    /// What it was.
    #[schema(value_type = Value)]
    pub old: Value,
    /// What it is from now on.
    #[schema(value_type = Value)]
    pub new: Value,
}

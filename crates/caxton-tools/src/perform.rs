//! A call that was let through, performed by whatever stands behind the tool.

use crate::{
    CallContext, Called, Error,
    built_in::Answer,
    server::{Module, Server},
};
use caxton_sandbox::{Call, Limits};
use caxton_types::{ToolDefinition, ToolId, ToolResult};
use serde_json::Value;

/// Performs a call whose arguments fit the tool's schema.
pub(crate) async fn perform(server: &Server, tool: &ToolDefinition, arguments: &Value, context: &CallContext<'_>) -> Result<Called, Error> {
    let id = &tool.id;
    match server.module() {
        Module::Turn => Err(Error::PerformedByTurn { tool: id.clone() }),
        Module::BuiltIn(built_in) => {
            let Answer { result, files, metering } = built_in.call(tool, arguments, context).await?;
            Ok(Called { result, files, metering })
        }
        Module::Remote(link) => link.call(tool, arguments, context).await,
        Module::Component { component, grant } => {
            let call = Call {
                tool: id.tool().into(),
                arguments_json: arguments.to_string(),
                attachments: if grant.attachments { context.attachments.to_vec() } else { vec![] },
                limits: Limits { wall: grant.limits.wall.min(context.time_left), ..grant.limits },
                idempotency_key: Some(context.idempotency_key.to_owned()),
                reuse: grant.reuse.then(caxton_sandbox::Reuse::default),
            };
            let outcome = component.call(call).await.map_err(|error| of_sandbox(id, error))?;
            let metering = outcome.usage.metering();
            Ok(Called { result: read_result(id, &outcome.result_json)?, files: vec![], metering })
        }
    }
}

fn of_sandbox(id: &ToolId, error: caxton_sandbox::Error) -> Error {
    match error {
        caxton_sandbox::Error::InvalidArguments(reason) => Error::InvalidArguments { tool: id.clone(), reason },
        caxton_sandbox::Error::Limit(error) => Error::Resource(error),
        other => Error::Failed { tool: id.clone(), reason: other.to_string() },
    }
}

/// Reads an MCP `CallToolResult`.
fn read_result(id: &ToolId, json: &str) -> Result<ToolResult, Error> {
    let broken = |reason: String| Error::Failed { tool: id.clone(), reason };
    let value: Value = serde_json::from_str(json).map_err(|error| broken(format!("its result is not JSON: {error}")))?;
    let content = value.get("content").and_then(Value::as_array).ok_or_else(|| broken("its result has no `content`".into()))?;
    let texts: Vec<&str> = content.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
    Ok(ToolResult {
        text: texts.join("\n"),
        structured: value.get("structuredContent").cloned(),
        is_error: value.get("isError").and_then(Value::as_bool).unwrap_or(false),
        files: vec![],
    })
}

//! A call that was let through, performed by whatever stands behind the tool.

use crate::{
    CallContext, Called, Error, Grant, Produced, Tools,
    built_in::Answer,
    content,
    inner::{Desk, line},
    server::{Module, Server},
};
use caxton_sandbox::{Call, CallEnded, Caller, Component, Denial, Limits};
use caxton_types::{Metering, ToolDefinition, ToolId, ToolResult};
use serde_json::Value;
use std::{pin::Pin, sync::Arc};

/// A call that was made, and what it took and tried either way.
pub(crate) struct Attempt {
    pub(crate) called: Result<Called, Error>,
    pub(crate) metering: Metering,
    /// What the tool tried and was not granted.
    pub(crate) denials: Vec<Denial>,
}

impl From<Result<Called, Error>> for Attempt {
    fn from(called: Result<Called, Error>) -> Self {
        let metering = called.as_ref().map(|called| called.metering).unwrap_or_default();
        Self { called, metering, denials: vec![] }
    }
}

/// Performs a call whose arguments fit the tool's schema.
pub(crate) async fn perform(
    tools: &Tools,
    server: &Server,
    tool: &ToolDefinition,
    arguments: &Value,
    context: &CallContext<'_>,
) -> Attempt {
    let id = &tool.id;
    match server.module() {
        Module::Turn => Err(Error::PerformedByTurn { tool: id.clone() }).into(),
        Module::BuiltIn(built_in) => {
            let answer = built_in.call(tool, arguments, context).await;
            answer.map(|Answer { result, files, metering }| Called { result, files, metering }).into()
        }
        // Apart, like a call that is answered: every other call would be as large.
        Module::Remote(link) => Box::pin(link.call(tool, arguments, context)).await.into(),
        Module::Component { component, grant } => {
            let call = Call {
                tool: id.tool().into(),
                arguments_json: arguments.to_string(),
                attachments: if grant.attachments { context.attachments.to_vec() } else { vec![] },
                limits: Limits { wall: grant.limits.wall.min(context.time_left), ..grant.limits },
                idempotency_key: Some(context.idempotency_key.to_owned()),
                reuse: grant.reuse,
                caller: context.agent.map(|agent| Caller { workspace: context.workspace.clone(), agent: agent.clone() }),
                host: None,
                is_nested: context.within.is_inner(),
            };
            let ended = if Desk::is_wanted(grant) {
                Box::pin(answered(tools, id, component, grant, call, context)).await
            } else {
                component.perform(call).await
            };
            let CallEnded { result, usage, denials } = ended;
            let metering = usage.metering();
            let result = result.map_err(|error| of_sandbox(id, error)).and_then(|json| read_result(id, &json));
            Attempt { called: result.map(|(result, files)| Called { result, files, metering }), metering, denials }
        }
    }
}

/// Performs a call whose guest may ask for memory and other tools meanwhile.
async fn answered(tools: &Tools, id: &ToolId, component: &Component, grant: &Grant, call: Call, context: &CallContext<'_>) -> CallEnded {
    let (line, listener) = line();
    let desk = Desk::new(tools, id, grant, context, call.limits.wall);
    let mut performing = performing(component, Call { host: Some(Arc::new(line)), ..call });
    let mut ended = tokio::select! {
        biased;
        ended = &mut performing => ended,
        // Nobody can ask any more.
        () = desk.serve(listener) => performing.await,
    };
    ended.denials.extend(desk.into_denials());
    ended
}

type Performing<'c> = Pin<Box<dyn Future<Output = CallEnded> + Send + 'c>>;

/// Whoever looks whether a future may change its thread looks no further than here.
fn performing(component: &Component, call: Call) -> Performing<'_> {
    Box::pin(component.perform(call))
}

fn of_sandbox(id: &ToolId, error: caxton_sandbox::Error) -> Error {
    match error {
        caxton_sandbox::Error::InvalidArguments(reason) => Error::InvalidArguments { tool: id.clone(), reason },
        caxton_sandbox::Error::Limit(error) => Error::Resource(error),
        other => Error::Failed { tool: id.clone(), reason: other.to_string() },
    }
}

fn read_result(id: &ToolId, json: &str) -> Result<(ToolResult, Vec<Produced>), Error> {
    let broken = |reason: String| Error::Failed { tool: id.clone(), reason };
    let value: Value = serde_json::from_str(json).map_err(|error| broken(format!("its result is not JSON: {error}")))?;
    content::read(&value).map_err(broken)
}

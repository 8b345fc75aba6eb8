//! A call that was let through, performed by whatever stands behind the tool.

use crate::{
    CallContext, Called, Error, Grant, Patience, Produced, Tools,
    built_in::{Answer, Traffic},
    content,
    inner::{Desk, line},
    server::{Module, Server},
};
use caxton_sandbox::{Call, CallEnded, Caller, Component, Denial};
use caxton_types::{Metering, ToolDefinition, ToolId, ToolResult};
use serde_json::Value;
use std::{pin::Pin, sync::Arc, time::Duration};

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

/// What is known of a call while it runs.
pub(crate) struct Progress {
    /// What its caller has left.
    pub(crate) patience: Arc<Patience>,
    traffic: Traffic,
}

impl Progress {
    pub(crate) fn new(patience: Arc<Patience>) -> Self {
        Self { patience, traffic: Traffic::default() }
    }

    /// What it took so far, of what is counted here.
    pub(crate) fn metering(&self) -> Metering {
        self.traffic.added_to(Metering::default())
    }
}

/// Performs a call whose arguments fit the tool's schema.
pub(crate) async fn perform(
    tools: &Tools,
    server: &Server,
    tool: &ToolDefinition,
    arguments: &Value,
    context: &CallContext<'_>,
    progress: &Progress,
) -> Attempt {
    let id = &tool.id;
    match server.module() {
        Module::Turn => Err(Error::PerformedByTurn { tool: id.clone() }).into(),
        Module::BuiltIn(built_in) => {
            let answer = built_in.call(tool, arguments, context, &progress.traffic).await;
            let metered = |Answer { result, files, metering }| {
                let result_len = Some(result_len(&result, &files));
                Called { result, files, metering: progress.traffic.added_to(Metering { result: result_len, ..metering }) }
            };
            let called = answer.map(metered);
            let metering = called.as_ref().map_or_else(|_| progress.metering(), |called| called.metering);
            Attempt { called, metering, denials: vec![] }
        }
        // Apart, like a call that is answered: every other call would be as large.
        Module::Remote(link) => Box::pin(link.call(tool, arguments, context)).await.into(),
        Module::Component { component, grant } => {
            let call = Call {
                tool: id.tool().into(),
                // A `Value` is never refused; its `to_string` is this by way of a formatter, and takes twice as long.
                arguments_json: serde_json::to_string(arguments).unwrap_or_default(),
                attachments: if grant.attachments { context.attachments.to_vec() } else { vec![] },
                limits: grant.limits,
                idempotency_key: Some(context.idempotency_key.to_owned()),
                reuse: grant.reuse,
                caller: Some(Caller { workspace: context.workspace.clone(), agent: context.agent.cloned() }),
                host: None,
                deadline: Some(progress.patience.end()),
                is_nested: context.within.is_inner(),
            };
            let ended = if Desk::is_wanted(grant) {
                Box::pin(answered(tools, (id, grant), component, call, context, progress.patience.left())).await
            } else {
                component.perform(call).await
            };
            let CallEnded { result, usage, denials } = ended;
            let metering = usage.metering();
            let read = |json: String| content::read(&json).map_err(|reason| Error::Failed { tool: id.clone(), reason });
            let result = result.map_err(|fault| of_sandbox(id, fault, context)).and_then(read);
            Attempt { called: result.map(|(result, files)| Called { result, files, metering }), metering, denials }
        }
    }
}

/// Performs a call whose guest may ask for memory and other tools meanwhile.
async fn answered(
    tools: &Tools,
    (id, grant): (&ToolId, &Grant),
    component: &Component,
    call: Call,
    context: &CallContext<'_>,
    left: Duration,
) -> CallEnded {
    let (line, listener) = line();
    let desk = Desk::new(tools, id, grant, context, call.limits.wall.min(left));
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

fn of_sandbox(id: &ToolId, fault: caxton_sandbox::Error, context: &CallContext<'_>) -> Error {
    match fault {
        caxton_sandbox::Error::InvalidArguments(reason) => Error::InvalidArguments { tool: id.clone(), reason },
        caxton_sandbox::Error::OutOfTime => context.out_of_time(id),
        fault => Error::Sandbox { tool: id.clone(), fault },
    }
}

/// How much a result is that is not JSON: its words and files.
pub(crate) fn result_len(result: &ToolResult, files: &[Produced]) -> u64 {
    let files: usize = files.iter().map(|file| file.bytes.len()).sum();
    result.text.len().saturating_add(files) as u64
}

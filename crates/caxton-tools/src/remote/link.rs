//! The way of a call to a server of others.

use super::{
    RemoteOptions,
    guard::{Guard, Pass},
    result,
};
use crate::{CallContext, Called, Error, Heard, asking, perform::result_len};
use caxton_mcp::client::{self, Asker, Call, Client, Error as Fault, Progress, Question, Reply};
use caxton_types::{CallVerdict, Elicitation, Metering, ToolDefinition, ToolId, Wanted, unit::ByteSize};
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use tokio::sync::Notify;
use tracing::{Instrument as _, info_span};

/// Under this name the server gets the key that is the same for every attempt at a call.
const IDEMPOTENCY_KEY: &str = "io.caxton/idempotency-key";
const INVALID_PARAMS: i32 = -32602;

/// A connection to a server, as its tools are called through it.
#[derive(Clone)]
pub(crate) struct Link {
    client: Arc<Client>,
    guard: Arc<Guard>,
    doubt: Arc<Notify>,
    names: BTreeMap<ToolId, Box<str>>,
    server: Box<str>,
    protocol: String,
    result_len_max: ByteSize,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("server", &self.server).field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(
        client: Arc<Client>,
        guard: Arc<Guard>,
        doubt: Arc<Notify>,
        names: BTreeMap<ToolId, Box<str>>,
        options: &RemoteOptions,
    ) -> Self {
        let (server, protocol) = (options.server.name.clone(), client.about().protocol);
        Self { client, guard, doubt, names, server, protocol, result_len_max: options.result_len_max }
    }

    pub(super) fn is_of(&self, client: &Arc<Client>) -> bool {
        Arc::ptr_eq(&self.client, client)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Has the server do something that is no call of a tool: counted by the breaker like those.
    pub(super) async fn relay<T>(&self, heard: &Heard<'_>, asked: impl Future<Output = Result<T, Fault>>) -> Result<T, Error> {
        let pass = self.guard.admit(heard)?;
        let answered = asked.await;
        let verdict = verdict(&answered, Duration::MAX);
        pass.settle(verdict);
        if verdict == CallVerdict::Failure {
            self.doubt.notify_one();
        }
        Ok(answered?)
    }

    /// Calls a tool whose arguments fit its schema.
    pub(crate) async fn call(&self, tool: &ToolDefinition, arguments: &Value, context: &CallContext<'_>) -> Result<Called, Error> {
        let pass = Mutex::new(Some(self.guard.admit(&context.heard)?));
        let asking = context.asker.map(|asker| Asking { asker, server: &self.server, pass: &pass });
        let name = self.names.get(&tool.id).map_or_else(|| tool.id.tool(), |name| &**name);
        let meta = [(IDEMPOTENCY_KEY, Value::from(context.idempotency_key))];
        let asker = asking.as_ref().map(|asking| asking as &dyn Asker);
        let call = Call { tool: name, arguments, meta: &meta, time_max: context.time_left, asker };
        let span = info_span!(
            "mcp.call", "mcp.method.name" = "tools/call", "mcp.server" = %self.server, "mcp.protocol.version" = %self.protocol,
            "gen_ai.tool.name" = name
        );
        let answered = self.client.call(&call).instrument(span).await;
        let verdict = verdict(&answered, context.time_left);
        if let Some(pass) = pass.lock().take() {
            pass.settle(verdict);
        }
        let status = if answered.is_ok() { "ok" } else { "error" };
        metrics::counter!("caxton_mcp_calls_total", "server" => self.server.to_string(), "status" => status).increment(1);
        if verdict == CallVerdict::Failure {
            self.doubt.notify_one();
        }
        let (result, files) = match answered {
            Ok(answer) => result::read(&tool.id, answer, self.result_len_max)?,
            Err(fault) => return Err(refused(tool, fault)),
        };
        let metering = Metering { result: Some(result_len(&result, &files)), ..Metering::default() };
        Ok(Called { result, files, metering })
    }
}

/// Puts the questions of one call to whoever answers them.
struct Asking<'c, 'p> {
    asker: &'c dyn crate::Asker,
    server: &'c str,
    pass: &'c Mutex<Option<Pass<'p>>>,
}

#[async_trait::async_trait]
impl Asker for Asking<'_, '_> {
    fn is_able(&self) -> bool {
        self.asker.is_able()
    }

    fn hear(&self, progress: Progress) {
        self.asker.hear(progress);
    }

    async fn ask(&self, question: Question) -> Reply {
        // A server that asks is there; the next call need not wait until somebody has answered.
        if let Some(pass) = self.pass.lock().take() {
            pass.settle(CallVerdict::Success);
        }
        let wanted = match question.wanted {
            client::Wanted::Form(schema) => Wanted::Form(schema),
            client::Wanted::Visit(url) => Wanted::Visit(url),
        };
        let question = Elicitation { server: self.server.into(), message: question.message, wanted };
        if let Some(reason) = asking::unfit(&question) {
            tracing::warn!(server = self.server, %reason, "a question of an MCP server is declined");
            return Reply::Decline;
        }
        self.asker.ask(question).await
    }
}

/// What a call says of its server. That a turn had too little time is not the server's fault, and a refusal is a sign of life.
fn verdict<T>(answered: &Result<T, Fault>, time_left: Duration) -> CallVerdict {
    match answered {
        Err(Fault::Timeout { after, .. }) if *after >= time_left => CallVerdict::Unknown,
        Err(fault) if fault.is_of_connection() => CallVerdict::Failure,
        Ok(_) | Err(_) => CallVerdict::Success,
    }
}

fn refused(tool: &ToolDefinition, fault: Fault) -> Error {
    match fault {
        Fault::Refused { code: INVALID_PARAMS, message, .. } => Error::InvalidArguments { tool: tool.id.clone(), reason: message },
        other => Error::Remote { tool: tool.id.clone(), source: other },
    }
}

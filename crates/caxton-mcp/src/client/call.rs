//! One call of a tool: its two clocks, its progress, its questions, and what happens when nobody waits for it any more.

use super::{
    Client, convert,
    error::Error,
    handler::{Asked, QUESTIONS_MAX, capabilities},
    quoted,
    types::{Answer, Asker, Question, Reply},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rmcp::{
    model::{
        CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientCapabilities, ClientRequest, InputRequest,
        InputRequiredResult, InputResponses, JsonObject, MetaObject, RequestId, RequestMetaObject, ServerResult,
    },
    service::{PeerRequestOptions, RequestHandle},
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How often one call may ask for something before it gives its result.
const ROUNDS_MAX: usize = 10;
/// The pause before a server is asked again that only wants to be asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// One call of a tool.
pub struct Call<'c> {
    /// The tool's name at its server.
    pub tool: &'c str,
    /// Its arguments: an object.
    pub arguments: &'c Value,
    /// What is sent along as `_meta`, under names of our own.
    pub meta: &'c [(&'c str, Value)],
    /// How long all of it may take, without the time in which somebody thinks about a question.
    pub time_max: Duration,
    /// Who answers questions in the middle of it, and hears how far it is; questions are declined where nobody does.
    pub asker: Option<&'c dyn Asker>,
}

impl Client {
    /// Calls a tool. Dropped before its end, the server is told that nobody waits for it.
    pub async fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let mut end = Instant::now() + call.time_max;
        let mut params = CallToolRequestParams::new(call.tool.to_owned());
        params.arguments = call.arguments.as_object().cloned();
        for _ in 0..ROUNDS_MAX {
            match self.ask(params.clone(), call, &mut end).await? {
                ServerResult::CallToolResult(result) => return Ok(convert::answer(result)),
                ServerResult::InputRequiredResult(wanted) => {
                    params.request_state.clone_from(&wanted.request_state);
                    params.input_responses = self.provide(wanted, call.asker, &mut end).await?;
                }
                _ => return Err(self.unexpected("a call with something that is no result of a call")),
            }
        }
        Err(self.unexpected("a call with one question after the other"))
    }

    /// Sends the request and waits for its answer; `end` is later by the time that questions in the middle took.
    async fn ask(&self, params: CallToolRequestParams, call: &Call<'_>, end: &mut Instant) -> Result<ServerResult, Error> {
        let idle = self.options.idle_timeout;
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options().with_meta(self.meta(call));
        let sent = tokio::time::timeout_at((*end).min(Instant::now() + idle), self.peer().send_request_with_option(request, options)).await;
        let handle = sent.map_err(|_| self.timeout(idle.min(call.time_max)))?.map_err(|error| self.service(error))?;
        let RequestHandle { mut rx, id, progress_token, .. } = handle;
        let mut guard = Abandoned { client: self, id: Some(id.clone()) };
        let (_entered, mut progress, mut questions) = self.shared.enter(id, progress_token);
        let mut asking = FuturesUnordered::new();
        let mut idle_end = Instant::now() + idle;
        let mut asked_at = idle_end;
        loop {
            let until = idle_end.min(*end);
            tokio::select! {
                biased;
                response = &mut rx => {
                    guard.id = None;
                    return match response {
                        Ok(result) => result.map_err(|error| self.service(error)),
                        Err(_) => Err(self.closed().await),
                    };
                }
                Some(asked) = questions.recv(), if asking.len() < QUESTIONS_MAX => {
                    if asking.is_empty() {
                        asked_at = Instant::now();
                    }
                    asking.push(asked.put(call.asker));
                }
                Some(()) = asking.next() => {
                    idle_end = Instant::now() + idle;
                    if asking.is_empty() {
                        *end += asked_at.elapsed();
                    }
                }
                Ok(()) = progress.changed() => {
                    idle_end = Instant::now() + idle;
                    let told = progress.borrow_and_update().clone();
                    if let (Some(asker), Some(told)) = (call.asker, told) {
                        asker.hear(told);
                    }
                }
                // While a person thinks, no time of the call goes by, and the server is not idle.
                () = sleep_until(until), if asking.is_empty() => {
                    return Err(self.timeout(if until == *end { call.time_max } else { idle }));
                }
            }
        }
    }

    fn meta(&self, call: &Call<'_>) -> RequestMetaObject {
        let object: JsonObject = call.meta.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut meta = RequestMetaObject(MetaObject(object));
        // Where requests stand alone, each says what is there to answer it: a server need not ask in vain.
        if self.is_stateless {
            meta.set_client_capabilities(if call.asker.is_some_and(Asker::is_able) {
                capabilities()
            } else {
                ClientCapabilities::default()
            });
        }
        meta
    }

    /// Gives a server what it wants before it goes on.
    async fn provide(
        &self,
        wanted: InputRequiredResult,
        asker: Option<&dyn Asker>,
        end: &mut Instant,
    ) -> Result<Option<InputResponses>, Error> {
        let requests = wanted.input_requests.unwrap_or_default();
        if requests.is_empty() {
            if wanted.request_state.is_none() {
                return Err(self.unexpected("a call with a question that asks nothing"));
            }
            tokio::time::sleep(PAUSE).await;
            return Ok(None);
        }
        let mut responses = InputResponses::new();
        for (key, request) in requests {
            let InputRequest::Elicitation(request) = request else {
                return Err(self.unexpected("a call by asking for something else than a person's answer"));
            };
            let reply = match convert::question(request.params) {
                Some(question) => {
                    let asked_at = Instant::now();
                    let reply = put(asker, question).await;
                    *end += asked_at.elapsed();
                    reply
                }
                None => Reply::Decline,
            };
            let response =
                serde_json::to_value(convert::elicited(reply)).map_err(|_| self.unexpected("with a question of an unknown kind"))?;
            responses.insert(key, response);
        }
        Ok(Some(responses))
    }
}

impl Asked {
    /// Puts the question, until it is answered or the server asks no longer.
    async fn put(mut self, asker: Option<&dyn Asker>) {
        tokio::select! {
            reply = put(asker, self.question) => {
                // Where the server has gone, there is nobody to tell.
                let _ = self.reply.send(reply);
            }
            () = self.reply.closed() => {}
        }
    }
}

async fn put(asker: Option<&dyn Asker>, question: Question) -> Reply {
    let Some(asker) = asker else {
        tracing::info!(question = %quoted(&question.message), "a question of an MCP server is declined: nobody is there to answer it");
        return Reply::Decline;
    };
    asker.ask(question).await
}

/// A request that nobody waits for any more, unless its answer came.
struct Abandoned<'c> {
    client: &'c Client,
    id: Option<RequestId>,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let peer = self.client.peer().clone();
        let cancelled = CancelledNotificationParam::new(Some(id), Some("nobody waits for it any more".into()));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Where the server has gone, there is nobody to tell.
            let tell = async move { drop(peer.notify_cancelled(cancelled).await) };
            self.client.tasks.spawn_on(tell, &runtime);
        }
    }
}

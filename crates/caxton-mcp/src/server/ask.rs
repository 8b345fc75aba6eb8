//! Asking whoever sits at the client, in both eras: as requests of the server while a session lasts, else as a result that says what is missing.

use super::{error, is_modern};
use caxton_types::Code;
use rmcp::{
    RoleServer,
    model::{ElicitRequest, ElicitRequestParams, ErrorData, InputRequest, InputRequests, InputRequiredResult, InputResponses},
    service::RequestContext,
};
use serde_json::Value;
use std::time::Duration;

/// What came of asking.
#[derive(Debug)]
pub enum Asked {
    /// The answers, by the names of the requests.
    Answered(InputResponses),
    /// The client asks and then sends its request again, with the answers.
    Later(Box<InputRequiredResult>),
    /// The client cannot be asked this.
    Unable,
}

/// How long somebody may think about an answer while the session waits for it.
const PATIENCE: Duration = Duration::from_mins(10);

/// Asks. `given` is what a repeated request brought along; `state` comes back with it.
pub async fn ask(
    context: &RequestContext<RoleServer>,
    requests: InputRequests,
    given: Option<&InputResponses>,
    state: String,
) -> Result<Asked, ErrorData> {
    if !requests.values().all(|request| is_able(context, request)) {
        return Ok(Asked::Unable);
    }
    if !is_modern(context) {
        let mut answers = InputResponses::new();
        for (name, request) in requests {
            answers.insert(name, request_of_session(context, request).await?);
        }
        return Ok(Asked::Answered(answers));
    }
    match given {
        Some(given) if requests.keys().all(|name| given.contains_key(name)) => Ok(Asked::Answered(given.clone())),
        _ => Ok(Asked::Later(Box::new(InputRequiredResult::new(Some(requests), Some(state))))),
    }
}

/// A question to a person whose answer fits the schema; none where that is no schema of a form.
pub fn elicitation(message: impl Into<String>, schema: Value) -> Option<InputRequest> {
    let requested_schema = serde_json::from_value(schema).ok()?;
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message: message.into(), requested_schema };
    Some(InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn is_able(context: &RequestContext<RoleServer>, request: &InputRequest) -> bool {
    let Some(able) = context.client_capabilities() else { return false };
    match request {
        InputRequest::Elicitation(_) => able.elicitation.is_some(),
        _ => false,
    }
}

async fn request_of_session(context: &RequestContext<RoleServer>, request: InputRequest) -> Result<Value, ErrorData> {
    let failed = |reason: String| error(Code::Unavailable, format!("the client did not answer: {reason}"), None);
    let InputRequest::Elicitation(request) = request else { return Err(failed("it cannot be asked this".into())) };
    let asked = context.peer.create_elicitation_with_timeout(request.params, Some(PATIENCE));
    let answer = tokio::select! {
        answer = asked => answer.map_err(|reason| failed(reason.to_string()))?,
        () = context.ct.cancelled() => return Err(error(Code::Cancelled, "called off by the client", None)),
    };
    serde_json::to_value(answer).map_err(|reason| failed(reason.to_string()))
}

//! Agents as tools: the call is a message, the result is its reply.

use super::{Front, Visit, answer, attachments, follow::Following, said, session::Log};
use crate::routes;
use caxton_exchange::{Draft, ReplyHandle};
use caxton_mcp::{
    rmcp::{
        RoleServer,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, InputRequiredResult, Tool, ToolAnnotations,
        },
        service::RequestContext,
    },
    server::{Progress, error},
};
use caxton_store::{AgentEntry, Workspace};
use caxton_types::{Address, AgentName, Code, ConversationId, Message, MessageId, Party, Performative, Seq, Timestamp};
use serde_json::{Map, Value, json};
use std::{fmt::Write as _, sync::Arc, time::Duration};

const PREFIX: &str = "ask_";
/// How long a client is kept waiting for a reply. The turn goes on after that, and the conversation can be taken up.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// An agent as a tool.
pub(super) fn tool(agent: &AgentEntry) -> Tool {
    let mut described = agent.description.as_deref().map_or_else(|| format!("Asks the agent {}.", agent.display_name), str::to_owned);
    if !agent.capabilities.is_empty() {
        let labels: Vec<_> = agent.capabilities.iter().map(|capability| capability.label.as_str()).collect();
        let _ = write!(described, "\nIt offers: {}.", labels.join(", "));
    }
    let schema = json!({
        "type": "object",
        "properties": {
            "message": {"type": "string", "description": "What the agent is asked"},
            "conversation": {"type": "string", "description": "The conversation to go on with, from an earlier reply"},
            "attachments": attachments::schema(),
        },
        "required": ["message"],
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "reply": {"description": "The reply as data"},
            "performative": {"type": "string"},
            "conversation": {"type": "string"},
            "message": {"type": "string", "description": "The message that was sent"},
            "usage": {"type": "object"},
            "cost": {"type": "object"},
        },
        "required": ["conversation", "message"],
    });
    let object = |value: Value| Arc::new(value.as_object().cloned().unwrap_or_default());
    // What an agent does is up to its tools: nothing is promised.
    Tool::new(format!("{PREFIX}{}", agent.name), described, object(schema))
        .with_title(&*agent.display_name)
        .with_raw_output_schema(object(output))
        .with_annotations(ToolAnnotations::new().read_only(false).open_world(true))
}

/// The agent that a tool of this name asks.
pub(super) async fn agent_of(front: &Front, name: &str) -> Result<Option<AgentName>, ErrorData> {
    let Some(agent) = name.strip_prefix(PREFIX).and_then(|name| name.parse::<AgentName>().ok()) else { return Ok(None) };
    let Some(workspace) = front.workspace()? else { return Ok(None) };
    Ok(workspace.agent(&agent).await.map_err(said)?.map(|row| row.name))
}

/// A message that waits for its reply.
pub(super) struct Question {
    pub(super) workspace: Workspace,
    pub(super) message: MessageId,
    pub(super) conversation: ConversationId,
    asked_at: Timestamp,
    /// What happened before it is not its concern.
    pub(super) since: Seq,
    reply: Option<ReplyHandle>,
}

/// How waiting for a reply ended.
pub(super) enum Waited {
    Replied(Arc<Message>),
    /// The client has to ask somebody and then repeats its request.
    Asks(Box<InputRequiredResult>),
    /// Nothing came; the turn goes on.
    TooLong,
    Stopping,
}

pub(super) async fn ask(
    front: &Front,
    visit: Visit,
    agent: AgentName,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let mut question = match &request.request_state {
        Some(state) => taken_up(front, &visit, state).await?,
        None => sent(front, &visit, &agent, request.arguments.unwrap_or_default()).await?,
    };
    let reply = question.reply.take();
    let log = Log::new(front, &context, agent.to_string());
    let following = Following::new(front, &visit, &question, &context, Progress::of(&context), log, request.input_responses);
    let waiting = tokio::time::timeout(WAIT_MAX, following.until(reply));
    let waited = tokio::select! {
        waited = waiting => waited.unwrap_or(Ok(Waited::TooLong))?,
        () = front.app.life.closing().cancelled() => Waited::Stopping,
        () = context.ct.cancelled() => {
            following.call_off();
            return Err(error(Code::Cancelled, "called off by the client", None));
        }
    };
    match waited {
        Waited::Replied(reply) => Ok(replied(&question, &reply).await?.into()),
        Waited::Asks(asks) => Ok((*asks).into()),
        Waited::TooLong => Ok(later(&question, "there is no reply yet; the agent goes on working")),
        Waited::Stopping => Ok(later(&question, "the server stops; the agent goes on when it is back")),
    }
}

async fn sent(front: &Front, visit: &Visit, agent: &AgentName, arguments: Map<String, Value>) -> Result<Question, ErrorData> {
    let wrong = |why: &str| error(Code::Invalid, why, None);
    if let Some(unknown) = arguments.keys().find(|name| !["message", "conversation", "attachments"].contains(&name.as_str())) {
        return Err(wrong(&format!("there is no argument `{unknown}`")));
    }
    let text = arguments.get("message").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| wrong("`message` must be a text that says something"))?;
    let conversation = match arguments.get("conversation") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let id = id.as_str().and_then(|id| id.parse::<ConversationId>().ok());
            Some(id.ok_or_else(|| wrong("`conversation` must be one that an earlier reply named"))?)
        }
    };
    let workspace = front.app.workspace(&visit.caller).map_err(said)?;
    let attachments = attachments::keep(&workspace, arguments.get("attachments")).await?;
    let since = workspace.last();
    let mut draft = Draft::request(Address::Agent(agent.clone()), text);
    draft.conversation = conversation;
    draft.attachments = attachments;
    draft.trace = Some(visit.trace);
    let (workspace, sent, asked_at) = routes::submit(&front.app, &visit.caller, draft).await.map_err(said)?;
    Ok(Question { workspace, message: sent.message, conversation: sent.conversation, asked_at, since, reply: Some(sent.reply) })
}

/// A question that the same caller asked before, and whose client has asked somebody meanwhile.
async fn taken_up(front: &Front, visit: &Visit, state: &str) -> Result<Question, ErrorData> {
    let unknown = || error(Code::Invalid, "`requestState` is not one that this server gave", Some("send the request again without it"));
    let message: MessageId = state.parse().map_err(|_| unknown())?;
    let workspace = front.app.workspace(&visit.caller).map_err(said)?;
    let stored = workspace.message(message).await.map_err(said)?.ok_or_else(unknown)?;
    if stored.message.sender != Party::Client(visit.caller.who.clone()) {
        return Err(unknown());
    }
    let (conversation, asked_at) = (stored.message.conversation, stored.message.sent_at);
    Ok(Question { workspace, message, conversation, asked_at, since: stored.seq, reply: None })
}

async fn replied(question: &Question, reply: &Message) -> Result<CallToolResult, ErrorData> {
    let view = routes::reply(&question.workspace, question.message, question.asked_at, reply).await.map_err(said)?;
    let mut content = vec![ContentBlock::text(reply.text())];
    content.extend(answer::files(&question.workspace, &reply.attachments).await?);
    let answered = matches!(reply.performative, Performative::Inform | Performative::Agree | Performative::Propose | Performative::Confirm);
    let mut result = if answered { CallToolResult::success(content) } else { CallToolResult::error(content) };
    let mut told = named(question);
    told.insert("reply".into(), view.content);
    told.insert("performative".into(), json!(view.performative));
    let known = [("usage", view.usage.map(|usage| json!(usage))), ("cost", view.cost.map(|cost| json!(cost)))];
    told.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    result.structured_content = Some(Value::Object(told));
    Ok(result)
}

fn named(question: &Question) -> Map<String, Value> {
    Map::from_iter([
        ("conversation".to_owned(), json!(question.conversation.to_string())),
        ("message".to_owned(), json!(question.message.to_string())),
    ])
}

fn later(question: &Question, why: &str) -> CallToolResponse {
    let hint = format!("{why}. Its reply will be the answer to {} in {}.", question.message, question.conversation);
    let mut result = answer::failed(hint);
    result.structured_content = Some(Value::Object(named(question)));
    result.into()
}

//! Gathers what a turn begins with: the agent's revision, its tools, the attachments and what was said before; and restores it from the
//! journal for a turn that goes on.

use crate::{Error, Runtime, past::Past};
use bytes::Bytes;
use caxton_exchange::Delivery;
use caxton_store::{AgentRow, Workspace};
use caxton_tools::Tools;
use caxton_types::{
    AgentName, AgentSpec, AttachmentView, Begin, ChatMessage, Digest, Message, MessageId, Party, Pinned, Seq, ToolDefinition, TurnId,
    WorkspaceName, canonical_json,
};
use std::{io::Read as _, path::Path, sync::Arc};

/// The most earlier messages of a conversation that a turn is told.
const HISTORY_MAX: usize = 20;
/// The longest beginning of an attachment that a model is shown.
const HEAD_LEN_MAX: usize = 2048;

/// An agent as a turn is pinned to it.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) name: AgentName,
    pub(crate) revision: u32,
    pub(crate) spec: Arc<AgentSpec>,
    pub(crate) spec_digest: Digest,
    pub(crate) tools: Arc<[ToolDefinition]>,
    pub(crate) tools_digest: Digest,
    /// The canonical JSON of the tools: a blob that the turn's beginning names.
    pub(crate) tools_json: Bytes,
}

impl Cast {
    /// The agent with the tools that its file allows and that are there.
    pub(crate) fn new(row: &AgentRow, workspace: &WorkspaceName, tools: &Tools) -> Self {
        let tools = tools.of_agent(workspace, &row.spec).tools;
        Self::of(row.name.clone(), row.revision, (row.spec_digest, row.spec.clone()), tools.into())
    }

    fn of(name: AgentName, revision: u32, (spec_digest, spec): (Digest, Arc<AgentSpec>), tools: Arc<[ToolDefinition]>) -> Self {
        let json = serde_json::to_value(&tools).map_or_else(|_| "[]".into(), |value| canonical_json(&value));
        Self { name, revision, spec, spec_digest, tools, tools_digest: Digest::of(json.as_bytes()), tools_json: json.into() }
    }
}

/// Everything that the turn is pinned to.
pub(crate) async fn gather(delivery: &Delivery, cast: &Cast, turn: TurnId) -> Result<(Begin, Pinned), Error> {
    let workspace = &delivery.workspace;
    let told = if delivery.opens { vec![] } else { earlier(workspace, &delivery.message).await? };
    let pinned = Pinned { tools: cast.tools_digest, history: told.iter().map(|message| message.id).collect(), now: caxton_store::now() };
    let begin = Begin {
        turn,
        agent: cast.spec.clone(),
        message: delivery.message.clone(),
        history: history(told, &cast.name),
        tools: cast.tools.clone(),
        attachments: attachments(workspace, &delivery.message).await?,
        now: pinned.now,
    };
    Ok((begin, pinned))
}

/// What an open or ended turn began with, read from the journal.
pub(crate) async fn restore(runtime: &Runtime, workspace: &Workspace, past: &Past) -> Result<(Begin, Arc<Cast>), Error> {
    let gone = |what: &'static str| Error::Gone { turn: past.turn, what };
    let pinned = past.pinned.as_ref().ok_or_else(|| gone("what it began with"))?;
    let cast = cast(runtime, workspace, past, pinned).await?;
    let message = message(workspace, past.message).await?.ok_or_else(|| gone("the message that it answers"))?;
    let mut told = Vec::with_capacity(pinned.history.len());
    for id in &pinned.history {
        told.push(self::message(workspace, *id).await?.ok_or_else(|| gone("an earlier message that it was told"))?);
    }
    let begin = Begin {
        turn: past.turn,
        agent: cast.spec.clone(),
        history: history(told, &cast.name),
        tools: cast.tools.clone(),
        attachments: attachments(workspace, &message).await?,
        message: Arc::new(message),
        now: pinned.now,
    };
    Ok((begin, cast))
}

async fn message(workspace: &Workspace, id: MessageId) -> Result<Option<Message>, Error> {
    Ok(workspace.message(id).await?.map(|stored| stored.message))
}

/// The agent's revision and its tools by their digests, from memory where another turn was pinned to the same.
async fn cast(runtime: &Runtime, workspace: &Workspace, past: &Past, pinned: &Pinned) -> Result<Arc<Cast>, Error> {
    let key = (past.spec, pinned.tools);
    if let Some(known) = runtime.pinned(&key) {
        return Ok(known);
    }
    let gone = |what: &'static str| Error::Gone { turn: past.turn, what };
    let spec = workspace.blob(past.spec).await?.ok_or_else(|| gone("the revision of its agent"))?;
    let tools = workspace.blob(pinned.tools).await?.ok_or_else(|| gone("the definitions of its tools"))?;
    let spec = serde_json::from_slice(&spec).map_err(Error::Unreadable)?;
    let tools = serde_json::from_slice::<Vec<ToolDefinition>>(&tools).map_err(Error::Unreadable)?;
    let cast = Arc::new(Cast::of(past.agent.clone(), past.revision, (past.spec, Arc::new(spec)), tools.into()));
    runtime.pin(key, &cast);
    Ok(cast)
}

/// What was said before in the conversation.
async fn earlier(workspace: &Workspace, message: &Message) -> Result<Vec<Message>, Error> {
    let mut said = workspace.messages(message.conversation, Seq(0), 1000).await?;
    said.retain(|stored| stored.message.id != message.id);
    if said.len() > HISTORY_MAX {
        said.drain(..said.len() - HISTORY_MAX);
    }
    Ok(said.into_iter().map(|stored| stored.message).collect())
}

/// The same from the agent's point of view.
fn history(told: Vec<Message>, agent: &AgentName) -> Vec<ChatMessage> {
    let entry = |message: Message| {
        let text = message.text().into_owned();
        match message.sender {
            Party::Agent(name) if name == *agent => ChatMessage::Assistant { text, tool_calls: vec![] },
            Party::Agent(name) => ChatMessage::User { text: format!("{name}: {text}") },
            Party::Client(_) => ChatMessage::User { text },
        }
    };
    told.into_iter().map(entry).collect()
}

async fn attachments(workspace: &Workspace, message: &Message) -> Result<Vec<AttachmentView>, Error> {
    let mut views = Vec::with_capacity(message.attachments.len());
    for attachment in &message.attachments {
        let file = workspace.blob_file(attachment.digest).await?;
        let head = match file {
            Some(path) if is_text(&attachment.media_type, &attachment.name) => {
                tokio::task::spawn_blocking(move || head(&path)).await.ok().flatten()
            }
            _ => None,
        };
        views.push(AttachmentView {
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            size: attachment.size,
            digest: attachment.digest,
            head,
        });
    }
    Ok(views)
}

pub(crate) fn is_text(media_type: &str, name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    media_type.starts_with("text/")
        || media_type.contains("json")
        || media_type.contains("xml")
        || ["csv", "tsv", "txt", "md", "json", "toml", "yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The whole lines at the beginning of a file, as far as they are text.
pub(crate) fn head(path: &Path) -> Option<String> {
    let mut bytes = Vec::with_capacity(HEAD_LEN_MAX);
    std::fs::File::open(path).ok()?.take(HEAD_LEN_MAX as u64).read_to_end(&mut bytes).ok()?;
    let whole = bytes.len() < HEAD_LEN_MAX;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            // A character cut at the bound is no reason to call a file binary.
            if valid + 4 < bytes.len() {
                return None;
            }
            String::from_utf8(bytes.get(..valid)?.to_vec()).ok()?
        }
    };
    match text.rfind('\n') {
        Some(end) if !whole => text.get(..=end).map(Into::into),
        _ => Some(text),
    }
}

//! Gathers what a turn begins with: the agent's revision, its tools, the attachments and what was said before.

use crate::{Error, Runtime};
use caxton_exchange::Delivery;
use caxton_store::{AgentRow, Workspace};
use caxton_types::{AttachmentView, Begin, ChatMessage, Message, Party, Seq, TurnId};
use std::{io::Read as _, path::Path};

/// The most earlier messages of a conversation that a turn is told.
const HISTORY_MAX: usize = 20;
/// The longest beginning of an attachment that a model is shown.
const HEAD_LEN_MAX: usize = 2048;

/// Everything that the turn is pinned to.
pub(crate) async fn gather(runtime: &Runtime, delivery: &Delivery, agent: &AgentRow, turn: TurnId) -> Result<Begin, Error> {
    let workspace = &delivery.workspace;
    let tools = runtime.tools().of_agent(workspace.name(), &agent.spec).tools;
    let history = if delivery.opens { vec![] } else { history(workspace, &delivery.message, agent).await? };
    let attachments = attachments(workspace, &delivery.message).await?;
    Ok(Begin {
        turn,
        agent: agent.spec.clone(),
        message: delivery.message.clone(),
        history,
        tools: tools.into(),
        attachments,
        now: caxton_store::now(),
    })
}

/// What was said before in the conversation, from the agent's point of view.
async fn history(workspace: &Workspace, message: &Message, agent: &AgentRow) -> Result<Vec<ChatMessage>, Error> {
    let mut said = workspace.messages(message.conversation, Seq(0), 1000).await?;
    said.retain(|stored| stored.message.id != message.id);
    if said.len() > HISTORY_MAX {
        said.drain(..said.len() - HISTORY_MAX);
    }
    let entry = |stored: caxton_store::StoredMessage| {
        let text = stored.message.text().into_owned();
        match stored.message.sender {
            Party::Agent(name) if name == agent.name => ChatMessage::Assistant { text, tool_calls: vec![] },
            Party::Agent(name) => ChatMessage::User { text: format!("{name}: {text}") },
            Party::Client(_) => ChatMessage::User { text },
        }
    };
    Ok(said.into_iter().map(entry).collect())
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

fn is_text(media_type: &str, name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    media_type.starts_with("text/")
        || media_type.contains("json")
        || media_type.contains("xml")
        || ["csv", "tsv", "txt", "md", "json", "toml", "yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The whole lines at the beginning of a file, as far as they are text.
fn head(path: &Path) -> Option<String> {
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

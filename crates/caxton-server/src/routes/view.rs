//! Rows of the store and findings in files, as the wire shows them.

use crate::edge::Fail;
use caxton_api::{
    AgentSummary, CapabilityView, ConversationState, ConversationView, DeploymentView, Diagnostic, FileView, MessageState, MessageView,
    Severity,
};
use caxton_config::Diagnostics;
use caxton_store::{AgentEntry, AgentRow, ConversationRow, DeploymentRow, FileRow, StoredMessage};

pub(super) fn message(stored: StoredMessage) -> MessageView {
    let state = match stored.state {
        caxton_store::MessageState::Queued => MessageState::Queued,
        caxton_store::MessageState::InTurn => MessageState::InTurn,
        caxton_store::MessageState::Done => MessageState::Done,
        caxton_store::MessageState::Dead => MessageState::Dead,
    };
    MessageView::new(stored.message, stored.to, stored.seq.0, state)
}

pub(super) fn conversation(row: ConversationRow) -> ConversationView {
    ConversationView {
        id: row.id,
        protocol: row.protocol.map(Into::into),
        initiator: row.initiator,
        participants: row.participants,
        state: match row.state {
            caxton_store::ConversationState::InProgress => ConversationState::InProgress,
            caxton_store::ConversationState::Completed => ConversationState::Completed,
            caxton_store::ConversationState::Failed => ConversationState::Failed,
        },
        messages: row.messages,
        opened_at: row.opened_at,
        last_at: row.last_at,
        trace_id: row.trace.trace_id(),
    }
}

pub(super) fn entry(row: &AgentEntry) -> AgentSummary {
    AgentSummary {
        name: row.name.clone(),
        display_name: row.display_name.to_string(),
        version: row.version.to_string(),
        description: row.description.as_deref().map(Into::into),
        capabilities: row.capabilities.iter().map(CapabilityView::new).collect(),
        tools: row.tools.iter().map(ToString::to_string).collect(),
        revision: row.revision,
        deployed_at: row.at,
    }
}

pub(super) fn agent(row: &AgentRow) -> AgentSummary {
    AgentSummary::new(&row.spec, row.revision, row.at)
}

pub(super) fn file(row: FileRow) -> FileView {
    FileView { path: row.path.into(), digest: row.digest, size: row.size, version: row.version }
}

pub(super) fn deployment(row: DeploymentRow) -> DeploymentView {
    DeploymentView {
        id: row.deployment,
        version: row.version,
        at: row.at,
        by: row.caller.into(),
        git: row.git.map(Into::into),
        added: row.files.added,
        modified: row.files.modified,
        unchanged: row.files.unchanged,
        removed: row.files.removed,
        agents: row.agents,
        took_ms: row.took_ms,
        granted: Vec::new(),
        warnings: Vec::new(),
    }
}

pub(super) fn diagnostic(found: &caxton_config::Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: match found.severity {
            caxton_config::Severity::Error => Severity::Error,
            caxton_config::Severity::Warning => Severity::Warning,
        },
        message: found.message.clone(),
        file: found.file.as_deref().or(found.key.as_deref()).map(Into::into),
        line: found.position.map(|position| position.line),
        column: found.position.map(|position| position.column),
        hint: found.help.clone(),
        rendered: Some(found.to_string()),
    }
}

/// A refusal that lists what was found.
pub(crate) fn diagnostics(what: &str, problems: &Diagnostics) -> Fail {
    let first = problems.iter().next();
    let count = problems.iter().count() + problems.omitted();
    let detail = match first {
        Some(only) if count == 1 => format!("{what}: {}", only.message),
        Some(_) | None => format!("{what}: {count} problems"),
    };
    let fail = Fail::invalid(detail).errors(problems.iter().map(diagnostic).collect());
    match first.and_then(|first| first.help.clone()) {
        Some(help) => fail.hint(help),
        None => fail,
    }
}

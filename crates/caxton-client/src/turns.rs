//! Turns, and the decisions that they ask people for.

use crate::{Client, Error};
use caxton_api::{
    Answer, ApprovalState, ApprovalView, Because, Delegation, ForkTurn, ForkView, ReplayView, TurnDetail, TurnState, TurnSummary,
};
use caxton_types::{AgentName, ApprovalId, ConversationId, TurnId};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

/// Which turns are wanted.
#[derive(Debug, Clone, Default)]
pub struct TurnFilter {
    /// Only open ones, or only ended ones.
    pub state: Option<TurnState>,
    /// Only turns of this agent.
    pub agent: Option<AgentName>,
    /// Only turns of this conversation.
    pub conversation: Option<ConversationId>,
}

/// Which decisions are wanted.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Only those that are open, were decided, or are not needed any more.
    pub state: Option<ApprovalState>,
    /// Only what this agent asks for.
    pub agent: Option<AgentName>,
    /// Only what was delegated to this person.
    pub delegate: Option<String>,
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only those of this turn.
    pub turn: Option<TurnId>,
}

/// The pairs of a query that are given.
fn given<const N: usize>(pairs: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The name of a state on the wire.
fn named(state: Option<impl Serialize>) -> Option<String> {
    state.and_then(|state| serde_json::to_value(state).ok()?.as_str().map(ToOwned::to_owned))
}

impl Client {
    /// Lists turns, the one that began last first, page by page up to `limit`.
    pub async fn turns(&self, filter: &TurnFilter, limit: usize) -> Result<Vec<TurnSummary>, Error> {
        let agent = filter.agent.as_ref().map(ToString::to_string);
        let conversation = filter.conversation.map(|id| id.to_string());
        let query = given([("state", named(filter.state)), ("agent", agent), ("conversation", conversation)]);
        self.pages("turns", query, limit).await
    }

    /// Reads a turn with its steps.
    pub async fn turn(&self, id: TurnId) -> Result<TurnDetail, Error> {
        self.fetch(self.at(Method::GET, &["turns", &id.to_string()])).await
    }

    /// Calls an open turn off.
    pub async fn cancel_turn(&self, id: TurnId, reason: Option<String>) -> Result<TurnSummary, Error> {
        self.post(["turns", &id.to_string(), "cancel"], &Because { reason }).await
    }

    /// Tries an ended turn again.
    pub async fn retry_turn(&self, id: TurnId) -> Result<ForkView, Error> {
        self.fetch(self.at(Method::POST, &["turns", &id.to_string(), "retry"])).await
    }

    /// Runs a turn again from its record, with nobody outside.
    pub async fn replay_turn(&self, id: TurnId) -> Result<ReplayView, Error> {
        self.fetch(self.at(Method::POST, &["turns", &id.to_string(), "replay"])).await
    }

    /// Reads an ended turn as a cassette: the text of the file.
    pub async fn turn_cassette(&self, id: TurnId) -> Result<String, Error> {
        self.text(self.at(Method::GET, &["turns", &id.to_string(), "cassette"])).await
    }

    /// Reads the ended turns of a conversation as a cassette: the text of the file.
    pub async fn conversation_cassette(&self, id: ConversationId) -> Result<String, Error> {
        self.text(self.at(Method::GET, &["conversations", &id.to_string(), "cassette"])).await
    }

    /// Begins a new conversation that shares a turn's past.
    pub async fn fork_turn(&self, id: TurnId, fork: &ForkTurn) -> Result<ForkView, Error> {
        self.post(["turns", &id.to_string(), "fork"], fork).await
    }

    /// Lists decisions that turns ask for, the one asked for last first, page by page up to `limit`.
    pub async fn approvals(&self, filter: &ApprovalFilter, limit: usize) -> Result<Vec<ApprovalView>, Error> {
        let query = given([
            ("state", named(filter.state)),
            ("agent", filter.agent.as_ref().map(ToString::to_string)),
            ("delegate", filter.delegate.clone()),
            ("conversation", filter.conversation.map(|id| id.to_string())),
            ("turn", filter.turn.map(|id| id.to_string())),
        ]);
        self.pages("approvals", query, limit).await
    }

    /// Reads one decision: what would be executed, for whom, until when.
    pub async fn approval(&self, id: ApprovalId) -> Result<ApprovalView, Error> {
        self.fetch(self.at(Method::GET, &["approvals", &id.to_string()])).await
    }

    /// Approves a call: exactly what is recorded is executed.
    pub async fn approve(&self, id: ApprovalId, reason: Option<String>) -> Result<ApprovalView, Error> {
        self.post(["approvals", &id.to_string(), "approve"], &Because { reason }).await
    }

    /// Denies a call or a question.
    pub async fn deny(&self, id: ApprovalId, reason: Option<String>) -> Result<ApprovalView, Error> {
        self.post(["approvals", &id.to_string(), "deny"], &Because { reason }).await
    }

    /// Answers a question.
    pub async fn answer(&self, id: ApprovalId, text: String, reason: Option<String>) -> Result<ApprovalView, Error> {
        self.post(["approvals", &id.to_string(), "answer"], &Answer { text, reason }).await
    }

    /// Gives a decision to somebody else.
    pub async fn delegate(&self, id: ApprovalId, to: String, reason: Option<String>) -> Result<ApprovalView, Error> {
        self.post(["approvals", &id.to_string(), "delegate"], &Delegation { to, reason }).await
    }

    async fn post<T: DeserializeOwned>(&self, segments: [&str; 3], body: &impl Serialize) -> Result<T, Error> {
        self.fetch(self.at(Method::POST, &segments).json(body)).await
    }
}

//! Decisions that turns ask people for, on the wire.

use crate::{FailoverView, schema};
use caxton_types::{AgentName, ApprovalId, ApprovalKind, ConversationId, Decision, Digest, Elicitation, Ruling, Timestamp, TurnId, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits for a decision.
    Open,
    /// It was decided.
    Decided,
    /// Its step or its turn was over before anybody decided.
    Withdrawn,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RulingView {
    /// Do it.
    Approved,
    /// Do not do it.
    Denied,
    /// A question was answered.
    Answered,
    /// Nobody decided in time.
    Expired,
}

impl RulingView {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Answered => "answered",
            Self::Expired => "expired",
        }
    }
}

/// A decision, with who took it, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
    /// What was decided.
    pub ruling: RulingView,
    /// The answer to a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub answer: Option<String>,
    /// Who decided.
    pub by: String,
    /// Why, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        let Decision { ruling, by, reason, at } = decision;
        let (ruling, answer) = match ruling {
            Ruling::Approved => (RulingView::Approved, None),
            Ruling::Denied => (RulingView::Denied, None),
            Ruling::Answered(text) => (RulingView::Answered, Some(text)),
            Ruling::Expired => (RulingView::Expired, None),
        };
        Self { ruling, answer, by: by.into(), reason: reason.map(Into::into), at }
    }
}

/// A decision that a person is or was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Names it.
    #[schema(value_type = schema::ApprovalId)]
    pub id: ApprovalId,
    /// How it stands.
    pub state: ApprovalState,
    /// What kind of decision: may this `call` be made, may it be made again (`repeat`), may the next provider of the model's
    /// chain be asked (`failover`), a `question` to answer in words, or an `elicitation`: what an MCP server asks in the middle of a call.
    #[schema(value_type = schema::ApprovalKind)]
    pub kind: ApprovalKind,
    /// The agent that asks.
    #[schema(value_type = schema::AgentName)]
    pub agent: AgentName,
    /// The conversation of its turn.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// The turn that asks.
    #[schema(value_type = schema::TurnId)]
    pub turn: TurnId,
    /// The step that waits.
    pub step: u32,
    /// The tool that would be called, as `server/tool`; absent where its record is not kept any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tool: Option<String>,
    /// The arguments of the call. In a listing, large ones are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, nullable = false)]
    pub arguments: Option<Value>,
    /// What an MCP server asks in the middle of the call, where it is an `elicitation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub elicitation: Option<ElicitationView>,
    /// The provider of the model that failed, and the next one, where it is a `failover`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failover: Option<FailoverView>,
    /// The digest of the recorded intent, or of the server's question: nothing else is done in the name of this decision.
    #[schema(value_type = schema::Digest)]
    pub subject: Digest,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// When nobody is waited for any longer.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whose decision it is, where it was delegated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delegate: Option<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision: Option<DecisionView>,
}

/// What an MCP server asks in the middle of a call: to fill in a form, or to visit a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ElicitationView {
    /// The server, by its name here.
    pub server: String,
    /// The question.
    pub message: String,
    /// JSON Schema of the form. The answer is an object of it as JSON, or the plain value of its only field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, nullable = false)]
    pub form: Option<Value>,
    /// The page to visit. Approving says that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub url: Option<String>,
}

impl From<Elicitation> for ElicitationView {
    fn from(Elicitation { server, message, wanted }: Elicitation) -> Self {
        let (form, url) = match wanted {
            Wanted::Form(form) => (Some(form), None),
            Wanted::Visit(url) => (None, Some(url)),
        };
        Self { server: server.into(), message, form, url }
    }
}

impl From<ElicitationView> for Elicitation {
    fn from(ElicitationView { server, message, form, url }: ElicitationView) -> Self {
        let wanted = url.map_or_else(|| Wanted::Form(form.unwrap_or_default()), Wanted::Visit);
        Self { server: server.into(), message, wanted }
    }
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The answer: words, or what fits the form of an MCP server.
    #[schema(value_type = schema::AnswerText)]
    pub text: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Reason>)]
    pub reason: Option<String>,
}

/// Whose decision it is from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Whose.
    #[schema(value_type = schema::Person)]
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Reason>)]
    pub reason: Option<String>,
}

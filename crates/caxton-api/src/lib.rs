//! The REST wire: what requests and responses look like, with the schemas that the API description is made of.
//!
//! Invariant: a request carries only values that are checked already; whatever cannot be a domain value fails while it is read.
#![warn(missing_docs)]

mod agent;
mod approval;
mod blob;
mod budget;
mod config;
mod conversation;
mod deploy;
mod event;
mod gc;
mod health;
mod mcp;
mod message;
mod page;
mod problem;
pub mod schema;
mod status;
mod tool;
mod turn;
mod whole;

pub use self::{
    agent::{AgentDetail, AgentPut, AgentSummary, CapabilityView, ToolView},
    approval::{Answer, ApprovalState, ApprovalView, DecisionView, Delegation, ElicitationView, RulingView},
    blob::{Blob, BlobRef},
    budget::{BudgetReport, BudgetView, CapsView, CostReport, CostRow, MoneyView, SpendView, StandingView},
    config::{ConfigChange, ConfigSet, ConfigView},
    conversation::{ConversationState, ConversationView},
    deploy::{ChangeView, DeployRequest, DeployResponse, DeploymentView, FileEntry, GitView, GrantedView},
    event::{ActorView, DeltaView, EventView, GapView},
    gc::{GcView, GcWorkspaceView},
    health::{ComponentHealth, Health, HealthStatus, Ready},
    mcp::{AcceptTools, BreakerView, LeftOutView, McpAboutView, McpServerState, McpServerView, ToolsAccepted},
    message::{AttachmentRef, FailoverView, MessageAccepted, MessageState, MessageView, ReplyView, SendMessage, UsageView},
    page::Page,
    problem::{Diagnostic, Problem, Severity},
    status::{FileView, WorkspaceStatus},
    tool::{
        CallTool, FirstSeen, ToolCalled, ToolDetail, ToolErrorCount, ToolErrorView, ToolKind, ToolLimits, ToolState, ToolStatsView,
        ToolSummary,
    },
    turn::{
        Because, DifferenceView, ForkTurn, ForkView, MismatchView, OriginView, PlannedStep, ReplayView, StepApproval, StepState, StepView,
        TurnDetail, TurnFailure, TurnSpend, TurnState, TurnSummary, WaitView,
    },
};

/// Names of headers that are ours, or that the API gives a meaning of its own.
pub mod header {
    /// Names a request in logs and problems; echoed where the client sends one.
    pub const REQUEST_ID: &str = "x-request-id";
    /// The W3C trace context of a request and of its response.
    pub const TRACEPARENT: &str = "traceparent";
    /// The message that an invocation sent.
    pub const MESSAGE: &str = "x-caxton-message";
    /// The conversation that an invocation belongs to.
    pub const CONVERSATION: &str = "x-caxton-conversation";
    /// What the answer to an invocation is: `inform`, `refuse` or `failure`.
    pub const PERFORMATIVE: &str = "x-caxton-performative";
    /// The sender's key under which a second sending is the same message.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// `wait=N` asks to wait for the reply.
    pub const PREFER: &str = "prefer";
    /// The seq of the last event that a follower has seen.
    pub const LAST_EVENT_ID: &str = "last-event-id";
}

//! The words of Caxton: ids, names, units, messages, turns, facts and errors.
//!
//! Invariant: nothing here does I/O or reads a clock or a random number; time and entropy come in as arguments.
#![warn(missing_docs)]

mod agent;
mod approval;
mod breaker;
mod budget;
mod built_in;
mod caller;
mod canonical;
mod code;
mod digest;
mod durability;
mod elicitation;
pub mod error;
mod fact;
mod id;
mod memory;
mod message;
mod model;
mod money;
mod name;
mod performative;
mod permissions;
mod suggest;
mod template;
mod time;
mod tool;
mod tool_server;
mod trace;
mod turn;
pub mod unit;
mod words;

pub use self::{
    agent::{AgentSpec, Capability, MemorySpec, ModelSpec, Prompts, TurnLimits},
    approval::{ApprovalKind, ApprovalRule, Decision, Execution, Ruling, ToolPolicy},
    breaker::{Admitted, Breaker, BreakerChange, BreakerOptions, BreakerState, CallVerdict, Permit, Rejected},
    budget::{AgentBudget, BudgetCaps, BudgetKey, BudgetScope, Caps, Exceeded, InvalidBudgetWord, Ledger, Quantity, Spend, Standing},
    built_in::{BUILT_IN, built_in_server, is_built_in},
    caller::{Action, Actor, Caller, CallerKind, Grants},
    canonical::{canonical_json, canonical_len_max},
    code::{Code, Fault},
    digest::{Digest, InvalidDigest},
    durability::Durability,
    elicitation::{Elicitation, Field, Wanted},
    fact::{
        AgentRevision, DeployedFile, Event, Fact, FileChange, GitState, JOURNAL_VERSION, Metering, NewEvent, Payload, Pinned, Route, Seq,
        TurnOrigin, WaitOn,
    },
    id::{ApprovalId, BlobId, ConversationId, DeploymentId, InvalidId, MessageId, TurnId},
    memory::{Observation, Recall, Recollection, Scope},
    message::{Address, Attachment, InvalidAddress, Message, MessageType, Party},
    model::{AttachmentView, ChatMessage, Failover, FallbackMode, ModelReply, ModelRequest, ModelSettings, StopReason, TokenUsage},
    money::{InvalidMoney, Money, Price},
    name::{AgentName, CapabilityLabel, InvalidName, ToolId, ToolRef, Topic, WorkspaceName},
    performative::{InvalidPerformative, Performative},
    permissions::{Access, DirectoryGrant, EnvGrant, EnvSource, FileGrant, HostRule, MemoryGrant, Permissions, Scheme, ToolGrant},
    suggest::nearest,
    template::{InvalidTemplate, Template},
    time::{Day, InvalidDay, InvalidTimestamp, Timestamp},
    tool::{ToolAnnotations, ToolCall, ToolDefinition, ToolResult},
    tool_server::{Draining, Failed, Loaded, Running, ToolServer, Unloaded},
    trace::{InvalidTrace, TraceContext},
    turn::{Begin, Effect, Failure, Input, Intent, Outcome, Reply, StepId, TurnEnd},
    words::{one_line, printable, revealed},
};

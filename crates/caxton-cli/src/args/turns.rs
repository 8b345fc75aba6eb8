//! Commands about turns: what they did, what they ask people, running them again.

use super::ids::{ApprovalRef, OutcomeOf, Since, Target, TurnRef};
use caxton_types::{AgentName, ConversationId, StepId, unit::Period};
use clap::{ArgGroup, Args, Subcommand};
use std::path::PathBuf;

/// `caxton turns …`
#[derive(Debug, Subcommand)]
pub(crate) enum TurnsCommand {
    /// Lists turns, the one that began last first
    #[command(after_help = "Examples:\n  caxton turns list --open\n  caxton turns list --agent analyzer --limit 5 --json")]
    List(TurnsList),
    /// Shows a turn: its steps, what they wait for, how they ended
    #[command(after_help = "Examples:\n  caxton turns show trn_01k6z3q5x7e8r9t0v2w4y6z8a4")]
    Show {
        /// The turn
        #[arg(value_name = "TURN")]
        turn: TurnRef,
    },
    /// Calls an open turn off
    #[command(after_help = "Examples:\n  caxton turns cancel trn_01k6z3q5x7e8r9t0v2w4y6z8a4 --reason \"asked twice\"\n\n\
                      What it has under way is given up. Whoever asked gets a failure with the reason.")]
    Cancel {
        /// The turn
        #[arg(value_name = "TURN")]
        turn: TurnRef,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Tries a turn again that did not complete
    #[command(after_help = "Examples:\n  caxton turns retry trn_01k6z3q5x7e8r9t0v2w4y6z8a4 --wait 30s\n\n\
                      What it had achieved stays, what failed is done anew. The answer goes into the same conversation. Where the agent\n\
                      was deployed anew since then, it starts from the beginning.")]
    Retry {
        /// The turn
        #[arg(value_name = "TURN")]
        turn: TurnRef,
        /// Wait so long for the answer and print it [default: print the new turn and go]
        #[arg(long, value_name = "TIME")]
        wait: Option<Period>,
    },
}

/// `caxton turns list`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("state").args(["open", "ended"])))]
pub(crate) struct TurnsList {
    /// Only turns that have not ended
    #[arg(long)]
    pub(crate) open: bool,
    /// Only turns that are over
    #[arg(long)]
    pub(crate) ended: bool,
    /// Only turns of this agent
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<AgentName>,
    /// Only turns of this conversation
    #[arg(long, value_name = "ID")]
    pub(crate) conversation: Option<ConversationId>,
    /// How many to list
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: u32,
}

/// `caxton approvals …`
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Lists what waits for a person's decision
    #[command(after_help = "Examples:\n  caxton approvals list\n  caxton approvals list --all --agent analyzer\n  \
                      caxton approvals list --mine ada@example.org")]
    List(ApprovalsList),
    /// Shows what would be executed, for whom, until when
    #[command(after_help = "Examples:\n  caxton approvals show apr_01k6z3q5x7e8r9t0v2w4y6z8a5")]
    Show {
        /// The approval
        #[arg(value_name = "ID")]
        id: ApprovalRef,
    },
    /// Approves calls: exactly what is recorded is executed
    #[command(after_help = "Examples:\n  caxton approvals approve apr_01k6z3q5x7e8r9t0v2w4y6z8a5 --reason \"confirmed by phone\"\n\n\
                      Of several ids each is decided on its own; the exit code tells whether all of them could be.")]
    Approve(Decide),
    /// Denies calls or questions: nothing is executed, and the agent learns why
    #[command(after_help = "Examples:\n  caxton approvals deny apr_01k6z3q5x7e8r9t0v2w4y6z8a5 --reason \"wrong account\"")]
    Deny(Decide),
    /// Answers a question of an agent, or of an MCP server in the middle of a call
    #[command(after_help = "Examples:\n  caxton approvals answer apr_01k6z3q5x7e8r9t0v2w4y6z8a5 \"Take the second one.\"\n  \
                      caxton approvals answer apr_01k6z3q5x7e8r9t0v2w4y6z8a5 '{\"name\": \"Ada\", \"seats\": 2}'")]
    Answer {
        /// The question
        #[arg(value_name = "ID")]
        id: ApprovalRef,
        /// The answer; `-` reads standard input
        #[arg(value_name = "TEXT")]
        text: String,
    },
    /// Gives a decision to somebody else
    #[command(after_help = "Examples:\n  caxton approvals delegate apr_01k6z3q5x7e8r9t0v2w4y6z8a5 --to ada@example.org")]
    Delegate {
        /// The approval
        #[arg(value_name = "ID")]
        id: ApprovalRef,
        /// Whose it is from now on
        #[arg(long, value_name = "WHO")]
        to: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// `caxton approvals list`
#[derive(Debug, Args)]
pub(crate) struct ApprovalsList {
    /// Also those that were decided or are not needed any more
    #[arg(long)]
    pub(crate) all: bool,
    /// Only what this agent asks for
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<AgentName>,
    /// Only what was delegated to this person
    #[arg(long, value_name = "WHO")]
    pub(crate) mine: Option<String>,
    /// How many to list
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100)]
    pub(crate) limit: u32,
}

/// `caxton approvals approve`, `caxton approvals deny`
#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// What is decided
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<ApprovalRef>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// `caxton replay`
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").args(["target", "conversation_id", "cassette"]).required(true)),
    group(ArgGroup::new("change").args(["fork_at", "model", "prompt", "set_outcome"]).multiple(true)),
    after_help = "Examples:\n  caxton replay trn_01k6z3q5x7e8r9t0v2w4y6z8a4\n  \
                  caxton replay --conversation-id cnv_01k6z3q5x7e8r9t0v2w4y6z8a1 --from 2026-03-01T08:00:00Z\n  \
                  caxton replay trn_01k6z3q5x7e8r9t0v2w4y6z8a4 --fork-at 2 --model mcp://openai/chat --dry-run\n  \
                  caxton replay trn_01k6z3q5x7e8r9t0v2w4y6z8a4 --set-outcome 3=result.txt\n  \
                  caxton replay --cassette story.json\n\n\
                  Without a fork nobody outside is asked: each step gets its recorded outcome. Equal turns end with exit code 0, the first\n\
                  difference of a turn is shown and ends with 1. A fork is a new conversation that shares the past up to a step and goes\n\
                  live from there; `caxton turns show TURN` lists the steps."
)]
pub(crate) struct Replay {
    /// A turn, a conversation, or `last` for the newest conversation
    #[arg(value_name = "TURN|CONVERSATION")]
    pub(crate) target: Option<Target>,
    /// The conversation whose turns are replayed
    #[arg(long, value_name = "ID")]
    pub(crate) conversation_id: Option<ConversationId>,
    /// Replay this file instead, without a server; `caxton cassette export` writes one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "change", "dry_run"])]
    pub(crate) cassette: Option<PathBuf>,
    /// Only turns that began at this time or later, or from this turn on
    #[arg(long, value_name = "TIME|TURN", conflicts_with = "change")]
    pub(crate) from: Option<Since>,
    /// Share the past up to this step and go another way from there
    #[arg(long, value_name = "STEP", value_parser = super::ids::step)]
    pub(crate) fork_at: Option<StepId>,
    /// Fork with another model
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Fork with another system prompt
    #[arg(long, value_name = "FILE")]
    pub(crate) prompt: Option<PathBuf>,
    /// Fork with another outcome of a shared step: a text, or JSON with `outcome`; repeatable
    #[arg(long, value_name = "STEP=FILE")]
    pub(crate) set_outcome: Vec<OutcomeOf>,
    /// Only tell what a fork would do
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to wait for the answer of a fork
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub(crate) timeout: Period,
}

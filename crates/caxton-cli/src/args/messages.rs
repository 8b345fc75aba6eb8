//! Commands about messages and conversations.

use caxton_types::{Address, ConversationId, InvalidId, Performative, unit::Period};
use clap::{ArgGroup, Args, Subcommand};
use std::{path::PathBuf, str::FromStr};

/// `caxton ask`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton ask analyzer \"What is the mean of the column latitude?\" --attach zones.csv\n  \
                  caxton ask capability:data-analysis \"How many rows are there?\" --attach zones.csv --stream\n  \
                  git diff | caxton ask reviewer\n\n\
                  The answer goes to standard output, everything else to standard error. A refusal or a failure of the agent\n\
                  ends with an exit code other than 0.")]
pub(crate) struct Ask {
    /// Name of the agent, or `capability:TEXT` for whoever can do it
    #[arg(value_name = "TARGET")]
    pub(crate) target: Address,
    /// What to ask; `-` or nothing reads standard input
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// File to send along; repeatable
    #[arg(long, short, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Directory into which files that come with the answer are written
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    /// Print the answer while it is written
    #[arg(long)]
    pub(crate) stream: bool,
    /// Conversation to continue [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) conversation: Option<ConversationId>,
    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub(crate) timeout: Period,
}

/// `caxton message …`
#[derive(Debug, Subcommand)]
pub(crate) enum MessageCommand {
    /// Sends one message
    Send(Box<Send>),
}

/// `caxton message send`
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").args(["content", "content_json"]).required(true)),
    after_help = "Examples:\n  caxton message send --to analyzer --content \"How many rows?\" --attach zones.csv --wait 30s\n  \
                  caxton message send --to agent:orders --performative inform --content-json '{\"order\": 17}'"
)]
pub(crate) struct Send {
    /// Where it goes: `agent:NAME`, `capability:TEXT` or the name of an agent
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Address,
    /// What it says, as text
    #[arg(long, value_name = "TEXT")]
    pub(crate) content: Option<String>,
    /// What it says, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) content_json: Option<String>,
    /// What it does, such as `request`, `inform` or `query_ref`
    #[arg(long, value_name = "NAME", default_value = "request")]
    pub(crate) performative: Performative,
    /// Conversation it belongs to [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) conversation: Option<ConversationId>,
    /// What the answer should quote
    #[arg(long, value_name = "KEY")]
    pub(crate) reply_with: Option<String>,
    /// What it answers
    #[arg(long, value_name = "KEY")]
    pub(crate) in_reply_to: Option<String>,
    /// Vocabulary of the content
    #[arg(long, value_name = "NAME")]
    pub(crate) ontology: Option<String>,
    /// Language of the content
    #[arg(long, value_name = "NAME")]
    pub(crate) language: Option<String>,
    /// Interaction protocol of the conversation
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// File to send along; repeatable
    #[arg(long, short, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Key under which a second sending is the same message
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Wait so long for the reply and print it [default: print the ids and go]
    #[arg(long, value_name = "TIME")]
    pub(crate) wait: Option<Period>,
}

/// `caxton trace`
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("form").args(["lines", "tree"])),
    after_help = "Examples:\n  caxton trace --conversation-id last\n  \
                  caxton trace --conversation-id cnv_01k6z3q5x7e8r9t0v2w4y6z8a1 --last 5m --lines\n\n\
                  A terminal gets the tree, a pipe gets lines; --json prints the events themselves. Times are UTC."
)]
pub(crate) struct Trace {
    /// The conversation, or `last` for the newest
    #[arg(long, value_name = "ID")]
    pub(crate) conversation_id: Which,
    /// Only what happened in the last while, such as `5m`
    #[arg(long, value_name = "TIME")]
    pub(crate) last: Option<Period>,
    /// One line for each thing that happened
    #[arg(long)]
    pub(crate) lines: bool,
    /// A tree of messages, turns and steps
    #[arg(long)]
    pub(crate) tree: bool,
}

/// Which conversation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest of the workspace.
    Last,
    /// This one.
    Id(ConversationId),
}

impl FromStr for Which {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == "last" { Ok(Self::Last) } else { text.parse().map(Self::Id) }
    }
}

/// `caxton conversation …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConversationCommand {
    /// Lists conversations, newest first
    List {
        /// How many to list
        #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
        limit: u32,
    },
    /// Shows the messages of a conversation
    Show {
        /// The conversation
        #[arg(value_name = "ID")]
        id: ConversationId,
    },
}

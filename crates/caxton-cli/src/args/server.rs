//! Commands about the server itself.

use caxton_types::{BudgetScope, ConversationId, Quantity};
use clap::{Args, Subcommand};
use std::{net::IpAddr, path::PathBuf};

/// `caxton serve`, `caxton server start`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton serve\n  caxton serve --port 9000 --data-dir /srv/caxton\n  \
                  caxton serve --config caxton.yaml --dry-run\n\n\
                  Without a configuration it listens on 127.0.0.1:8080. Ctrl-C stops it in good order, a second one at once.")]
pub(crate) struct Serve {
    /// Port to listen on; 0 takes a free one
    #[arg(long, short, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<IpAddr>,
    /// Folder for everything that is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Check the configuration and what the start needs, then stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `caxton server …`
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Starts the server; same as `caxton serve`
    Start(Serve),
}

/// `caxton config …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows the configuration, or one part of it
    #[command(after_help = "Examples:\n  caxton config get server.port\n  caxton --set server.port=9001 config get server --origin")]
    Get {
        /// Key or section, such as `server` or `server.port` [default: everything]
        #[arg(value_name = "KEY")]
        key: Option<String>,
        /// Also show where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Changes a value of the running server
    #[command(after_help = "Examples:\n  caxton config set observability.logging.level=debug")]
    Set {
        /// The key and its new value
        #[arg(value_name = "KEY=VALUE")]
        assignment: String,
    },
    /// Checks a configuration file
    #[command(after_help = "Examples:\n  caxton config validate --file caxton.yaml\n  caxton config validate caxton.yaml")]
    Validate {
        /// The file [default: the one that the server would read]
        #[arg(long, short, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The file, short
        #[arg(value_name = "FILE", conflicts_with = "file", hide = true)]
        path: Option<PathBuf>,
    },
}

/// `caxton budget …`
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Shows caps, what is used and left of them today, and what was spent
    #[command(after_help = "Examples:\n  caxton budget show\n  caxton budget show --agent analyzer --days 30")]
    Show {
        /// Also the budget of this agent
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
        /// Also the budget of this conversation
        #[arg(long, value_name = "ID")]
        conversation: Option<ConversationId>,
        /// Days of the report, up to today (UTC)
        #[arg(long, value_name = "NUMBER", default_value = "7", value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Sets or lifts one cap of the running server, for every workspace
    #[command(after_help = "Examples:\n  caxton budget set conversation tokens 500000\n  caxton budget set workspace-day money 5.00\n  \
                            caxton budget set message wall_time none\n\n\
                            SCOPE is message, conversation, agent-day or workspace-day; KEY is tokens, money, tool_calls, steps\n\
                            or wall_time. Days are those of UTC. An agent's own caps stand in its file, under `[budget]`.")]
    Set {
        /// Whose budget
        #[arg(value_name = "SCOPE")]
        scope: BudgetScope,
        /// What it bounds
        #[arg(value_name = "KEY")]
        key: Quantity,
        /// The most of it, or `none`
        #[arg(value_name = "VALUE")]
        value: String,
    },
}

/// `caxton gc`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton gc --plan\n  caxton gc --apply\n\n\
                        How long things are kept stands in the configuration (`retention`). Decisions, deployments, what is remembered \
                        and whatever an open turn needs is never removed.")]
pub(crate) struct Gc {
    /// Only tell what would be removed (the default)
    #[arg(long, conflicts_with = "apply")]
    pub(crate) plan: bool,
    /// Remove it
    #[arg(long)]
    pub(crate) apply: bool,
}

/// `caxton doctor`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton doctor\n  caxton doctor --full --json\n  caxton doctor --config caxton.yaml\n\n\
                        Looks at the configuration, the data directory, the databases and what they name, the sandbox and the machine, \
                        whether the server runs or not, and changes nothing. Exits with 1 where something failed.")]
pub(crate) struct Doctor {
    /// Folder of everything that is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Compare every index with its table and every file of content with its name; reads everything
    #[arg(long)]
    pub(crate) full: bool,
}

/// `caxton demo`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton demo\n  caxton demo --keep\n\n\
                        Needs no key and no network, works in a temporary folder and leaves nothing behind.")]
pub(crate) struct Demo {
    /// Leave the server running and the folder in place until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
}

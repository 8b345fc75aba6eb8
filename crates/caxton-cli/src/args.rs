//! What can be typed: the tree of commands with their flags.

mod agents;
mod ids;
mod mcp;
mod messages;
mod selftest;
mod server;
mod suite;
mod tools;
mod turns;
mod workspaces;

use caxton_types::WorkspaceName;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

pub(crate) use self::{
    agents::{AgentCommand, AgentCreate, TemplateCommand},
    ids::{Since, Target},
    mcp::McpCommand,
    messages::{Ask, ConversationCommand, MessageCommand, Send, Trace, Which},
    selftest::SelftestCommand,
    server::{BudgetCommand, ConfigCommand, Demo, Doctor, Gc, Serve, ServerCommand},
    suite::{CassetteCommand, Export, Test},
    tools::{Import, ToolCall, ToolCommand},
    turns::{ApprovalsCommand, ApprovalsList, Decide, Replay, TurnsCommand, TurnsList},
    workspaces::{Build, Deploy, Init, Log, Status},
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "caxton",
    bin_name = "caxton",
    version,
    about = "An application server for AI agents",
    long_about = "An application server for AI agents: agents are TOML files, tools run in a sandbox, and a journal tells how \
                  every answer came to be.",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false
)]
pub(crate) struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags that every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Address of the server
    #[arg(long, global = true, value_name = "URL", env = "CAXTON_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// Workspace on the server [default: the name in caxton.toml, else `default`]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) workspace: Option<WorkspaceName>,
    /// Configuration file of the server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One value of the configuration; ranks above file and environment; repeatable
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Environment, such as `production`: adds `config-<NAME>` on top of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Profile of the configuration
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print the result only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print without colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// Every command. The groups of the help text stand in `help.rs`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows all of it in a minute: an agent answers questions about a real data set
    Demo(Demo),
    /// Makes a workspace, or an agent or a tool from a template
    Init(Init),
    /// Starts the server
    Serve(Serve),
    /// Starts the server (long form)
    Server {
        /// What the server should do.
        #[command(subcommand)]
        command: ServerCommand,
    },
    /// Makes a tool's component of its sources: Rust, C, JavaScript, Python or Go
    Build(Build),
    /// Sends the workspace to the server
    Deploy(Deploy),
    /// Shows what differs from the last deployment, also offline
    Status(Status),
    /// Shows the history of deployments
    Log(Log),
    /// Asks an agent and prints its answer
    Ask(Ask),
    /// Sends messages with all they can carry
    Message {
        /// What to do with messages.
        #[command(subcommand)]
        command: MessageCommand,
    },
    /// Shows what happened in a conversation, step by step
    Trace(Trace),
    /// Runs the tests of the workspace, without a server
    Test(Test),
    /// Writes recordings of turns
    Cassette {
        /// What to do with recordings.
        #[command(subcommand)]
        command: CassetteCommand,
    },
    /// Lists conversations and their messages
    Conversation {
        /// What to do with conversations.
        #[command(subcommand)]
        command: ConversationCommand,
    },
    /// Lists turns, shows what they did, calls them off, tries them again
    Turns {
        /// What to do with turns.
        #[command(subcommand)]
        command: TurnsCommand,
    },
    /// Decides what agents ask people: the inbox
    Approvals {
        /// What to do with approvals.
        #[command(subcommand)]
        command: ApprovalsCommand,
    },
    /// Runs turns again from their record, or forks one
    Replay(Box<Replay>),
    /// Creates, lists, shows and checks agents
    Agent {
        /// What to do with agents.
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// Lists, shows, calls and tests tools
    Tool {
        /// What to do with tools.
        #[command(subcommand)]
        command: ToolCommand,
    },
    /// Lists the templates for agents and tools
    Template {
        /// What to do with templates.
        #[command(subcommand)]
        command: TemplateCommand,
    },
    /// Shows, changes and checks the configuration of the server
    Config {
        /// What to do with the configuration.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Shows and sets what work may cost
    Budget {
        /// What to do with budgets.
        #[command(subcommand)]
        command: BudgetCommand,
    },
    /// Offers the workspace over the Model Context Protocol
    Mcp {
        /// What to do with the protocol.
        #[command(subcommand)]
        command: McpCommand,
    },
    /// Tries on this machine what is trusted on every machine
    Selftest {
        /// What to try.
        #[command(subcommand)]
        command: SelftestCommand,
    },
    /// Removes what was kept for long enough, or tells what that is
    Gc(Gc),
    /// Tells whether the server is well
    Health,
    /// Looks whether everything is in order, and says what to do where it is not
    Doctor(Doctor),
}

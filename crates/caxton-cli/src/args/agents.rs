//! Commands about agents and their templates.

use caxton_types::CapabilityLabel;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `caxton agent …`
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Creates an agent from a template
    Create(AgentCreate),
    /// Lists the agents that are deployed
    List,
    /// Shows an agent as the server holds it
    Inspect {
        /// Name of the agent
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Checks agents on disk: all of the workspace, or those given
    #[command(after_help = "Examples:\n  caxton agent validate\n  caxton agent validate agents/analyzer/agent.toml")]
    Validate {
        /// Files of agents, or folders with an `agent.toml` [default: the workspace]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

/// `caxton agent create`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton agent create analyzer --template data-analyzer\n  \
                  caxton agent create orders --template task-automator --capability order-processing\n\n\
                  Same as `caxton init NAME --template TEMPLATE`. `caxton template list` shows the templates.")]
pub(crate) struct AgentCreate {
    /// Name of the agent
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Template to make it from
    #[arg(long, short, value_name = "TEMPLATE")]
    pub(crate) template: String,
    /// Capability that it offers [default: the template's]
    #[arg(long, short, value_name = "LABEL")]
    pub(crate) capability: Option<CapabilityLabel>,
}

/// `caxton template …`
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Lists the templates with what they are for
    List,
}

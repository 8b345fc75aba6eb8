//! Commands about the Model Context Protocol.

use clap::{Args, Subcommand};

/// `caxton mcp …`
#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Offers the workspace to a program that starts its MCP servers itself
    Serve(McpServe),
}

/// `caxton mcp serve`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  caxton mcp serve --stdio\n  caxton mcp serve --stdio --workspace sales --server http://127.0.0.1:8080\n\n\
                  A program that speaks HTTP needs no command: the running server offers each workspace at `/mcp/WORKSPACE`."
)]
pub(crate) struct McpServe {
    /// Speak over standard input and output
    #[arg(long, required = true)]
    pub(crate) stdio: bool,
}

//! Commands about tools.

use caxton_types::Digest;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `caxton tool …`
#[derive(Debug, Subcommand)]
pub(crate) enum ToolCommand {
    /// Lists the tools of the workspace: what they may touch, and what became of their calls
    #[command(after_help = "Examples:\n  caxton tool list\n  caxton tool list --json")]
    List,
    /// Shows a tool: its arguments, how it is handled, what it is granted, how its calls went
    #[command(after_help = "Examples:\n  caxton tool inspect http_client\n  caxton tool inspect csv-stats/stats --json")]
    Inspect {
        /// The tool: `server/tool`, or one of the two where that says enough
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Accepts tools of somebody else's MCP server that changed
    #[command(after_help = "Examples:\n  caxton tool accept tickets/search\n  caxton tool accept tickets\n\n\
                      What was first seen of such a tool is pinned. One that its server has changed since is marked by `caxton tool\n\
                      list`, and not called where `changed_tools` of the server is `refuse`. `caxton tool inspect` shows what\n\
                      changed; this command pins it as it is now.")]
    Accept {
        /// The server for all its tools, or `server/tool` for one
        #[arg(value_name = "SERVER[/TOOL]")]
        name: String,
        /// Accept only what is still defined so, as `caxton tool inspect` showed it
        #[arg(long, value_name = "DIGEST")]
        digest: Option<Digest>,
    },
    /// Calls a tool and prints what it gives
    Call(ToolCall),
    /// Runs the tests of tools, without a server
    #[command(after_help = "Examples:\n  caxton tool test\n  caxton tool test csv-stats\n\n\
                      Runs every case of tools/NAME/tests/*.toml: each says what a tool is called with, and what it must give.\n\
                      Tools run in their sandbox; what they may touch beyond their own directory is not granted here.\n\
                      Exit code: 0 where every case passes, 1 where one fails, 2 where a file is wrong.")]
    Test {
        /// The tool's directory below `tools/` [default: every tool with tests]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Takes over the MCP servers of another client
    Import(Import),
}

/// `caxton tool call`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  caxton tool call csv-stats/stats --args '{\"file\": \"zones.csv\", \"operation\": \"mean\", \"column\": \"latitude\"}' \
                  --attach zones.csv\n  \
                  caxton tool call http_client --args @request.json --json\n\n\
                  The call is checked and bounded like an agent's, and the journal keeps it. An error that the tool itself\n\
                  reports ends with exit code 1."
)]
pub(crate) struct ToolCall {
    /// The tool: `server/tool`, or one of the two where that says enough
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Its arguments as JSON; `@FILE` reads them from a file, `@-` from standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) args: String,
    /// File that it may read; repeatable
    #[arg(long, short, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Agree to the call, where the tool needs somebody's approval
    #[arg(long)]
    pub(crate) approve: bool,
    /// Folder for the files that the tool makes [default: they are named, and stay on the server]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// `caxton tool import`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton tool import ~/.cursor/mcp.json --print\n  caxton tool import .vscode/mcp.json\n\n\
                  It reads what Claude Desktop, Cursor and VS Code write. Secrets are not copied: it tells where to put them.")]
pub(crate) struct Import {
    /// The file, such as mcp.json
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print what the configuration is to have, and change nothing
    #[arg(long)]
    pub(crate) print: bool,
}

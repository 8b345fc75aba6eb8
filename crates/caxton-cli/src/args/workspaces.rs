//! Commands about a workspace: make it, send it, compare it.

use crate::build::Language;
use caxton_types::CapabilityLabel;
use clap::Args;
use std::path::PathBuf;

/// `caxton init`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton init my-workspace\n  cd my-workspace && caxton init analyzer --template data-analyzer\n  \
                  caxton init word-count --template tool-python\n\n\
                  Without --template it makes a workspace: a git repository with caxton.toml, agents/, tools/ and tests/.\n\
                  With --template it makes an agent or a tool: in agents/NAME/ or tools/NAME/ inside a workspace, in NAME/ elsewhere.\n\
                  It never writes over a file.")]
pub(crate) struct Init {
    /// Name of the workspace, agent or tool; also the name of its folder
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Make an agent or a tool from this template; `caxton template list` shows them
    #[arg(long, short, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// Capability that the agent offers [default: the template's]
    #[arg(long, short, value_name = "LABEL", requires = "template")]
    pub(crate) capability: Option<CapabilityLabel>,
}

/// `caxton deploy`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton deploy\n  caxton deploy ../my-workspace --json\n\n\
                  Only changed files travel. The server checks the whole workspace and takes all of it or nothing.")]
pub(crate) struct Deploy {
    /// Folder of the workspace [default: the one you are in]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `caxton status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton status\n  caxton status --json\n\n\
                  Works offline: it compares with the last deployment from this folder. Where the server answers, it compares\n\
                  with what the server holds. Whether the server is well: `caxton health`.")]
pub(crate) struct Status {
    /// Folder of the workspace [default: the one you are in]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `caxton log`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton log\n  caxton log --limit 3 --json\n\nWhat agents did is shown by `caxton trace`.")]
pub(crate) struct Log {
    /// How many deployments to show, newest first
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: u32,
}

/// `caxton build`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton build tools/hello\n  caxton build --language rust --output hello.wasm\n  \
                  caxton build tools/hello -- --features more\n\n\
                  The language is recognised from the files: Cargo.toml, tool.c, tool.js or tool.ts, tool.py, go.mod.\n\
                  It runs the toolchain of the language, makes a component of what that leaves, and loads it as the server\n\
                  would; what the server would refuse is not written. A toolchain that is missing ends it with exit code 10\n\
                  and the way to get it. How a tool is written: docs/sdk.md.")]
pub(crate) struct Build {
    /// Folder of the tool's sources [default: the one you are in]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Language of the sources [default: recognised from the files]
    #[arg(long, short, value_enum, value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,
    /// File to write [default: tool.wasm beside the sources]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Further arguments for the compiler
    #[arg(last = true, value_name = "ARG")]
    pub(crate) compiler_args: Vec<String>,
}

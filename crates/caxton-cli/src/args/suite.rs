//! Commands about tests of a workspace and recordings.

use super::Target;
use clap::{Args, Subcommand};
use std::{num::NonZeroUsize, path::PathBuf};

/// `caxton test`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton test\n  caxton test --suite integration --junit report.xml\n  \
                  caxton test agents/analyzer/tests/basic.toml --filter rows\n  caxton test --record --filter \"the whole story\"\n\n\
                  Runs every case of tests/*.toml and agents/NAME/tests/*.toml in parallel, without a server,\n\
                  a key or a network: a script, a cassette or the offline provider answers for the model.\n\
                  Exit code: 0 where every case passes, 1 where one fails, 2 where a file is wrong.\n\
                  How a file is written: docs/testing.md.")]
pub(crate) struct Test {
    /// Workspace, or a folder or file of tests in it [default: the workspace you are in]
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Run the files of this suite only
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// Run the cases only whose file or name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    #[arg(long, value_name = "FILE", help = "Also write the results here, as JUnit XML")]
    pub(crate) junit: Option<PathBuf>,
    /// Ask the configured models and record the cassettes of these cases again
    #[arg(long)]
    pub(crate) record: bool,
    /// How many cases run at the same time [default: one for each core]
    #[arg(long, short, value_name = "COUNT")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// `caxton cassette …`
#[derive(Debug, Subcommand)]
pub(crate) enum CassetteCommand {
    /// Writes what happened in a conversation or a turn to a file that can be run again anywhere
    Export(Export),
}

/// `caxton cassette export`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  caxton cassette export cnv_01k6z3q5x7e8r9t0v2w4y6z8a1 --output story.json\n  \
                  caxton cassette export trn_01k6z3q5x7e8r9t0v2w4y6z8a1 --redact \"Ada Lovelace\"\n\n\
                  Keys and tokens are replaced by placeholders: those that the server knows, and what looks\n\
                  like one. Names, addresses and the like are not: --redact takes them out.")]
pub(crate) struct Export {
    /// The conversation or the turn; `last` for the newest conversation
    #[arg(value_name = "CONVERSATION|TURN")]
    pub(crate) what: Target,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A further text to replace, of at least 8 bytes; repeatable
    #[arg(long, value_name = "TEXT")]
    pub(crate) redact: Vec<String>,
}

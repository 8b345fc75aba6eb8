//! Our benches, in one program: it is linked once, and each bench has a process of its own.
//!
//! `caxton-bench NAME [PREFIX]` runs one bench and prints a JSON object for each row whose id begins with the prefix;
//! `cargo xtask bench` runs them all and shows their table. Any other line is a remark.

mod floor;
#[path = "../../crates/caxton-sandbox/tests/it/guest.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "it belongs to the sandbox's tests, which use more of it")]
mod guest;
mod journal;
mod languages;
mod mcp;
mod measure;
mod neighbours;
mod registry;
mod sandbox;
mod server;
mod sqlite;
mod tools;
mod turns;

use std::{
    env,
    io::{self, Write as _},
};

use serde_json::Value;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Bench = fn(&Rows) -> Result<(), Failure>;

const BENCHES: [(&str, Bench); 9] = [
    ("turns", turns::run),
    ("journal", journal::run),
    ("sandbox", sandbox::run),
    ("neighbours", neighbours::run),
    ("tools", tools::run),
    ("languages", languages::run),
    ("mcp", mcp::run),
    ("registry", registry::run),
    ("server", server::run),
];

/// What a bench starts beside itself.
const PEERS: [(&str, Bench); 3] =
    [(mcp::STDIO, mcp::serve_stdio), (mcp::HTTP, mcp::serve_http), (registry::HOLD, registry::hold_registered)];

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let (name, prefix) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let Some((_, bench)) = BENCHES.iter().chain(&PEERS).find(|(known, _)| *known == name) else {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(format!("no bench is called `{name}`: there are {}", known.join(", ")).into());
    };
    bench(&Rows { prefix })
}

/// The rows that are wanted.
struct Rows {
    prefix: String,
}

impl Rows {
    /// Whether to measure for this row.
    fn wants(&self, id: &str) -> bool {
        id.starts_with(&self.prefix)
    }

    /// Prints one, unless another was asked for.
    fn print(&self, row: &Value) -> Result<(), Failure> {
        if row.get("id").and_then(Value::as_str).is_some_and(|id| self.wants(id)) {
            writeln!(io::stdout(), "{row}")?;
        }
        Ok(())
    }

    /// Says something that is no row.
    fn remark(line: &str) -> Result<(), Failure> {
        Ok(writeln!(io::stdout(), "{line}")?)
    }
}

//! What many agents cost: `exchange.*` rows.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on must stop, its rows go to stdout, and its figures are small"
)]

use crate::{Failure, Rows, measure::resident_kib};
use caxton_exchange::{Exchange, Options};
use caxton_store::{Batch, Store, Workspace, ids};
use caxton_types::{AgentRevision, AgentSpec, Caller, Digest, Fact, NewEvent, WorkspaceName, canonical_json};
use serde_json::json;
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const AGENTS: u32 = 100_000;
const TIME: &str = "exchange.register_100k";
const MEMORY: &str = "exchange.agent_rss";
/// The process whose memory is measured, and the variable that tells it the data directory.
pub(crate) const HOLD: &str = "registry-hold";
const MEASURED: &str = "CAXTON_BENCH_DATA_DIR";

/// An agent as they are: what it is for, two capabilities with the words that ask for them, a prompt.
fn agent(number: u32) -> AgentSpec {
    let spec = json!({
        "name": format!("agent-{number:06}"), "display_name": format!("Agent {number}"), "version": "1.0.0",
        "description": "Answers questions about one kind of table",
        "capabilities": [
            {"label": format!("analysis-{}", number % 1000), "phrases": ["analyze data", "summarize a table"]},
            {"label": format!("report-{}", number % 1000), "phrases": []}
        ],
        "prompts": {"system": "You answer questions about tables. You compute with your tools and never guess. ".repeat(4)}
    });
    serde_json::from_value(spec).expect("the agent is well-formed")
}

/// One deployment of all of them.
fn deployment() -> Batch {
    let (mut agents, mut blobs) = (Vec::new(), Vec::new());
    for number in 0..AGENTS {
        let spec = agent(number);
        let json = canonical_json(&serde_json::to_value(&spec).expect("a spec is JSON"));
        let digest = Digest::of(json.as_bytes());
        agents.push(AgentRevision { name: spec.name, revision: 1, spec: digest });
        blobs.push((digest, json.into_bytes().into()));
    }
    let fact = Fact::Deployed { deployment: ids::deployment(), version: 1, git: None, files: vec![], agents, took_ms: 0 };
    let caller = Caller::system(WorkspaceName::default()).actor();
    let event = NewEvent { caller, trace: ids::trace(), conversation: None, agent: None, turn: None, step: None, fact };
    Batch { blobs, ..Batch::of(vec![event]) }
}

fn open(dir: &Path) -> (Store, Workspace, Exchange) {
    let store = Store::open(caxton_store::Options::new(dir)).expect("the store opens");
    let workspace = store.workspace(&WorkspaceName::default()).expect("the workspace opens");
    let (exchange, _) = Exchange::new(store.clone(), Options::default());
    (store, workspace, exchange)
}

/// Seconds until a deployment is in the journal at `full`, until its agents are in the registry, until all of them are listed.
async fn register(dir: &Path) -> [f64; 3] {
    let (store, workspace, exchange) = open(dir);
    let batch = deployment();
    let began = Instant::now();
    workspace.commit(batch).await.expect("the deployment is recorded");
    let recorded = began.elapsed();
    exchange.reload(&workspace).await.expect("the agents are registered");
    let registered = began.elapsed();
    let listed = workspace.agents().await.expect("the agents are listed").len();
    let took = began.elapsed();
    assert_eq!((exchange.registry(workspace.name()).len(), listed), (AGENTS as usize, AGENTS as usize));
    store.close().await.expect("the store closes");
    [recorded, registered, took].map(|time| time.as_secs_f64())
}

/// What a fresh process holds once the agents are registered, less what it held before: printed in KiB.
async fn hold(dir: &Path) {
    let (store, workspace, exchange) = open(dir);
    let before = resident_kib().expect("the system tells");
    exchange.reload(&workspace).await.expect("the agents are registered");
    let after = resident_kib().expect("the system tells");
    assert_eq!(exchange.registry(workspace.name()).len(), AGENTS as usize);
    println!("{}", after.saturating_sub(before));
    store.close().await.expect("the store closes");
}

fn held_per_agent(dir: &Path) -> f64 {
    let mut process = Command::new(env::current_exe().expect("this program"));
    let output = process.arg(HOLD).env(MEASURED, dir).stderr(Stdio::inherit()).output().expect("it runs once more");
    let kib: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("it prints a figure");
    kib * 1024.0 / f64::from(AGENTS)
}

pub(crate) fn hold_registered(_: &Rows) -> Result<(), Failure> {
    let dir = env::var_os(MEASURED).ok_or("no data directory is named")?;
    tokio::runtime::Runtime::new()?.block_on(hold(Path::new(&dir)));
    Ok(())
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    if ![TIME, MEMORY].iter().any(|id| rows.wants(id)) {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [recorded, registered, took] = runtime.block_on(register(dir.path()));
    rows.print(&json!({
        "id": TIME, "what": "100 000 agents deployed, registered and listed", "unit": "s", "better": "lower",
        "ours": took, "goal": 2.0, "met": took <= 2.0, "durability": "full",
        "note": format!("one deployment: in the journal and projected after {recorded:.2} s, in the registry after {registered:.2} s, then listed")
    }))?;
    let held = held_per_agent(dir.path());
    rows.print(&json!({
        "id": MEMORY, "what": "memory per registered agent", "unit": "B", "better": "lower",
        "ours": held, "goal": 2048.0, "met": held <= 2048.0,
        "note": "growth of the resident set of a fresh process that registers 100 000 agents"
    }))
}

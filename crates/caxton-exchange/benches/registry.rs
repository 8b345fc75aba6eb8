//! What many agents cost: `exchange.*` rows, one JSON object per line.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on must stop, its rows go to stdout, and its figures are small"
)]

use caxton_exchange::{Exchange, Options};
use caxton_store::{Batch, Store, Workspace, ids};
use caxton_types::{AgentRevision, AgentSpec, Caller, Digest, Fact, NewEvent, WorkspaceName, canonical_json};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const AGENTS: u32 = 100_000;
const TIME: &str = "exchange.register_100k";
const MEMORY: &str = "exchange.agent_rss";
/// Under this name of a data directory the bench is the process whose memory is measured.
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
    let before = resident_kib();
    exchange.reload(&workspace).await.expect("the agents are registered");
    let after = resident_kib();
    assert_eq!(exchange.registry(workspace.name()).len(), AGENTS as usize);
    println!("{}", after.saturating_sub(before));
    store.close().await.expect("the store closes");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells what a process holds");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("among other things");
    line.trim().trim_end_matches(" kB").parse().expect("in KiB")
}

fn held_per_agent(dir: &Path) -> f64 {
    let mut process = Command::new(env::current_exe().expect("this program"));
    let output = process.env(MEASURED, dir).stderr(Stdio::inherit()).output().expect("it runs once more");
    let kib: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("it prints a figure");
    kib * 1024.0 / f64::from(AGENTS)
}

fn row(row: Value) {
    println!("{row}");
}

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(dir) = env::var_os(MEASURED) {
        return runtime.block_on(hold(Path::new(&dir)));
    }
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    if ![TIME, MEMORY].iter().any(|id| id.starts_with(&wanted)) {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [recorded, registered, took] = runtime.block_on(register(dir.path()));
    row(json!({
        "id": TIME, "what": "100 000 agents deployed, registered and listed", "unit": "s", "better": "lower",
        "ours": took, "goal": 2.0, "met": took <= 2.0, "durability": "full",
        "note": format!("one deployment: in the journal and projected after {recorded:.2} s, in the registry after {registered:.2} s, then listed")
    }));
    let held = held_per_agent(dir.path());
    row(json!({
        "id": MEMORY, "what": "memory per registered agent", "unit": "B", "better": "lower",
        "ours": held, "goal": 2048.0, "met": held <= 2048.0,
        "note": "growth of the resident set of a fresh process that registers 100 000 agents"
    }));
}

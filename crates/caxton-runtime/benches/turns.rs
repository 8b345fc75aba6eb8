//! What a turn costs besides its model and its tools: `turns.*` rows, one JSON object per line.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that cannot go on must stop, and its rows go to stdout"
)]

use async_trait::async_trait;
use caxton_exchange::{Draft, Exchange};
use caxton_llm::{DeltaSink, Models, Options as ModelOptions, Provider};
use caxton_runtime::{Options, Runtime};
use caxton_sandbox::Sandbox;
use caxton_store::{Batch, Store, ids};
use caxton_tools::Tools;
use caxton_types::{
    AgentRevision, AgentSpec, Caller, Digest, Durability, Fact, ModelReply, ModelRequest, NewEvent, StopReason, TokenUsage, ToolCall,
    WorkspaceName, canonical_json,
};
use serde_json::json;
use std::{sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

/// Tool calls of one turn; with their model calls and the last one, a turn has twice as many steps and two more (one is its end).
const ROUNDS: usize = 10;
const STEPS: f64 = 22.0;
const TURNS: usize = 300;
const WARM_UP: usize = 50;

/// Calls a tool for so many rounds, then answers. The call is refused by the tool's own check, so no I/O is measured.
struct Script;

#[async_trait]
impl Provider for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn ask(&self, request: &ModelRequest, model: &str, _: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        let round = request.dialogue.len() / 2;
        let call = || ToolCall {
            call_id: format!("c{round}"),
            tool: "http_client__request".into(),
            arguments: json!({"url": "http://bench.invalid/"}),
        };
        let tool_calls = if round < ROUNDS { vec![call()] } else { vec![] };
        Ok(ModelReply {
            text: if tool_calls.is_empty() { "42".into() } else { String::new() },
            stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
            tool_calls,
            usage: TokenUsage { input: 10, output: 5 },
            provider: "script".into(),
            model: model.into(),
            failovers: vec![],
        })
    }
}

fn agent() -> AgentSpec {
    let spec = json!({
        "name": "bench", "display_name": "bench", "version": "1.0.0",
        "tools": ["http_client"], "prompts": {"system": "You call tools."}
    });
    serde_json::from_value(spec).expect("the agent is well-formed")
}

async fn deploy(store: &Store, exchange: &Exchange) {
    let workspace = store.workspace(&WorkspaceName::default()).expect("the workspace opens");
    let mut spec = agent();
    spec.limits.model_calls = 1000;
    spec.limits.tool_calls = 1000;
    let json = canonical_json(&serde_json::to_value(&spec).expect("a spec is JSON"));
    let digest = Digest::of(json.as_bytes());
    let fact = Fact::Deployed {
        deployment: ids::deployment(),
        version: 1,
        git: None,
        files: vec![],
        agents: vec![AgentRevision { name: spec.name.clone(), revision: 1, spec: digest }],
        took_ms: 0,
    };
    let caller = Caller::system(WorkspaceName::default()).actor();
    let event = NewEvent { caller, trace: ids::trace(), conversation: None, agent: None, turn: None, step: None, fact };
    let batch = Batch { blobs: vec![(digest, json.into_bytes().into())], ..Batch::of(vec![event]) };
    workspace.commit(batch).await.expect("the deployment is recorded");
    exchange.reload(&workspace).await.expect("the agent is registered");
}

struct Figures {
    p50_us: f64,
    p99_us: f64,
}

/// Microseconds per step of one turn after the other.
async fn measure(durability: Durability) -> Figures {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(caxton_store::Options { durability, ..caxton_store::Options::new(dir.path()) }).expect("the store opens");
    let (exchange, deliveries) = Exchange::new(store.clone(), caxton_exchange::Options::default());
    let sandbox = Sandbox::new(caxton_sandbox::Options::new(dir.path().join("scratch"))).expect("the sandbox starts");
    let tools = Tools::new(sandbox, caxton_tools::Options::default()).expect("the tools start");
    let models = Models::new(ModelOptions::default()).expect("no provider is needed").with(Arc::new(Script));
    let runtime = Runtime::new(exchange.clone(), models, tools, Options::default());
    deploy(&store, &exchange).await;
    let stop = CancellationToken::new();
    let running = tokio_util::task::TaskTracker::new().spawn(runtime.run(deliveries, stop.clone()));
    let caller = Caller::local(WorkspaceName::default());
    let mut steps = Vec::with_capacity(TURNS);
    for turn in 0..WARM_UP + TURNS {
        let began = Instant::now();
        let draft = Draft::request("agent:bench".parse().expect("an address"), "go");
        let sent = exchange.send(&caller, draft).await.expect("the message is taken");
        let reply = sent.reply.recv().await.expect("the turn answers");
        assert_eq!(reply.content, json!("42"));
        if turn >= WARM_UP {
            steps.push(began.elapsed().as_secs_f64() * 1e6 / STEPS);
        }
    }
    stop.cancel();
    running.await.expect("the runtime stops");
    store.close().await.expect("the store closes");
    steps.sort_by(f64::total_cmp);
    Figures { p50_us: steps[TURNS / 2], p99_us: steps[TURNS * 99 / 100] }
}

fn row(durability: Durability, figures: &Figures, goal_us: Option<f64>) {
    let mut row = json!({
        "id": format!("turns.step_{durability}"),
        "what": "turn overhead per step, scripted in-process model",
        "unit": "us",
        "better": "lower",
        "ours": figures.p50_us,
        "p99": figures.p99_us,
        "met": goal_us.is_none_or(|goal| figures.p50_us <= goal),
        "durability": durability.as_str(),
        "note": format!("{TURNS} turns of {STEPS} steps, one after the other, message accepted to reply received"),
    });
    if let Some(goal) = goal_us {
        row["goal"] = goal.into();
    }
    println!("{row}");
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (durability, goal_us) in [(Durability::Memory, Some(50.0)), (Durability::Normal, Some(150.0)), (Durability::Full, None)] {
        row(durability, &runtime.block_on(measure(durability)), goal_us);
    }
}

//! A runtime in this process, with one agent and a model that does what the bench says.

use async_trait::async_trait;
use caxton_exchange::{Draft, Exchange};
use caxton_llm::{DeltaSink, Models, Options as ModelOptions, Provider};
use caxton_runtime::{Options, Runtime};
use caxton_sandbox::Sandbox;
use caxton_store::{Batch, Store, Workspace, ids};
use caxton_tools::Tools;
use caxton_types::{
    AgentRevision, AgentSpec, Caller, ConversationId, Digest, Durability, Fact, ModelReply, ModelRequest, NewEvent, StopReason, TokenUsage,
    ToolCall, WorkspaceName, canonical_json,
};
use serde_json::json;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Calls a tool for so many rounds, then answers. The call is refused by the tool's own check, so no I/O is measured.
pub(crate) struct Script {
    pub(crate) rounds: usize,
}

#[async_trait]
impl Provider for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn ask(&self, request: &ModelRequest, model: &str, _: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        let round = request.dialogue.len() / 2;
        // It gives its word at once: no scheme of a URL that it speaks.
        let call = || ToolCall {
            call_id: format!("c{round}"),
            tool: "http_client__request".into(),
            arguments: json!({"url": "ftp://bench.invalid/"}),
        };
        let tool_calls = if round < self.rounds { vec![call()] } else { vec![] };
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

pub(crate) fn open(dir: &Path, durability: Durability) -> Store {
    Store::open(caxton_store::Options { durability, ..caxton_store::Options::new(dir) }).expect("the store opens")
}

pub(crate) fn workspace(store: &Store) -> Workspace {
    store.workspace(&WorkspaceName::default()).expect("the workspace opens")
}

/// Everything that drives turns.
pub(crate) struct Kit {
    pub(crate) exchange: Exchange,
    pub(crate) runtime: Runtime,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Kit {
    /// Takes messages at once.
    pub(crate) async fn start(store: &Store, scratch: &Path, provider: impl Provider + 'static, options: Options) -> Self {
        let (exchange, deliveries) = Exchange::new(store.clone(), caxton_exchange::Options::default());
        let sandbox = Sandbox::new(caxton_sandbox::Options::new(scratch.join("scratch"))).expect("the sandbox starts");
        let tools = Tools::new(sandbox, caxton_tools::Options::default()).expect("the tools start");
        let models = Models::new(ModelOptions::default()).expect("no provider is needed").with(Arc::new(provider));
        let runtime = Runtime::new(exchange.clone(), models, tools, options);
        exchange.reload(&workspace(store)).await.expect("the agents are registered");
        let stop = CancellationToken::new();
        let running = TaskTracker::new().spawn(runtime.clone().run(deliveries, stop.clone()));
        Self { exchange, runtime, stop, running }
    }

    /// One turn from the message that is sent to the reply that comes; how long it took, and where.
    pub(crate) async fn turn(&self) -> (Duration, ConversationId) {
        let began = Instant::now();
        let sent = self.exchange.send(&Caller::local(WorkspaceName::default()), question()).await.expect("the message is taken");
        let reply = sent.reply.recv().await.expect("the turn answers");
        let took = began.elapsed();
        assert_eq!(reply.content, json!("42"));
        (took, reply.conversation)
    }

    /// The time of each of so many turns, one after the other and sorted.
    pub(crate) async fn turns(&self, warm_up: usize, turns: usize) -> Vec<f64> {
        let mut micros = Vec::with_capacity(turns);
        for turn in 0..warm_up + turns {
            let (took, _) = self.turn().await;
            if turn >= warm_up {
                micros.push(took.as_secs_f64() * 1e6);
            }
        }
        micros.sort_by(f64::total_cmp);
        micros
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("the runtime stops");
    }
}

pub(crate) fn question() -> Draft {
    Draft::request("agent:bench".parse().expect("an address"), "go")
}

pub(crate) async fn deploy(store: &Store) {
    let spec = json!({
        "name": "bench", "display_name": "bench", "version": "1.0.0",
        "tools": ["http_client"], "prompts": {"system": "You call tools."}
    });
    let mut spec: AgentSpec = serde_json::from_value(spec).expect("the agent is well-formed");
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
    workspace(store).commit(batch).await.expect("the deployment is recorded");
}

/// The middle one of sorted figures.
pub(crate) fn p50(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

pub(crate) fn p99(sorted: &[f64]) -> f64 {
    sorted[sorted.len() * 99 / 100]
}

/// As many digits as a figure is good for.
pub(crate) fn rounded(figure: f64) -> f64 {
    let places = if figure < 1.0 { 10_000.0 } else { 100.0 };
    (figure * places).round() / places
}

//! What a start does about ten thousand turns that were open when the server stopped.

use super::kit::{self, Kit, Script, rounded};
use crate::{Failure, Rows};
use async_trait::async_trait;
use caxton_llm::{DeltaSink, Provider};
use caxton_runtime::Options;
use caxton_store::{Store, TurnQuery, TurnState};
use caxton_types::{Caller, Durability, ModelReply, ModelRequest, WorkspaceName};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

const TURNS: usize = 10_000;
const GOAL_MS: f64 = 2000.0;

pub(crate) fn measure(rows: &Rows) -> Result<(), Failure> {
    for durability in [Durability::Normal, Durability::Full] {
        let id = format!("turns.resume_10k_{durability}");
        if !rows.wants(&id) {
            continue;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        interrupted(&kit::open(dir.path(), durability), dir.path());
        let (read, all) =
            tokio::runtime::Runtime::new().expect("a runtime").block_on(resumed(&kit::open(dir.path(), durability), dir.path()));
        let ms = rounded(all.as_secs_f64() * 1000.0);
        rows.print(&json!({
            "id": id, "what": "10,000 open turns resumed at boot and brought to their end", "unit": "ms", "better": "lower",
            "ours": ms, "goal": GOAL_MS, "met": ms <= GOAL_MS, "durability": durability.as_str(),
            "note": format!("each stopped in a model call that is asked again; all were found after {:.0} ms", read.as_secs_f64() * 1000.0),
        }))?;
    }
    Ok(())
}

/// A model that never answers, and counts how often it was asked.
struct Silent(Arc<watch::Sender<usize>>);

#[async_trait]
impl Provider for Silent {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn ask(&self, _: &ModelRequest, _: &str, _: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        self.0.send_modify(|asked| *asked += 1);
        std::future::pending().await
    }
}

/// A model that answers at once, and counts.
struct Answers(Arc<watch::Sender<usize>>);

#[async_trait]
impl Provider for Answers {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        self.0.send_modify(|asked| *asked += 1);
        Script { rounds: 0 }.ask(request, model, deltas).await
    }
}

/// Leaves that many turns in the middle of a model call; what drove them is gone with its tasks.
fn interrupted(store: &Store, dir: &std::path::Path) {
    let tokio = tokio::runtime::Runtime::new().expect("a runtime");
    tokio.block_on(async {
        kit::deploy(store).await;
        let asked = Arc::new(watch::Sender::new(0));
        let options = Options { concurrent_turns_max: TURNS, ..Options::default() };
        let kit = Kit::start(store, dir, Silent(Arc::clone(&asked)), options).await;
        let caller = Caller::local(WorkspaceName::default());
        let sent = stream::iter(0..TURNS).map(|_| kit.exchange.send(&caller, kit::question())).buffer_unordered(256);
        sent.for_each(|sent| {
            sent.expect("the message is taken");
            async {}
        })
        .await;
        asked.subscribe().wait_for(|asked| *asked == TURNS).await.expect("all are asked");
    });
    tokio.shutdown_timeout(Duration::from_secs(10));
}

/// How long it takes until all are found, and until all have ended.
async fn resumed(store: &Store, dir: &std::path::Path) -> (Duration, Duration) {
    let workspace = kit::workspace(store);
    let asked = Arc::new(watch::Sender::new(0));
    let kit = Kit::start(store, dir, Answers(Arc::clone(&asked)), Options::default()).await;
    let began = Instant::now();
    let recovered = kit.runtime.recover(&workspace).await.expect("the turns are found");
    let read = began.elapsed();
    assert_eq!(recovered.resumed, TURNS);
    // To list what is open costs more the more has ended, so that nothing is listed before the last turn has nothing but its end left.
    asked.subscribe().wait_for(|asked| *asked == TURNS).await.expect("all are asked again");
    let mut journal = workspace.watch();
    let open = TurnQuery { state: Some(TurnState::Open), limit: 1, ..TurnQuery::default() };
    while !workspace.turns(open.clone()).await.expect("the turns are listed").is_empty() {
        journal.changed().await.expect("the journal grows");
    }
    let all = began.elapsed();
    kit.stop().await;
    (read, all)
}

//! A turn run again from its record against the same turn live.

use super::kit::{self, Kit, Script, p50, p99, rounded};
use crate::{Failure, Rows};
use caxton_runtime::Options;
use caxton_store::TurnQuery;
use caxton_types::Durability;
use serde_json::json;
use std::time::Instant;

const ROUNDS: usize = 10;
const TURNS: u32 = 100;

pub(crate) async fn measure(rows: &Rows) -> Result<(), Failure> {
    if !rows.wants("turns.replay") {
        return Ok(());
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = kit::open(dir.path(), Durability::Full);
    kit::deploy(&store).await;
    let kit = Kit::start(&store, dir.path(), Script { rounds: ROUNDS }, Options::default()).await;
    let live = kit.turns(20, TURNS as usize).await;
    let workspace = kit::workspace(&store);
    let turns = workspace.turns(TurnQuery { limit: TURNS, ..TurnQuery::default() }).await.expect("the turns are listed");
    let mut times = Vec::new();
    for turn in &turns {
        let began = Instant::now();
        let replayed = kit.runtime.replay(&workspace, turn.turn).await.expect("the turn is kept");
        times.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(replayed.mismatch.is_none() && replayed.replayed == replayed.recorded);
    }
    times.sort_by(f64::total_cmp);
    kit.stop().await;
    store.close().await.expect("the store closes");
    let (live, ours) = (rounded(p50(&live)), rounded(p50(&times)));
    let goal = rounded(live / 5.0);
    rows.print(&json!({
        "id": "turns.replay", "what": "a turn replayed from the journal, against the same turn live", "unit": "us", "better": "lower",
        "ours": ours, "p99": rounded(p99(&times)), "floor": live, "floor_name": "the turn live with the in-process model at `full`",
        "goal": goal, "met": ours <= goal, "durability": "full", "note": format!("{:.1}x faster; goal 5x; 22 steps", live / ours),
    }))
}

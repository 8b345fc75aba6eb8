//! What turns cost besides their models and their tools: `turns.*` rows.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on must stop"
)]

mod durable;
mod kit;
mod langgraph;
mod replay;
mod resume;
mod soak;

use crate::{Failure, Rows};
use caxton_runtime::Options;
use caxton_types::Durability;
use kit::{Kit, Script, p50, p99};
use serde_json::{Value, json};

/// Tool calls of one turn; with their model calls and the last one, a turn has twice as many steps and two more (one is its end).
const ROUNDS: usize = 10;
const STEPS: f64 = 22.0;
const TURNS: usize = 300;
const WARM_UP: usize = 50;

/// Microseconds of one turn after the other.
async fn measure(durability: Durability) -> Vec<f64> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = kit::open(dir.path(), durability);
    kit::deploy(&store).await;
    let kit = Kit::start(&store, dir.path(), Script { rounds: ROUNDS }, Options::default()).await;
    let turns = kit.turns(WARM_UP, TURNS).await;
    kit.stop().await;
    store.close().await.expect("the store closes");
    turns
}

fn step(durability: Durability, turns: &[f64], goal_us: Option<f64>) -> Value {
    let ours = p50(turns) / STEPS;
    let mut row = json!({
        "id": format!("turns.step_{durability}"),
        "what": "turn overhead per step, scripted in-process model",
        "unit": "us",
        "better": "lower",
        "ours": ours,
        "p99": p99(turns) / STEPS,
        "met": goal_us.is_none_or(|goal| ours <= goal),
        "durability": durability.as_str(),
        "note": format!("{TURNS} turns of {STEPS} steps, one after the other, message accepted to reply received"),
    });
    if let Some(goal) = goal_us {
        row["goal"] = goal.into();
    }
    row
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (durability, goal_us) in [(Durability::Memory, Some(50.0)), (Durability::Normal, Some(150.0)), (Durability::Full, None)] {
        if rows.wants(&format!("turns.step_{durability}")) {
            rows.print(&step(durability, &runtime.block_on(measure(durability)), goal_us))?;
        }
    }
    durable::measure(rows, &runtime)?;
    runtime.block_on(replay::measure(rows))?;
    resume::measure(rows)?;
    langgraph::measure(rows, &runtime)?;
    soak::measure(rows, &runtime)
}

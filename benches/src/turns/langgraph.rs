//! The same agent under `LangGraph`: a scripted model in the process, three tool calls that return at once.

use super::kit::{self, Kit, Script, p50, p99, rounded};
use crate::{Failure, Rows, measure::peer};
use caxton_runtime::Options;
use caxton_types::Durability;
use serde_json::json;

const ROUNDS: usize = 3;
const TURNS: usize = 300;
/// Ours, the peer's mode that promises the same, and how many times less we want to take.
const MODES: [(Durability, &str, &str, f64); 3] = [
    (Durability::Full, "full", "LangGraph, SqliteSaver, sync", 4.0),
    (Durability::Normal, "normal", "LangGraph, SqliteSaver, sync, synchronous=NORMAL", 20.0),
    (Durability::Memory, "memory", "LangGraph, InMemorySaver", 40.0),
];

pub(crate) fn measure(rows: &Rows, tokio: &tokio::runtime::Runtime) -> Result<(), Failure> {
    let wanted: Vec<_> = MODES.into_iter().filter(|(durability, ..)| rows.wants(&format!("turns.langgraph_{durability}"))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(theirs) = peer("CAXTON_LANGGRAPH", "langgraph/turn.py", &[&TURNS.to_string()])? else {
        return Rows::remark(
            "turns.langgraph_*: not measured, for CAXTON_LANGGRAPH names no Python with langgraph (`cargo xtask bench` installs one)",
        );
    };
    for (durability, mode, name, times) in wanted {
        let figure = |name: &str| rounded(theirs[name].as_f64().expect("milliseconds"));
        let ours = tokio.block_on(live(durability));
        let (ms, peer) = (rounded(p50(&ours) / 1000.0), figure(mode));
        let goal = rounded(peer / times);
        rows.print(&json!({
            "id": format!("turns.langgraph_{durability}"), "what": "one turn with three tool calls, against LangGraph", "unit": "ms", "better": "lower",
            "ours": ms, "p99": rounded(p99(&ours) / 1000.0), "peer": peer, "peer_name": name, "goal": goal, "met": ms <= goal,
            "durability": durability.as_str(),
            "note": format!("{:.1}x less; goal {times}x; LangGraph without a checkpointer: {} ms", peer / ms, figure("none")),
        }))?;
    }
    Ok(())
}

async fn live(durability: Durability) -> Vec<f64> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = kit::open(dir.path(), durability);
    kit::deploy(&store).await;
    let kit = Kit::start(&store, dir.path(), Script { rounds: ROUNDS }, Options::default()).await;
    let times = kit.turns(50, TURNS).await;
    kit.stop().await;
    store.close().await.expect("the store closes");
    times
}

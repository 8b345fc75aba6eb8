//! A hundred thousand turns with retention: what a server holds in memory and on the disk must not grow with what it has done.

use super::kit::{self, Kit, Script, rounded};
use crate::{Failure, Rows, measure::resident_kib};
use caxton_runtime::Options;
use caxton_store::{Retention, ids};
use caxton_types::{Caller, Durability, WorkspaceName};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

const TURNS: usize = 100_000;
/// Retention runs after so many turns, and then it is measured.
const LAP: usize = 5_000;
/// Laps at the beginning that fill caches and are not compared.
const WARM_UP: usize = 4;
const CLIENTS: usize = 32;
/// How much the last laps may be above the first ones that count, in percent.
const GROWTH_MAX: f64 = 10.0;

/// Mebibytes after a lap.
struct Lap {
    memory: f64,
    disk: f64,
}

pub(crate) fn measure(rows: &Rows, tokio: &tokio::runtime::Runtime) -> Result<(), Failure> {
    let wanted = ["turns.soak_memory", "turns.soak_disk"].map(|id| rows.wants(id));
    if wanted == [false, false] {
        return Ok(());
    }
    let began = Instant::now();
    let laps = tokio.block_on(soak());
    let rate = (TURNS as f64 / began.elapsed().as_secs_f64()).round();
    for (id, of, is_wanted) in [("memory", (|lap| lap.memory) as fn(&Lap) -> f64, wanted[0]), ("disk", |lap| lap.disk, wanted[1])] {
        if !is_wanted {
            continue;
        }
        let most = |laps: &[Lap]| laps.iter().map(of).fold(0.0, f64::max);
        let (first, last) = (most(&laps[WARM_UP..WARM_UP * 2]), most(&laps[laps.len() - WARM_UP..]));
        let growth = rounded(((last / first - 1.0) * 100.0).max(0.0));
        rows.print(&json!({
            "id": format!("turns.soak_{id}"), "what": format!("growth of {id} over 100,000 turns with retention on"), "unit": "%", "better": "lower",
            "ours": growth, "goal": GROWTH_MAX, "met": growth <= GROWTH_MAX, "durability": "normal",
            "note": format!("{first:.0} MiB after {} turns, {last:.0} MiB after {TURNS}; {rate} turns/s with {CLIENTS} clients", LAP * WARM_UP * 2),
        }))?;
    }
    Ok(())
}

async fn soak() -> Vec<Lap> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = kit::open(dir.path(), Durability::Normal);
    kit::deploy(&store).await;
    let kit = Kit::start(&store, dir.path(), Script { rounds: 2 }, Options::default()).await;
    let workspace = kit::workspace(&store);
    let retention = Retention { conversations: Some(Duration::ZERO), uploads: Duration::from_secs(1), ..Retention::default() };
    let mut laps = Vec::new();
    for _ in 0..TURNS / LAP {
        stream::iter(0..LAP).map(|_| kit.turn()).buffer_unordered(CLIENTS).for_each(|_| async {}).await;
        let caller = Caller::system(WorkspaceName::default()).actor();
        let expiry = workspace.expire(&retention, ids::now(), (caller, ids::trace()), || false).await.expect("what is over goes");
        assert!(expiry.conversations > 0, "conversations are over");
        laps.push(Lap { memory: resident_kib().expect("Linux tells") as f64 / 1024.0, disk: size(dir.path()) / 1_048_576.0 });
    }
    kit.stop().await;
    store.close().await.expect("the store closes");
    laps
}

fn size(path: &Path) -> f64 {
    let entries = fs::read_dir(path).expect("the directory is there").filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size(&entry.path()),
            Ok(data) => data.len() as f64,
            Err(_) => 0.0,
        })
        .sum()
}

//! How many batches a journal takes, and how long one waits, against bare SQLite that does the same row operations.
//!
//! A batch accepts a message of a new conversation, queues it, and takes the message before it from the queue.
mod bare;
mod ours;

use crate::{Failure, Rows};
use caxton_types::Durability;
use serde_json::{Value, json};
use std::time::Duration;

/// Ours and the floor take turns, and the best round of each counts: others use this machine too.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(400);
const WRITERS: [usize; 3] = [1, 64, 1024];
/// What the thread, the checks, the JSON and the waking may take away from the floor.
const SHARE_MIN: f64 = 0.6;

/// What a round measured.
pub(crate) struct Round {
    pub(crate) batches: usize,
    pub(crate) took: Duration,
    /// Sorted, in microseconds.
    pub(crate) latencies: Vec<f64>,
}

impl Round {
    fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of batches is exact in a double")]
        let batches = self.batches as f64;
        batches / self.took.as_secs_f64()
    }

    fn latency(&self, per_mille: usize) -> f64 {
        let place = (self.latencies.len() * per_mille / 1000).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    for durability in [Durability::Memory, Durability::Normal, Durability::Full] {
        for writers in WRITERS {
            let is_wanted = |id: &str| rows.wants(&format!("journal.{id}"));
            if is_wanted(&format!("commit_{durability}_{writers}")) || (writers == 1 && is_wanted(&format!("latency_{durability}"))) {
                measure(durability, writers)?.iter().try_for_each(|row| rows.print(row))?;
            }
        }
    }
    Ok(())
}

fn measure(durability: Durability, writers: usize) -> Result<Vec<Value>, Failure> {
    let (mut ours, mut floor): (Option<Round>, Option<Round>) = (None, None);
    for _ in 0..ROUNDS {
        ours = Some(better(ours, ours::round(durability, writers, ROUND)?));
        floor = Some(better(floor, bare::round(durability, writers, ROUND)?));
    }
    let (Some(ours), Some(floor)) = (ours, floor) else { return Ok(Vec::new()) };
    let goal = floor.per_second() * SHARE_MIN;
    let mut rows = vec![json!({
        "id": format!("journal.commit_{durability}_{writers}"),
        "what": format!("batches that {writers} writers commit under `{durability}`"),
        "unit": "batches/s", "better": "higher", "durability": durability,
        "ours": ours.per_second().round(), "floor": floor.per_second().round(),
        "floor_name": "bare SQLite, one thread, same row operations and grouping",
        "goal": goal.round(), "met": ours.per_second().round() >= goal.round(),
        "note": format!("{:.0}% of the floor; goal 60%", ours.per_second() / floor.per_second() * 100.0),
    })];
    if writers == 1 {
        let figure = |micros: f64| (micros * 10.0).round() / 10.0;
        rows.push(json!({
            "id": format!("journal.latency_{durability}"),
            "what": format!("one commit under `{durability}`, median"),
            "unit": "us", "better": "lower", "durability": durability,
            "ours": figure(ours.latency(500)), "p99": figure(ours.latency(990)), "floor": figure(floor.latency(500)),
            "floor_name": "one transaction of bare SQLite", "met": true,
        }));
    }
    Ok(rows)
}

fn better(best: Option<Round>, round: Round) -> Round {
    match best {
        Some(best) if best.per_second() >= round.per_second() => best,
        _ => round,
    }
}

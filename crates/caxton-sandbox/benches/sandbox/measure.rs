//! What the benches of calls measure with, and how they say it.

use std::{io::Write as _, time::Duration};

use serde_json::Value;

use crate::Failure;

/// What this process has computed so far, its threads together; in hundredths of a second.
pub(crate) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything: the 12th and 13th fields are user and system time.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// What half of them stay below, and what all but one of a hundred do.
pub(crate) fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// One line for `cargo xtask bench`.
pub(crate) fn row(row: &Value) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{row}")?;
    Ok(())
}

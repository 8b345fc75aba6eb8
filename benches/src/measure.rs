//! What benches measure with.

use std::{cmp::Ordering, env, fs, process::Command, time::Duration};

use serde_json::Value;

use crate::Failure;

/// Calls of a tool that are measured, and before them those that are not.
pub(crate) const CALLS: usize = 20_000;
pub(crate) const WARM_UP: usize = 2_000;

/// A tool server in Rust, of 142 KB.
pub(crate) const CSV_STATS: &[u8] = include_bytes!("../../examples/tools/csv-stats/tool.wasm");

/// As many workers on every machine.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// What this process has computed so far, its threads together; in hundredths of a second.
pub(crate) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything: the 12th and 13th fields are user and system time.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// What half of them stay below, and what all but one of a hundred do.
pub(crate) fn quantiles<T: Copy + Default + PartialOrd>(mut figures: Vec<T>) -> (T, T) {
    figures.sort_unstable_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    let at = |hundredth: usize| figures.get(figures.len() * hundredth / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// What a script of `bench-peers/` prints under the Python that the variable names; nothing where it names none.
pub(crate) fn peer(variable: &str, script: &str, arguments: &[&str]) -> Result<Option<Value>, Failure> {
    let Some(python) = env::var_os(variable) else { return Ok(None) };
    let script = format!("{}/../bench-peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python).arg(script).args(arguments).output()?;
    if !output.status.success() {
        return Err(format!("the peer fails: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

/// What this process has in memory.
pub(crate) fn resident_kib() -> Result<u64, Failure> {
    resident_kib_of("self")
}

/// What the process with this number has in memory.
pub(crate) fn resident_kib_of(process: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the system does not tell the resident set")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

pub(crate) fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e8).round() / 100.0
}

pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

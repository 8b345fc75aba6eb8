//! `caxton selftest sandbox`, as somebody runs it on a new machine: without a server, without a workspace.

use super::Desk;
use anyhow::{Result, ensure};
use serde_json::Value;
use std::fs;

#[test]
fn the_sandbox_stops_every_attack_on_this_machine() -> Result<()> {
    let desk = Desk::without_server()?;
    let report = desk.json("home", &["selftest", "sandbox"])?;
    let attacks = report["attacks"].as_array().cloned().unwrap_or_default();
    ensure!(report["passed"] == true && attacks.len() >= 25, "{report:#}");
    for attack in &attacks {
        let (guarded, twin) = (&attack["guarded"], &attack["twin_run"]);
        ensure!(attack["passed"] == true && guarded["guard"] == attack["guard"], "{attack:#}");
        ensure!(guarded["outcome"] == "stopped" && guarded["code"].is_string() && twin["outcome"] == "succeeded", "{attack:#}");
        ensure!(["guard widened", "control"].iter().any(|kind| attack["twin"] == *kind), "{attack:#}");
        ensure!(attack["canaries"].as_object().is_some_and(|all| all.len() == 5 && all.values().all(|well| well == true)), "{attack:#}");
    }
    ensure!(report["neighbours"]["wrong"] == 0 && report["neighbours"]["calls"].as_u64() > Some(1000), "{report:#}");
    let told =
        |name: &str| attacks.iter().find(|attack| attack["name"] == name).map_or(Value::Null, |attack| attack["guarded"]["told"].clone());
    ensure!(told("endless-loop") == "the limit of 20 ms of processor time is exceeded", "{}", told("endless-loop"));
    ensure!(told("fd-exhaustion") == "more than 64 files were open at once", "{}", told("fd-exhaustion"));
    // It leaves nothing behind.
    ensure!(fs::read_dir(desk.path("tmp"))?.count() == 0 && fs::read_dir(desk.path("home"))?.count() == 0);
    Ok(())
}

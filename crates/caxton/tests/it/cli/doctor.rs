//! `caxton doctor`: in order, damaged, open to others; with a server and without.

use super::Desk;
use anyhow::{Context as _, Result, ensure};
use caxton_testkit::{Caxton, agent, server};
use rusqlite::Connection;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
};

/// Exit code, and what was found of each check.
fn doctor(desk: &Desk, words: &[&str]) -> Result<(i32, Value)> {
    let data = desk.path("data").display().to_string();
    // The usual port may be somebody's.
    let ran = desk.run("", &[&["doctor", "--json", "--set", "server.port=0", "--data-dir", &data], words].concat())?;
    let report = serde_json::from_str(&ran.out).with_context(|| format!("no JSON: {}\n{}", ran.out, ran.err))?;
    Ok((ran.code, report))
}

/// The findings of a check, as `verdict: detail`.
fn of(report: &Value, check: &str) -> Vec<String> {
    let findings = report["checks"].as_array().into_iter().flatten().filter(|finding| finding["check"] == check);
    findings.map(|finding| format!("{}: {}", finding["verdict"].as_str().unwrap(), finding["detail"].as_str().unwrap())).collect()
}

fn says(report: &Value, check: &str, start: &str) -> Result<()> {
    let found = of(report, check);
    ensure!(found.iter().any(|found| found.starts_with(start)), "{check} is {found:?}, and not {start}");
    Ok(())
}

async fn serve(desk: &Desk) -> Result<Caxton> {
    let sum = agent("sum", "");
    server().set("storage.durability=normal").data_dir(desk.path("data")).agent(sum).start().await
}

/// A directory that a server has worked on and let go of.
async fn left(desk: &Desk) -> Result<()> {
    let caxton = serve(desk).await?;
    caxton.request("sum", "how many?").await?;
    caxton.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_order_is_told_with_a_server_and_without() -> Result<()> {
    let desk = Desk::without_server()?;
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 0, "{report:#}");
    says(&report, "data directory", "info: ")?;
    ensure!(!desk.path("data").exists(), "looking makes nothing");

    let caxton = serve(&desk).await?;
    caxton.request("sum", "how many?").await?;
    let (code, report) = doctor(&desk, &["--server", &caxton.url])?;
    ensure!(code == 0, "{report:#}");
    says(&report, "server", &format!("ok: process {} answers at {}", std::process::id(), caxton.url))?;
    says(&report, "sandbox", "ok: 64 slots, as configured; 0 taken")?;
    says(&report, "databases", "ok: ")?;
    let (_, report) = doctor(&desk, &["--server", "http://127.0.0.1:1"])?;
    says(&report, "server", &format!("warn: process {} has the data directory, and nothing answers", std::process::id()))?;
    caxton.stop().await?;

    let before = listing(&desk.path("data"))?;
    let (code, report) = doctor(&desk, &["--full"])?;
    ensure!(code == 0, "{report:#}");
    for (check, start) in [
        ("configuration", "ok: the defaults"),
        ("server", "info: none has the data directory"),
        ("data directory", "ok: "),
        ("disk", "ok: "),
        ("databases", "ok: "),
        ("content", "ok: "),
        ("compiled code", "ok: "),
        ("sandbox", "ok: 64 slots, as configured"),
        ("clock", "ok: "),
    ] {
        says(&report, check, start)?;
    }
    ensure!(of(&report, "databases")[0].contains("every index and text compared"), "{report:#}");
    ensure!(listing(&desk.path("data"))? == before, "looking changes nothing");
    let told = desk.good("", &["doctor", "--set", "server.port=0", "--data-dir", &desk.path("data").display().to_string()])?;
    ensure!(told.lines().count() > 12 && told.contains("checks: 0 failed"), "{told}");
    Ok(())
}

/// Every file with its length and when it was changed.
fn listing(dir: &Path) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        let (path, about) = (entry.as_ref().map(fs::DirEntry::path), entry.as_ref().map(fs::DirEntry::metadata));
        let (Ok(path), Ok(Ok(about))) = (path, about) else { continue };
        if about.is_dir() {
            all.extend(listing(&path)?);
        }
        all.push(format!("{} {} {:?}", path.display(), about.len(), about.modified()?));
    }
    all.sort();
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_fails_and_says_what_to_do() -> Result<()> {
    let desk = Desk::without_server()?;
    left(&desk).await?;
    let projection = desk.path("data/workspaces/default.db");
    {
        let conn = Connection::open(&projection)?;
        conn.execute_batch("DELETE FROM fts_data")?;
    }
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 1 && report["verdict"] == "fail", "{report:#}");
    says(&report, "search index", "fail: projection of `default`: ")?;
    ensure!(report.to_string().contains("it is made again from the journal"), "{report:#}");

    let journal = desk.path("data/workspaces/default.journal.db");
    let file = fs::File::options().write(true).open(&journal)?;
    let len = file.metadata()?.len();
    file.write_all_at(&vec![0x5a; usize::try_from(len / 2)?], len / 4)?;
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 1, "{report:#}");
    says(&report, "databases", "fail: journal of `default` is damaged: ")?;
    ensure!(report.to_string().contains("restore"), "{report:#}");
    Ok(())
}

#[tokio::test]
async fn what_is_open_to_others_fails() -> Result<()> {
    let desk = Desk::without_server()?;
    let mode = |path: &str, mode: u32| fs::set_permissions(desk.path(path), fs::Permissions::from_mode(mode));
    fs::create_dir_all(desk.path("data/compiled"))?;
    mode("data", 0o755)?;
    mode("data/compiled", 0o770)?;
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 1, "{report:#}");
    says(&report, "data directory", "warn: ")?;
    says(&report, "compiled code", "fail: ")?;

    mode("data", 0o700)?;
    mode("data/compiled", 0o700)?;
    fs::write(desk.path("secrets.yaml"), "tokens: {ada: s3cret}\n")?;
    fs::write(desk.path("caxton.yaml"), "security: {secrets_file: secrets.yaml}\n")?;
    mode("secrets.yaml", 0o600)?;
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 0, "{report:#}");
    says(&report, "secrets file", "ok: ")?;
    mode("secrets.yaml", 0o644)?;
    let (code, report) = doctor(&desk, &[])?;
    ensure!(code == 1 && !report.to_string().contains("s3cret"), "{report:#}");
    says(&report, "configuration", "fail: ")?;
    ensure!(of(&report, "configuration")[0].contains("others may read this secrets file (mode 0644)"), "{report:#}");
    ensure!(report.to_string().contains("chmod 600"), "{report:#}");
    says(&report, "databases", "info: none yet")
}

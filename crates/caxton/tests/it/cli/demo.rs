//! The main command of the README.

use super::Desk;
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

#[test]
fn the_demo_is_right_and_leaves_nothing_behind() -> Result<()> {
    let desk = Desk::without_server()?;
    let out = desk.good("", &["demo"])?;
    for part in ["17.955029904306215", "right: 29 when computed apart", "csv-stats/stats", "All of it was right", "caxton serve"] {
        ensure!(out.contains(part), "{part} is not in\n{out}");
    }
    assert_eq!(fs::read_dir(desk.path("tmp"))?.count(), 0, "the temporary folder is empty");
    assert_eq!(fs::read_dir(desk.path("home"))?.count(), 0, "nothing is written into the home folder");
    Ok(())
}

#[test]
fn the_demo_ends_with_1_and_the_cause_where_it_cannot_work() -> Result<()> {
    let desk = Desk::without_server()?;
    let mut command = desk.command(&crate::binary::caxton(), "");
    let output = command.env("PATH", desk.path("home")).arg("demo").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1) && said.contains("`git` is not installed") && said.contains("hint: "), "{said}");
    assert_eq!(fs::read_dir(desk.path("tmp"))?.count(), 0, "the temporary folder is empty");
    Ok(())
}

/// Waits for a line of output that starts so.
#[cfg(unix)]
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, start: &str) -> Result<String> {
    for line in lines {
        let line = line?;
        if line.trim_start().starts_with(start) {
            return Ok(line);
        }
    }
    bail!("it ended without a line that starts with `{start}`")
}

#[cfg(unix)]
#[test]
fn the_demo_that_is_kept_goes_on_until_it_is_interrupted() -> Result<()> {
    let desk = Desk::without_server()?;
    let mut command = desk.command(&crate::binary::caxton(), "");
    let mut demo = command.args(["demo", "--keep"]).stdout(Stdio::piped()).stderr(fs::File::create(desk.path("stderr"))?).spawn()?;
    let mut lines = BufReader::new(demo.stdout.take().context("its output is a pipe")?).lines();
    let root = wait_for(&mut lines, "cd ").with_context(|| fs::read_to_string(desk.path("stderr")).unwrap_or_default())?;
    let root = root.trim_start().trim_start_matches("cd ").to_owned();
    let url = wait_for(&mut lines, "export CAXTON_SERVER=")?.trim_start().trim_start_matches("export CAXTON_SERVER=").to_owned();
    let question = ["ask", "zone-analyst", "How many rows are there?", "--attach", "agents/zone-analyst/examples/zones.csv"];
    let asked = desk.command(&crate::binary::caxton(), "").current_dir(&root).env("CAXTON_SERVER", &url).args(question).output()?;
    let interrupted = Command::new("kill").args(["-INT", &demo.id().to_string()]).status()?;
    let ended = demo.wait()?;
    ensure!(String::from_utf8_lossy(&asked.stdout).contains("418"), "{}", String::from_utf8_lossy(&asked.stderr));
    assert!(interrupted.success() && ended.success(), "{ended}");
    assert_eq!(fs::read_dir(desk.path("tmp"))?.count(), 0, "the temporary folder is empty");
    Ok(())
}

//! `caxton build` where it cannot do its work: what it says, what it ends with, and what it leaves alone; and what it must let through.

use super::Desk;
use crate::{
    binary::caxton,
    guest::{Asks, asking},
};
use anyhow::{Result, ensure};
use std::fs;

/// What the command came to on a machine without any toolchain: its exit code and what it said.
fn build(desk: &Desk, dir: &str, words: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = desk.command(&caxton(), dir);
    let output = command.env("PATH", desk.path("home")).arg("build").args(words).output()?;
    ensure!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[test]
fn what_cannot_be_built_is_told_and_leaves_what_is_there() -> Result<()> {
    let desk = Desk::without_server()?;
    for (dir, source, missing, way) in [
        ("c", "tool.c", "zig", "pip install ziglang"),
        ("js", "tool.js", "componentize-qjs", "npm install componentize-qjs"),
        ("python", "tool.py", "componentize-py", "pip install componentize-py"),
        ("go", "go.mod", "go", "https://go.dev/dl"),
    ] {
        fs::create_dir(desk.path(dir))?;
        fs::write(desk.path(dir).join(source), "")?;
        fs::write(desk.path(dir).join("tool.wasm"), "as it was")?;
        let (code, said) = build(&desk, dir, &[])?;
        assert_eq!(code, Some(10), "{said}");
        assert!(said.contains(&format!("`{missing}` is needed")) && said.contains(way), "{said}");
        assert_eq!(fs::read_to_string(desk.path(dir).join("tool.wasm"))?, "as it was");
    }
    let (code, said) = build(&desk, "", &["nowhere"])?;
    assert_eq!(code, Some(3), "{said}");
    let (code, said) = build(&desk, "home", &[])?;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("holds no sources that are known"), "{said}");
    Ok(())
}

/// In place of cargo stands a script that says what cargo would, of a component that is there.
#[cfg(unix)]
#[test]
fn what_asks_the_host_is_built_like_any_other() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::without_server()?;
    for (dir, asks) in [("calls", Asks::Tool("csv-stats/stats")), ("recalls", Asks::Memory), ("remembers", Asks::Remember("agent"))] {
        let folder = desk.path(dir);
        fs::create_dir(&folder)?;
        fs::write(folder.join("Cargo.toml"), "")?;
        let (made, cargo) = (folder.join("made.wasm"), folder.join("cargo"));
        fs::write(&made, asking(dir, asks))?;
        let message = serde_json::json!({"reason": "compiler-artifact", "manifest_path": folder.join("Cargo.toml"), "filenames": [made]});
        fs::write(&cargo, format!("#!/bin/sh\necho '{message}'\n"))?;
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755))?;
        let mut command = desk.command(&caxton(), dir);
        let output = command.env("CARGO", &cargo).args(["build", "--", "-Zbuild-std"]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{said}");
        assert!(String::from_utf8(output.stdout)?.contains(dir) && folder.join("tool.wasm").is_file());
    }
    Ok(())
}

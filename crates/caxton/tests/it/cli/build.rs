//! `caxton build` where it cannot do its work: what it says, what it ends with, and what it leaves alone.

use super::Desk;
use crate::binary::caxton;
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

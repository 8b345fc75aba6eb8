//! Starting other programs: their output passes through, a failure names the command.
use crate::say;
use anyhow::{Context, Result, bail};
use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// What `cargo run` sets for us and what would make build scripts in a nested cargo believe that their input changed.
const SET_BY_CARGO: [&str; 6] =
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MANIFEST_LINKS", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"];

/// A command that runs in `folder` without stdin.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if SET_BY_CARGO.contains(&name.as_ref()) || name.starts_with("CARGO_PKG_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// The cargo that runs us, in `folder`.
pub(crate) fn cargo(folder: &Path) -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), folder)
}

/// Whether `cargo NAME` is installed.
pub(crate) fn has_cargo_tool(name: &str, folder: &Path) -> bool {
    let mut probe = cargo(folder);
    probe.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Runs to the end; output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", text(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", text(command));
    }
    Ok(())
}

/// Runs to the end and returns what it wrote to stdout; stderr goes where ours goes.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", text(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", text(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not write UTF-8", text(command)))
}

/// A program that ended: whether it succeeded, and the lines it was watched for.
pub(crate) struct Watched {
    pub(crate) success: bool,
    pub(crate) lines: Vec<String>,
}

/// Runs to the end, passes every line through and keeps those that `keep` wants.
pub(crate) fn run_watched(command: &mut Command, keep: fn(&str) -> bool) -> Result<Watched> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start `{}`", text(command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let lines = thread::scope(|scope| {
        let problems = scope.spawn(move || err.map_or_else(Vec::new, |err| pass_through(err, keep, say::problem)));
        let mut lines = out.map_or_else(Vec::new, |out| pass_through(out, keep, say::line));
        lines.extend(problems.join().unwrap_or_default());
        lines
    });
    let status = child.wait().with_context(|| format!("lost `{}`", text(command)))?;
    Ok(Watched { success: status.success(), lines })
}

fn pass_through(stream: impl Read, keep: fn(&str) -> bool, print: fn(&str)) -> Vec<String> {
    let mut kept = Vec::new();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        print(&line);
        if keep(&line) {
            kept.push(line.into_owned());
        }
    }
    kept
}

/// The command as one would type it.
pub(crate) fn text(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

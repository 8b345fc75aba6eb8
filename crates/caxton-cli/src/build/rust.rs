//! Rust, through cargo: its target `wasm32-wasip2` is a component already.

use super::toolchain::{Job, Program, absent, made};
use crate::error::{Error, Result};
use caxton_types::Code;
use serde::Deserialize;
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const TARGET: &str = "wasm32-wasip2";
pub(super) const CARGO: Program = Program { name: "cargo", get: "install Rust: https://rustup.rs" };

/// What cargo says of a file that it made.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) fn compile(job: &mut Job<'_>) -> Result<Vec<u8>> {
    let cargo = match env::var_os("CARGO") {
        Some(cargo) => cargo.into(),
        None => job.program(&CARGO)?,
    };
    // Who builds the standard library needs no target that is installed.
    if !job.args.iter().any(|arg| arg.starts_with("-Zbuild-std")) {
        check_target(job)?;
    }
    let mut command = job.command(&cargo);
    command.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    command.args(job.args).stdout(Stdio::piped());
    let said = job.run("compiled with cargo", &mut command)?;
    let module = module_of(&said, job.dir()).ok_or_else(|| {
        Error::invalid(format!("`{}` made no WebAssembly", job.dir().display()))
            .hint("its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`")
    })?;
    made(&module)
}

/// The WebAssembly file that the package in `dir` was made into; of several, the last.
fn module_of(messages: &[u8], dir: &Path) -> Option<PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let ours = messages.filter(|message| message.reason == "compiler-artifact" && message.manifest_path.parent() == Some(dir));
    ours.flat_map(|message| message.filenames).rfind(|file| file.extension().is_some_and(|end| end == "wasm"))
}

fn check_target(job: &Job<'_>) -> Result<()> {
    let rustc = env::var_os("RUSTC").map(PathBuf::from).or_else(|| job.find("rustc")).ok_or_else(|| absent("rustc", CARGO.get))?;
    let output = Command::new(&rustc).args(["--print", "sysroot"]).current_dir(job.dir()).output();
    let output = output.map_err(|error| Error::io(format_args!("start `{}`", rustc.display()), &error))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(());
    }
    Err(Error::new(Code::Unavailable, format!("this Rust has no target {TARGET}")).hint(format!("`rustup target add {TARGET}`")))
}

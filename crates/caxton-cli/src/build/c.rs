//! C, through `zig cc` or the clang of the WASI SDK.

use super::toolchain::{Job, absent, made, succeeds};
use crate::error::{Error, Result};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(super) const GET: &str = "`pip install ziglang`, or install zig, or set WASI_SDK_PATH to an unpacked WASI SDK";

/// A library rather than a program; small; without names; with 1 MiB of stack, for each instance's memory begins with it (zig gives 16).
const FLAGS: [&str; 7] = ["-Os", "-mexec-model=reactor", "-std=c17", "-Wall", "-Wextra", "-Wl,--strip-all", "-Wl,-z,stack-size=1048576"];

pub(super) fn compile(job: &mut Job<'_>) -> Result<Vec<u8>> {
    let sources = sources(job.dir())?;
    let (name, mut command) = compiler(job)?;
    let module = job.scratch().join("core.wasm");
    command.args(FLAGS).args(sources).args(job.args).arg("-o").arg(&module);
    job.run(&format!("compiled with {name}"), &mut command)?;
    made(&module)
}

/// Every `.c` file of the folder, in the order of their names.
fn sources(dir: &Path) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(dir).map_err(|error| Error::io(format_args!("list `{}`", dir.display()), &error))?;
    let mut sources: Vec<OsString> =
        entries.flatten().map(|entry| entry.file_name()).filter(|name| Path::new(name).extension().is_some_and(|end| end == "c")).collect();
    sources.sort();
    if sources.is_empty() {
        return Err(Error::invalid(format!("`{}` holds no .c file", dir.display())).hint("name the folder that holds tool.c"));
    }
    Ok(sources)
}

/// The compiler that is there, with what makes it compile for WASI.
fn compiler(job: &Job<'_>) -> Result<(&'static str, Command)> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH").map(PathBuf::from) {
        let clang = sdk.join("bin/clang");
        if !clang.is_file() {
            return Err(absent("WASI_SDK_PATH/bin/clang", GET));
        }
        let mut command = job.command(&clang);
        command.arg("--target=wasm32-wasip1");
        return Ok(("the WASI SDK", command));
    }
    if let Some(zig) = job.find("zig") {
        let mut command = job.command(&zig);
        command.args(["cc", "-target", "wasm32-wasi"]);
        return Ok(("zig", command));
    }
    let python = job.find("python3").or_else(|| job.find("python")).ok_or_else(|| absent("zig", GET))?;
    if !succeeds(job.command(&python).args(["-c", "import ziglang"])) {
        return Err(absent("zig", GET));
    }
    let mut command = job.command(&python);
    command.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi"]);
    Ok(("zig", command))
}

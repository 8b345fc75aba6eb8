//! Python, through `componentize-py`.

use super::{
    component,
    toolchain::{Job, Program, made},
};
use crate::error::{Error, Result};

pub(super) const COMPONENTIZE: Program =
    Program { name: "componentize-py", get: "`pip install componentize-py`, such as into the folder `.venv` of the tool" };

/// The module that a tool begins in.
const ENTRY: &str = "tool";

pub(super) fn compile(job: &mut Job<'_>) -> Result<Vec<u8>> {
    if !job.dir().join("tool.py").is_file() {
        return Err(Error::invalid(format!("`{}` has no tool.py", job.dir().display())).hint("a tool begins in tool.py"));
    }
    let componentize = job.program(&COMPONENTIZE)?;
    let wit = job.lay_out(&[("caxton-tool.wit", component::WIT)])?;
    let module = job.scratch().join("python.wasm");
    let mut command = job.command(&componentize);
    command.arg("--quiet").arg("--wit-path").arg(wit).args(["--world", component::WORLD, "componentize", ENTRY, "--python-path", "."]);
    command.args(job.args).arg("--output").arg(&module);
    job.run("snapshotted on CPython", &mut command)?;
    made(&module)
}

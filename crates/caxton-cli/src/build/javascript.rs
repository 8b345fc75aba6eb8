//! JavaScript and TypeScript, on `QuickJS`.

use super::{
    component,
    toolchain::{Job, Program, made},
};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(super) const COMPONENTIZE: Program =
    Program { name: "componentize-qjs", get: "`npm install componentize-qjs`, in the folder of the tool or with --global" };
const BUNDLE: Program = Program {
    name: "esbuild",
    get: "`npm install esbuild`, in the folder of the tool or with --global: it turns TypeScript into JavaScript",
};

/// Where a tool begins, whichever is there.
const ENTRIES: [&str; 8] = ["tool.js", "tool.mjs", "tool.ts", "src/tool.js", "src/tool.ts", "index.js", "src/index.js", "src/index.ts"];

/// The world with what JavaScript can reach by imports only.
const WORLD: &str = "tool-server-js";
const WIT: [(&str, &str); 4] = [
    ("caxton-tool.wit", component::WIT),
    ("world.wit", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/js/wit/world.wit"))),
    ("deps/cli.wit", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/js/wit/deps/cli.wit"))),
    ("deps/filesystem.wit", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/js/wit/deps/filesystem.wit"))),
];

pub(super) fn compile(job: &mut Job<'_>) -> Result<Vec<u8>> {
    let entry = entry(job.dir())?;
    let componentize = job.program(&COMPONENTIZE)?;
    let wit = job.lay_out(&WIT)?;
    let (entry, root) = if entry.extension().is_some_and(|end| end == "ts") { bundle(job, &entry)? } else { (entry, None) };
    let module = job.scratch().join("js.wasm");
    let mut command = job.command(&componentize);
    command.arg("--wit").arg(wit).args(["--world", WORLD, "--sync", "--js"]).arg(entry);
    if let Some(root) = root {
        command.arg("--module-root").arg(root);
    }
    command.args(job.args).arg("--output").arg(&module);
    job.run("snapshotted on QuickJS", &mut command)?;
    made(&module)
}

/// One JavaScript file of the TypeScript ones, and the folder that it lies in.
fn bundle(job: &mut Job<'_>, entry: &Path) -> Result<(PathBuf, Option<PathBuf>)> {
    let esbuild = job.program(&BUNDLE)?;
    let bundled = job.scratch().join("bundled.js");
    let mut command = job.command(&esbuild);
    command.arg(entry).args(["--bundle", "--format=esm", "--target=es2023", "--external:wasi:*", "--log-level=warning"]);
    command.arg(format!("--outfile={}", bundled.display()));
    job.run("bundled with esbuild", &mut command)?;
    Ok((bundled, Some(job.scratch().to_path_buf())))
}

fn entry(dir: &Path) -> Result<PathBuf> {
    ENTRIES.iter().map(|name| dir.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        Error::invalid(format!("`{}` has no {}", dir.display(), ENTRIES.join(", "))).hint("a tool begins in tool.js or tool.ts")
    })
}

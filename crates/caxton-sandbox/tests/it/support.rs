//! A sandbox for the tests, and what they share.

use std::{path::PathBuf, sync::OnceLock};

use caxton_sandbox::{Call, CallOutcome, Component, Error, Limits, Options, Sandbox};
use tempfile::TempDir;

use crate::guest::{Guest, tool_with};

/// The committed CSV tool.
pub(crate) fn csv_stats() -> Vec<u8> {
    std::fs::read(csv_stats_path()).unwrap()
}

pub(crate) fn csv_stats_path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tools/csv-stats/tool.wasm"))
}

/// One engine for all tests of a process that want nothing special of it.
pub(crate) fn shared() -> &'static Sandbox {
    static SHARED: OnceLock<(Sandbox, TempDir)> = OnceLock::new();
    &SHARED.get_or_init(|| sandbox(|_| {})).0
}

/// A sandbox of its own; it lives as long as its folder.
pub(crate) fn sandbox(change: impl FnOnce(&mut Options)) -> (Sandbox, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().join("scratch"));
    options.slots = 4;
    change(&mut options);
    (Sandbox::new(options).unwrap(), folder)
}

pub(crate) async fn load(wasm: Vec<u8>) -> Component {
    shared().load("guest", wasm).await.unwrap()
}

pub(crate) fn echo(arguments: &str) -> Call {
    Call::new("echo", arguments)
}

pub(crate) async fn call_limited(component: &Component, change: impl FnOnce(&mut Limits)) -> Result<CallOutcome, Error> {
    let mut call = echo("{}");
    change(&mut call.limits);
    component.call(call).await
}

/// A tool with these fields and this body that imports these interfaces of this WIT.
pub(crate) fn component_of(fields: &str, body: &str, wit: &str, imports: &[&str]) -> Vec<u8> {
    let imports = imports.join(";\n  import ");
    tool_with(&Guest { body, fields, import: Some((wit, &imports)), pages: 4, ..Guest::default() })
}

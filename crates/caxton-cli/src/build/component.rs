//! What every language needs after its compiler: the world embedded, WASI's first version adapted, names taken out.

use super::{reserved, sections};
use crate::error::{Error, Result};
use caxton_types::Code;
use wasi_preview1_component_adapter_provider::{WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The world of tool servers.
pub(super) const WIT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/wit/caxton-tool.wit"));
pub(super) const WORLD: &str = "tool-server";

/// Makes a component of what a compiler left; one that is a component already only loses its names.
pub(super) fn wrap(wasm: Vec<u8>) -> Result<Vec<u8>> {
    let wasm = if sections::is_component(&wasm) { wasm } else { encode(wasm)? };
    sections::without_names(&wasm).map_err(|reason| Error::new(Code::Internal, format!("the compiler left no WebAssembly: {reason}")))
}

fn encode(mut module: Vec<u8>) -> Result<Vec<u8>> {
    let described = sections::has_custom(&module, "component-type").unwrap_or_default();
    if !described {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("caxton-tool.wit", WIT).map_err(|error| defect(&format!("{error:#}")))?;
        let world = resolve.select_world(&[package], Some(WORLD)).map_err(|error| defect(&format!("{error:#}")))?;
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(no_server)?;
    }
    let reserved = reserved::handed_out(&module).map_err(no_server)?;
    // The adapter's own state is not for the guest's allocator: it outlives a call, and begins before a runtime does.
    let grows = reserved.is_none();
    let module = reserved.unwrap_or(module);
    let encoder = ComponentEncoder::default().validate(true).realloc_via_memory_grow(grows).module(&module).map_err(no_server)?;
    let encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(no_server)
}

fn no_server(error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the module is no tool server: {error:#}"))
        .hint("it exports the two functions of the world `tool-server`: the SDK of the language does so")
}

fn defect(what: &str) -> Error {
    Error::new(Code::Internal, format!("the world of tools cannot be read: {what}"))
}

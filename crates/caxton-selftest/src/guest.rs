//! Guests of a few lines of WebAssembly text: what no honest toolchain emits.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use crate::Error;

const WIT: &str = include_str!("../../../sdk/wit/caxton-tool.wit");
const HOST_WIT: &str = include_str!("../../../sdk/wit/caxton-host.wit");
/// Goes up when a guest begins to be built, and when it is.
static BUILDS: AtomicU64 = AtomicU64::new(0);

/// The one tool that every guest offers.
pub(crate) const TOOL: &str = "act";
/// Hands out memory above 4096, and never takes it back.
const REALLOC: &str = "(global.get $next)
    (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8)))";
/// Of a tool server that imports the files that it is granted, and its output.
const FILES: Imports = Imports {
    wit: include_str!("../guests/files.wit"),
    names: &["wasi:filesystem/types@0.2.6", "wasi:filesystem/preopens@0.2.6", "wasi:cli/stdout@0.2.6", "wasi:io/streams@0.2.6"],
};
const HOST: Imports = Imports {
    wit: include_str!("../guests/host.wit"),
    names: &[
        "wasi:cli/environment@0.2.6",
        "wasi:cli/stdout@0.2.6",
        "wasi:clocks/monotonic-clock@0.2.6",
        "wasi:random/random@0.2.6",
        "wasi:io/poll@0.2.6",
        "wasi:io/streams@0.2.6",
    ],
};
const HTTP: Imports = Imports {
    wit: include_str!("../guests/fetch.wit"),
    names: &["wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.6", "wasi:io/streams@0.2.6", "wasi:io/poll@0.2.6"],
};
const SOCKETS: Imports = Imports {
    wit: include_str!("../guests/sockets.wit"),
    names: &["wasi:sockets/instance-network@0.2.6", "wasi:sockets/tcp-create-socket@0.2.6", "wasi:sockets/tcp@0.2.6", "wasi:io/poll@0.2.6"],
};
const ASK: Imports = Imports { wit: "", names: &["caxton:host/memory@0.1.0", "caxton:host/tools@0.1.0"] };

/// What a guest imports: interfaces and their definition.
#[derive(Clone, Copy)]
pub(crate) struct Imports {
    pub(crate) wit: &'static str,
    pub(crate) names: &'static [&'static str],
}

/// What differs from guest to guest. Its function `$call` gets the arguments, as a pointer and a length, and returns one of what
/// `$text`, `$done` and `$error` return.
pub(crate) struct Guest<'a> {
    pub(crate) fields: &'a str,
    /// How it hands out memory for what it is given.
    pub(crate) realloc: &'a str,
    /// Pages of its memory.
    pub(crate) pages: u32,
    pub(crate) imports: Option<Imports>,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self { fields: ECHO, realloc: REALLOC, pages: 4, imports: None }
    }
}

/// Answers with its arguments.
pub(crate) const ECHO: &str =
    "(func $call (param $args i32) (param $args_len i32) (result i32) (call $text (local.get $args) (local.get $args_len)))";

/// Does with its files what its arguments say (guests/files.wat).
pub(crate) fn files() -> Result<Bytes, Error> {
    build("files", &Guest { fields: include_str!("../guests/files.wat"), imports: Some(FILES), ..Guest::default() })
}

/// Asks the host for what its arguments say (guests/host.wat).
pub(crate) fn host() -> Result<Bytes, Error> {
    build("host", &Guest { fields: include_str!("../guests/host.wat"), pages: 160, imports: Some(HOST), ..Guest::default() })
}

/// Sends the request that its arguments name (guests/fetch.wat).
pub(crate) fn fetch() -> Result<Bytes, Error> {
    build("fetch", &Guest { fields: include_str!("../guests/fetch.wat"), imports: Some(HTTP), ..Guest::default() })
}

/// Opens the raw connection that its arguments name (guests/sockets.wat).
pub(crate) fn sockets() -> Result<Bytes, Error> {
    build("sockets", &Guest { fields: include_str!("../guests/sockets.wat"), imports: Some(SOCKETS), ..Guest::default() })
}

/// Asks for memory and other tools as its arguments say (guests/ask.wat).
pub(crate) fn ask() -> Result<Bytes, Error> {
    build("ask", &Guest { fields: include_str!("../guests/ask.wat"), imports: Some(ASK), ..Guest::default() })
}

/// A guest whose call does this.
pub(crate) fn calling(attack: &'static str, body: &str) -> Result<Bytes, Error> {
    build(attack, &Guest { fields: &call(body), ..Guest::default() })
}

/// The function of a call that does this.
pub(crate) fn call(body: &str) -> String {
    format!("(func $call (param $args i32) (param $args_len i32) (result i32) {body})")
}

/// The guest as a component.
pub(crate) fn build(attack: &'static str, guest: &Guest<'_>) -> Result<Bytes, Error> {
    let wit = match guest.imports {
        None => WIT.to_owned(),
        Some(Imports { wit, names }) => {
            let names = names.join(";\n  import ");
            WIT.replace("world tool-server {", &format!("{wit}\nworld tool-server {{\n  import {names};"))
        }
    };
    component(attack, &module(guest), &wit, "tool-server")
}

/// A guest is being built: work of the selftest, which an attacker would have done elsewhere.
struct Building;

impl Building {
    fn new() -> Self {
        BUILDS.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        BUILDS.fetch_add(1, Ordering::SeqCst);
    }
}

/// Another number than before where a guest was built since then; nothing while one is.
pub(crate) fn builds() -> Option<u64> {
    let builds = BUILDS.load(Ordering::SeqCst);
    builds.is_multiple_of(2).then_some(builds)
}

/// A component of a core module and the world that it says to implement.
pub(crate) fn component(attack: &'static str, module: &str, wit: &str, world: &str) -> Result<Bytes, Error> {
    let _building = Building::new();
    let failed = |reason: &dyn std::fmt::Display| Error::Guest { attack, reason: reason.to_string() };
    let mut module = wat::parse_str(module).map_err(|error| failed(&error))?;
    let mut resolve = Resolve::default();
    resolve.push_str("caxton-host.wit", HOST_WIT).map_err(|error| failed(&format!("{error:#}")))?;
    let package = resolve.push_str("guest.wit", wit).map_err(|error| failed(&format!("{error:#}")))?;
    let world = resolve.select_world(&[package], Some(world)).map_err(|error| failed(&format!("{error:#}")))?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| failed(&format!("{error:#}")))?;
    // What is wrong with it is the sandbox's to find.
    let made = ComponentEncoder::default().validate(false).module(&module);
    let wasm = made.and_then(|mut made| made.encode()).map_err(|error| failed(&format!("{error:#}")))?;
    Ok(wasm.into())
}

/// The text of its core module. What it tells of its tool lies at 1024, results at 3072, what it is given from 4096 on.
fn module(guest: &Guest<'_>) -> String {
    let Guest { fields, realloc, pages, imports: _ } = guest;
    let (list, schema) = (words(&[1040, 1]), r#"{"type":"object"}"#);
    // name, description, schema, no options.
    let record = words(&[1100, 3, 1100, 3, 1200, 17, 0, 0, 0]);
    let schema = escaped(schema.bytes());
    format!(
        r#"(module
            {fields}
            (memory (export "memory") {pages})
            (global $next (mut i32) (i32.const 4096))
            (data (i32.const 1024) "{list}")
            (data (i32.const 1040) "{record}")
            (data (i32.const 1100) "{TOOL}")
            (data (i32.const 1200) "{schema}")
            (func $text (param $at i32) (param $len i32) (result i32)
                (i32.store (i32.const 3072) (i32.const 0))
                (i32.store (i32.const 3076) (local.get $at)) (i32.store (i32.const 3080) (local.get $len)) (i32.const 3072))
            (func $done (result i32)
                (i32.store16 (i32.const 512) (i32.const 0x6b6f)) (call $text (i32.const 512) (i32.const 2)))
            (func $error (param $code i32) (result i32)
                (i32.store8 (i32.const 512) (i32.const 33))
                (i32.store8 (i32.const 513) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
                (i32.store8 (i32.const 514) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
                (call $text (i32.const 512) (i32.const 3)))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
            (func (export "caxton:tool/tools@0.1.0#list-tools") (result i32) (i32.const 1024))
            (func (export "caxton:tool/tools@0.1.0#call-tool") (param i32 i32 i32 i32) (result i32)
                (call $call (local.get 2) (local.get 3))))"#
    )
}

fn words(numbers: &[u32]) -> String {
    escaped(numbers.iter().flat_map(|number| number.to_le_bytes()))
}

/// Bytes as the text format writes them.
fn escaped(bytes: impl Iterator<Item = u8>) -> String {
    bytes.fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"))
}

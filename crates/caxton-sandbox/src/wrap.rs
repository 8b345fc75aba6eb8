//! Core modules made into components as they are loaded, so that all code goes one way: same limits, same grants.
//!
//! Functions of WASI preview 1 are bound to those of WASI 0.2 by the adapter that toolchains use for it.

mod shim;

use std::{fmt::Display, sync::LazyLock};

use caxton_types::Digest;
use wasi_preview1_component_adapter_provider::{WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER};
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload, ValType};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use self::shim::{Allocates, Shim};
use crate::Error;

pub(crate) use self::shim::{CALLS, HANDLE, TOOLS};

const WIT: &str = include_str!("../../../sdk/wit/caxton-tool.wit");
const TOOL_SERVER: &str = "tool-server";
/// What a module exports when it implements the world `tool-server` with nobody having written so into it.
const CALL_TOOL: &str = "caxton:tool/tools@0.1.0#call-tool";
/// What a module exports when it takes calls as JSON.
const HANDLE_TOOL_CALL: &str = "handle_tool_call";
/// Raised when what is made of a module changes: what was compiled before is then of no use.
const VERSION: u8 = 1;

/// How a core module is made into a component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// It says which world it implements.
    Described,
    /// It implements the world `tool-server` and does not say so.
    ToolServer,
    /// It takes calls as JSON, through memory that it hands out.
    Calls(Shim),
}

impl Plan {
    /// How this module can be made into a component, if it can.
    pub(crate) fn of(name: &str, wasm: &[u8]) -> Result<Self, Error> {
        let module = Module::read(wasm).map_err(|error| Error::InvalidComponent { name: name.to_owned(), reason: said(error) })?;
        if module.is_described {
            return Ok(Self::Described);
        }
        if module.has(CALL_TOOL) {
            return Ok(Self::ToolServer);
        }
        if !module.has(HANDLE_TOOL_CALL) {
            return Err(Error::NotAComponent { name: name.to_owned(), found: "a core module without component metadata" });
        }
        if !module.imports.is_empty() {
            return Err(Error::ImportRefused { name: name.to_owned(), imports: module.imports });
        }
        module.shim().map(Self::Calls).map_err(|missing| {
            let missing = missing.join(", ");
            Error::InvalidComponent {
                name: name.to_owned(),
                reason: format!("it exports `{HANDLE_TOOL_CALL}`, and not all that belongs to it: {missing}"),
            }
        })
    }

    /// What compiled code is kept under: the module's digest together with all else that it is made of.
    pub(crate) fn key(module: Digest) -> Digest {
        static ADAPTER: LazyLock<Digest> = LazyLock::new(|| Digest::of(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER));
        Digest::of(format!("{module} {} {VERSION}", *ADAPTER).as_bytes())
    }

    /// The component.
    pub(crate) fn encode(&self, name: &str, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        let encoded = || {
            let encoder = ComponentEncoder::default().validate(false);
            let encoder = match self {
                Self::Described => encoder.module(wasm).map_err(said)?,
                Self::ToolServer => encoder.module(&described(wasm.to_vec(), WIT, TOOL_SERVER)?).map_err(said)?,
                Self::Calls(shim) => encoder.module(wasm).map_err(said)?.adapter("caxton-calls", &shim.module()?).map_err(said)?,
            };
            let adapter = WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter).map_err(said)?.encode().map_err(said)
        };
        encoded().map_err(|reason: String| Error::InvalidComponent { name: name.to_owned(), reason })
    }
}

/// The module with the world that it implements written into it.
fn described(mut wasm: Vec<u8>, wit: &str, world: &str) -> Result<Vec<u8>, String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("caxton.wit", wit).map_err(said)?;
    let world = resolve.select_world(&[package], Some(world)).map_err(said)?;
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).map_err(said)?;
    Ok(wasm)
}

/// What matters of a core module.
#[derive(Default)]
struct Module {
    is_described: bool,
    /// Besides those of WASI preview 1.
    imports: Vec<String>,
    has_memory: bool,
    functions: Vec<(String, Signature)>,
}

/// A function's parameters and results, as `(i32, i32) -> i32`.
type Signature = String;

impl Module {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let (mut module, mut types, mut functions) = (Self::default(), Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::CustomSection(section) if section.name().starts_with("component-type") => module.is_described = true,
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => signature(ty.params(), ty.results()),
                            _ => String::new(),
                        }));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        if let wasmparser::TypeRef::Func(ty) = import.ty {
                            functions.push(ty);
                        }
                        if import.module != WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME {
                            module.imports.push(format!("{}.{}", import.module, import.name));
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty?);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        module.has_memory |= export.kind == ExternalKind::Memory && export.name == "memory";
                        if export.kind == ExternalKind::Func {
                            let ty = functions.get(export.index as usize).and_then(|ty| types.get(*ty as usize));
                            module.functions.push((export.name.to_owned(), ty.cloned().unwrap_or_default()));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }

    fn has(&self, function: &str) -> bool {
        self.functions.iter().any(|(name, _)| name == function)
    }

    fn exports(&self, function: &str, signature: &str) -> bool {
        self.functions.iter().any(|(name, found)| name == function && found == signature)
    }

    /// What a shim must know of the module, or what the module lacks.
    fn shim(&self) -> Result<Shim, Vec<&'static str>> {
        let allocates = ["allocate", "alloc", "malloc"].into_iter().find(|name| self.exports(name, "(i32) -> i32"));
        let allocates = match allocates {
            Some(name) => Some(Allocates::Plainly(name)),
            None => self.exports("cabi_realloc", "(i32, i32, i32, i32) -> i32").then_some(Allocates::Canonically),
        };
        let mut missing = Vec::new();
        for (is_there, what) in [
            (self.has_memory, "the memory `memory`"),
            (self.exports(HANDLE_TOOL_CALL, "(i32, i32) -> i32"), "`handle_tool_call(ptr: i32, len: i32) -> i32`"),
            (allocates.is_some(), "`allocate(len: i32) -> i32`"),
            (self.exports("get_response_ptr", "() -> i32"), "`get_response_ptr() -> i32`"),
            (self.exports("get_response_len", "() -> i32"), "`get_response_len() -> i32`"),
            (!self.has("list_tools") || self.exports("list_tools", "() -> i32"), "`list_tools() -> i32` with this type"),
        ] {
            if !is_there {
                missing.push(what);
            }
        }
        match allocates {
            Some(allocates) if missing.is_empty() => Ok(Shim { allocates, lists: self.has("list_tools") }),
            _ => Err(missing),
        }
    }
}

fn signature(params: &[ValType], results: &[ValType]) -> Signature {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> {}", list(params), list(results))
}

fn said(error: impl Display) -> String {
    format!("{error:#}")
}

//! What a component is, seen from what it exports.

use wasmparser::{Parser, Payload};
use wasmtime::component::InstancePre;

use crate::{Error, bindings::ToolServerPre, entry::Way, host::Host, load::invalid, module::Module, reflect::Reflected};

/// What a tool server of our own world exports.
const TOOLS: &str = "caxton:tool/tools@0.1.";
/// Exports by which other programs know what a component is. Their functions are not meant to be called alone.
const KNOWN: [(&str, &str); 5] = [
    ("caxton:agent/handler", "an agent"),
    ("wasmcp:mcp", "a part of a wasmcp server"),
    ("wasi:http/incoming-handler", "an HTTP server"),
    ("wasi:cli/run", "a command"),
    ("wasi:", "a part of a WASI host"),
];

/// Recognises a component by its exports, the most telling first.
pub(crate) fn way(name: &str, pre: InstancePre<Host>, hides_init: bool) -> Result<Way, Error> {
    let ty = pre.component().component_type();
    let exports: Vec<String> = ty.exports(pre.engine()).map(|(export, _)| export.to_owned()).collect();
    if exports.iter().any(|export| export.starts_with(TOOLS)) {
        return Ok(Way::Typed(ToolServerPre::new(pre).map_err(|error| invalid(name, &error))?));
    }
    if let Some(module) = Module::of(&pre) {
        return Ok(Way::Module(module));
    }
    let hidden = |export: &str| known(export).is_some() || (hides_init && export == "init");
    Reflected::of(name, pre, hidden).map(Way::Reflect).ok_or_else(|| {
        let exports = exports.into_iter().map(|export| match known(&export) {
            Some(kind) => format!("{export} ({kind})"),
            None => export,
        });
        Error::NotATool { name: name.to_owned(), exports: exports.collect() }
    })
}

fn known(export: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(prefix, _)| export.starts_with(prefix)).map(|(_, kind)| *kind)
}

/// Whether the export `init` is the toolchain's own, left there after it has run at build time: so it is where a module
/// of the component is the JavaScript engine of componentize-qjs, known by what that exports.
pub(crate) fn hides_init(wasm: &[u8]) -> bool {
    const ENGINE: &str = "componentize_qjs_runtime.wasm:";
    Parser::new(0).parse_all(wasm).map_while(Result::ok).any(|payload| match payload {
        Payload::ExportSection(exports) => exports.into_iter().map_while(Result::ok).any(|export| export.name.starts_with(ENGINE)),
        _ => false,
    })
}

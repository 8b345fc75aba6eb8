//! Tool servers of a few lines of WebAssembly text, for what no honest toolchain emits.

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

const WIT: &str = include_str!("../../../../sdk/wit/caxton-tool.wit");
const HOST_WIT: &str = include_str!("../../../../sdk/wit/caxton-host.wit");
/// Answers with the arguments. A call's result lies at 3072: a discriminant, then a pointer and a length.
pub(crate) const ECHO: &str =
    "(i32.store (i32.const 3076) (local.get $args)) (i32.store (i32.const 3080) (local.get $args_len)) (i32.const 3072)";

/// A component with one tool, `echo`, whose call is `body`.
pub(crate) fn tool(body: &str) -> Vec<u8> {
    tool_with(&Guest { body, ..Guest::default() })
}

/// What differs from guest to guest.
pub(crate) struct Guest<'a> {
    pub(crate) body: &'a str,
    /// Fields of the module besides the usual ones.
    pub(crate) fields: &'a str,
    pub(crate) name: &'a str,
    pub(crate) schema: &'a str,
    /// Pages of its memory.
    pub(crate) pages: u32,
    /// An interface to import beside what it exports: its definition in WIT, and its name.
    pub(crate) import: Option<(&'a str, &'a str)>,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self { body: ECHO, fields: "", name: "echo", schema: r#"{"type":"object"}"#, pages: 2, import: None }
    }
}

pub(crate) fn tool_with(guest: &Guest<'_>) -> Vec<u8> {
    let wit = match guest.import {
        None => WIT.to_owned(),
        Some((defined, name)) => WIT.replace("world tool-server {", &format!("{defined}\nworld tool-server {{\n  import {name};")),
    };
    component(&module_text(guest), &wit, "tool-server")
}

/// What a tool asks of the host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asks<'a> {
    /// Hands its arguments on to this tool, and its answer back.
    Tool(&'a str),
    /// Searches memory for its arguments; what is found is its structured content.
    Memory,
    /// Remembers its arguments in this scope.
    Remember(&'a str),
}

/// A component with one tool that asks the host whenever it is called; a refusal is its failure.
pub(crate) fn asking(name: &str, asks: Asks<'_>) -> Vec<u8> {
    const ANSWER: &str =
        "(i32.store (i32.const 3076) (i32.load (i32.const 3204))) (i32.store (i32.const 3080) (i32.load (i32.const 3208)))";
    let text = |text: &str| escaped(text.bytes());
    let (before, after) = (r#"{"content":[],"structuredContent":{"found":"#, "}}");
    let (interface, function, params, first, call, answer) = match asks {
        Asks::Tool(tool) => {
            ("tools", "call-tool", 5, tool, "(i32.const 2000) (i32.const LEN) (local.get $args) (local.get $args_len)", ANSWER.to_owned())
        }
        Asks::Remember(scope) => {
            let found = "(i32.store (i32.const 3076) (i32.const 2400)) (i32.store (i32.const 3080) (i32.const 14))";
            ("memory", "remember", 5, scope, "(local.get $args) (local.get $args_len) (i32.const 2000) (i32.const LEN)", found.to_owned())
        }
        Asks::Memory => {
            let joined = format!(
                "(memory.copy (global.get $next) (i32.const 2200) (i32.const {before}))
                 (memory.copy (i32.add (global.get $next) (i32.const {before})) (i32.load (i32.const 3204)) (i32.load (i32.const 3208)))
                 (memory.copy (i32.add (i32.add (global.get $next) (i32.const {before})) (i32.load (i32.const 3208)))
                    (i32.const 2300) (i32.const {after}))
                 (i32.store (i32.const 3076) (global.get $next))
                 (i32.store (i32.const 3080) (i32.add (i32.load (i32.const 3208)) (i32.const {both})))",
                before = before.len(),
                after = after.len(),
                both = before.len() + after.len(),
            );
            ("memory", "recall", 4, "", "(local.get $args) (local.get $args_len) (i32.const 10)", joined)
        }
    };
    let fields = format!(
        r#"(import "caxton:host/{interface}@0.1.0" "{function}" (func $ask (param {params})))
           (data (i32.const 2000) "{}") (data (i32.const 2200) "{}") (data (i32.const 2300) "{}") (data (i32.const 2400) "{}")"#,
        text(first),
        text(before),
        text(after),
        text(r#"{"content":[]}"#),
        params = "i32 ".repeat(params),
    );
    let body = format!(
        "(call $ask {call} (i32.const 3200))
         (if (i32.load8_u (i32.const 3200))
            (then
                (i32.store (i32.const 3072) (i32.const 1))
                (i32.store (i32.const 3076) (i32.const 2))
                (i32.store (i32.const 3080) (i32.load (i32.const 3204)))
                (i32.store (i32.const 3084) (i32.load (i32.const 3208))))
            (else (i32.store (i32.const 3072) (i32.const 0)) {answer}))
         (i32.const 3072)",
        call = call.replace("LEN", &first.len().to_string()),
    );
    let import = format!("caxton:host/{interface}@0.1.0");
    tool_with(&Guest { body: &body, fields: &fields, name, import: Some(("", &import)), ..Guest::default() })
}

/// The text of the core module of a tool server that does what `guest` says.
pub(crate) fn module_text(guest: &Guest<'_>) -> String {
    let Guest { body, fields, name, schema, pages, import: _ } = guest;
    let text = |text: &str| escaped(text.bytes());
    let numbers = |numbers: &[u32]| escaped(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let (name_len, schema_len) = (u32::try_from(name.len()).unwrap(), u32::try_from(schema.len()).unwrap());
    let list = numbers(&[1040, 1]);
    // name, description, schema, no options.
    let record = numbers(&[1100, name_len, 1100, name_len, 1300, schema_len, 0, 0, 0]);
    format!(
        r#"(module
            {fields}
            (memory (export "memory") {pages})
            (global $next (mut i32) (i32.const 4096))
            (data (i32.const 1024) "{list}")
            (data (i32.const 1040) "{record}")
            (data (i32.const 1100) "{name}")
            (data (i32.const 1300) "{schema}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8))))
            (func (export "caxton:tool/tools@0.1.0#list-tools") (result i32) (i32.const 1024))
            (func (export "caxton:tool/tools@0.1.0#call-tool")
                (param $name i32) (param $name_len i32) (param $args i32) (param $args_len i32) (result i32)
                {body}))"#,
        name = text(name),
        schema = text(schema),
    )
}

/// Bytes as the text format writes them.
fn escaped(bytes: impl Iterator<Item = u8>) -> String {
    bytes.fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"))
}

/// Makes a component of a core module and the world it implements.
pub(crate) fn component(module: &str, wit: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_str("caxton-host.wit", HOST_WIT).unwrap();
    let package = resolve.push_str("guest.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(false).module(&module).unwrap().encode().unwrap()
}

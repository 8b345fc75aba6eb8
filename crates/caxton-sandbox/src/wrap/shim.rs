//! A few functions between the component model and a module that takes calls as JSON.
//!
//! The module exports `memory`, `allocate(len) -> ptr`, `handle_tool_call(ptr, len) -> code` with 0 for success, and
//! `get_response_ptr()` and `get_response_len()`; and, if it has more than one tool, `list_tools() -> code`, whose response
//! is a JSON array of them.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, InstructionSink, MemArg, MemoryType, Module, TypeSection, ValType,
};

use super::described;

/// The interface that the shim exports, and its functions.
pub(crate) const CALLS: &str = "caxton:module/calls@0.1.0";
pub(crate) const HANDLE: &str = "handle";
pub(crate) const TOOLS: &str = "tools";

const MODULE: &str = "__main_module__";
/// Where answers lie: a code, a pointer, a length. It is a page of our own, as the module's memory is the module's.
const ANSWER: u32 = 0;

/// How a module hands out memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocates {
    /// With a function of this name that takes a length.
    Plainly(&'static str),
    /// With `cabi_realloc`.
    Canonically,
}

/// What is known of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shim {
    pub(crate) allocates: Allocates,
    /// It says which tools it has.
    pub(crate) lists: bool,
}

/// Types of functions, by their place.
mod ty {
    pub(super) const NULLARY: u32 = 0;
    pub(super) const UNARY: u32 = 1;
    pub(super) const BINARY: u32 = 2;
    pub(super) const REALLOC: u32 = 3;
}

impl Shim {
    /// The shim as a module, with the world that it implements written into it.
    pub(super) fn module(&self) -> Result<Vec<u8>, String> {
        let tools = if self.lists { "tools: func() -> tuple<s32, string>;" } else { "" };
        let wit = format!(
            "package caxton:module@0.1.0; interface calls {{ {tools} handle: func(call: string) -> tuple<s32, string>; }} world module {{ export calls; }}"
        );
        described(self.code(), &wit, "module")
    }

    fn code(&self) -> Vec<u8> {
        let mut types = TypeSection::new();
        for params in [0, 1, 2, 4] {
            types.ty().function(std::iter::repeat_n(ValType::I32, params), [ValType::I32]);
        }
        let mut imports = ImportSection::new();
        let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
        imports.import("env", "memory", memory);
        let (allocate, allocate_type) = match self.allocates {
            Allocates::Plainly(name) => (name, ty::UNARY),
            Allocates::Canonically => ("cabi_realloc", ty::REALLOC),
        };
        // In the order of the numbers used below.
        let mut imported = vec![
            (allocate, allocate_type),
            ("handle_tool_call", ty::BINARY),
            ("get_response_ptr", ty::NULLARY),
            ("get_response_len", ty::NULLARY),
        ];
        if self.lists {
            imported.push(("list_tools", ty::NULLARY));
        }
        for (name, ty) in &imported {
            imports.import(MODULE, name, EntityType::Function(*ty));
        }
        let (mut functions, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
        let first = u32::try_from(imported.len()).unwrap_or_default();
        let answer = first;
        for (ty, function) in [(ty::UNARY, answering()), (ty::REALLOC, self.realloc()), (ty::BINARY, calling(&[0, 1], HANDLED, answer))] {
            functions.function(ty);
            code.function(&function);
        }
        exports.export("cabi_export_realloc", ExportKind::Func, first + 1);
        exports.export(&format!("{CALLS}#{HANDLE}"), ExportKind::Func, first + 2);
        if self.lists {
            functions.function(ty::NULLARY);
            code.function(&calling(&[], LISTED, answer));
            exports.export(&format!("{CALLS}#{TOOLS}"), ExportKind::Func, first + 3);
        }
        let mut globals = GlobalSection::new();
        globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(0));
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&globals).section(&exports).section(&code);
        module.finish()
    }

    /// `cabi_export_realloc(old, old_len, align, len)`: a new piece only, as no more is asked of it for text.
    fn realloc(&self) -> Function {
        let mut function = Function::new([]);
        let mut body = function.instructions();
        body.local_get(0).if_(BlockType::Empty).unreachable().end();
        match self.allocates {
            Allocates::Plainly(_) => body.local_get(3).call(ALLOCATED),
            Allocates::Canonically => body.i32_const(0).i32_const(0).local_get(2).local_get(3).call(ALLOCATED),
        };
        body.end();
        function
    }
}

const ALLOCATED: u32 = 0;
const HANDLED: u32 = 1;
const RESPONSE_PTR: u32 = 2;
const RESPONSE_LEN: u32 = 3;

/// Calls one of the module's functions and makes its code an answer.
fn calling(params: &[u32], called: u32, answer: u32) -> Function {
    let mut function = Function::new([]);
    let mut body = function.instructions();
    for param in params {
        body.local_get(*param);
    }
    body.call(called).call(answer).end();
    function
}

/// `(code) -> answer`: lays code, pointer and length of the response into the page, which is taken the first time.
fn answering() -> Function {
    let mut function = Function::new([]);
    let mut body = function.instructions();
    let field = |body: &mut InstructionSink<'_>, offset: u64| {
        body.i32_store(MemArg { offset, align: 2, memory_index: 0 });
    };
    body.global_get(ANSWER).i32_eqz().if_(BlockType::Empty);
    body.i32_const(1).memory_grow(0).i32_const(16).i32_shl().global_set(ANSWER);
    // -1 pages: there is no more memory.
    body.global_get(ANSWER).i32_const(-1 << 16).i32_eq().if_(BlockType::Empty).unreachable().end();
    body.end();
    body.global_get(ANSWER).local_get(0);
    field(&mut body, 0);
    body.global_get(ANSWER).call(RESPONSE_PTR);
    field(&mut body, 4);
    body.global_get(ANSWER).call(RESPONSE_LEN);
    field(&mut body, 8);
    body.global_get(ANSWER).end();
    function
}

/// The number of `list_tools`.
const LISTED: u32 = 4;

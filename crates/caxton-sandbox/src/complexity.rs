//! What is too much for the compiler, however few bytes it has.
//!
//! The compiler keeps a value for everything that a branch, a call or a block hands on, and its work grows with all of them in
//! one function: some ten kilobytes of WebAssembly can keep it busy for minutes and take all memory. What toolchains emit hands
//! on one value or a few; so only what hands on many is counted.

use wasmparser::{BlockType, CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeRef};

/// So many values handed on at once are usual for a branch.
const BRANCH_USUAL: usize = 2;
/// And so many for a call, arguments and results together.
const CALL_USUAL: usize = 48;
/// The locals of a function times its blocks, each as often as loops stand around it: where ways meet, each local may need a value
/// of its own. So many are usual for a function; the largest of the Python and JavaScript engines have less than a million.
const MEETINGS_USUAL: usize = 4_000_000;
/// And so many are compiled of those functions that have more.
const MEETINGS_MAX: usize = 12_000_000;

/// How much a component has of what is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Complexity {
    /// Values handed on by branches and calls that hand on many, all together.
    pub(crate) wide: usize,
    /// Meetings of locals and blocks in functions that have many, all together.
    pub(crate) meetings: usize,
}

/// Refuses what is too much to compile; what is invalid is the engine's to tell.
pub(crate) fn check(wasm: &[u8], wide_max: u32) -> Result<(), String> {
    let Ok(Complexity { wide, meetings }) = of(wasm) else { return Ok(()) };
    if wide > wide_max as usize {
        return Err(format!(
            "its branches and calls hand on {wide} values, counting those that hand on many; at most {wide_max} are compiled"
        ));
    }
    if meetings > MEETINGS_MAX {
        return Err(format!("its largest functions have {meetings} meetings of locals and blocks; at most {MEETINGS_MAX} are compiled"));
    }
    Ok(())
}

pub(crate) fn of(wasm: &[u8]) -> wasmparser::Result<Complexity> {
    let mut complexity = Complexity::default();
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::Version { .. } => module = Module::default(),
            Payload::TypeSection(types) => {
                for group in types {
                    module.types.extend(group?.types().map(|ty| match &ty.composite_type.inner {
                        CompositeInnerType::Func(function) => (function.params().len(), function.results().len()),
                        _ => (0, 0),
                    }));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                        module.functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                module.defined = module.functions.len();
                for ty in functions {
                    module.functions.push(ty?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let function = module.function(&body)?;
                complexity.wide = complexity.wide.saturating_add(function.wide);
                let many = if function.meetings > MEETINGS_USUAL { function.meetings } else { 0 };
                complexity.meetings = complexity.meetings.saturating_add(many);
                module.defined += 1;
            }
            _ => {}
        }
    }
    Ok(complexity)
}

/// What is known of a core module.
#[derive(Default)]
struct Module {
    /// Parameters and results of each type.
    types: Vec<(usize, usize)>,
    /// The type of each function, imported or not.
    functions: Vec<u32>,
    /// The function whose body comes next.
    defined: usize,
}

impl Module {
    fn of_type(&self, ty: u32) -> (usize, usize) {
        self.types.get(ty as usize).copied().unwrap_or_default()
    }

    fn of_function(&self, function: usize) -> (usize, usize) {
        self.functions.get(function).map_or((0, 0), |ty| self.of_type(*ty))
    }

    fn of_block(&self, block: BlockType) -> (usize, usize) {
        match block {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(ty) => self.of_type(ty),
        }
    }

    fn function(&self, body: &FunctionBody<'_>) -> wasmparser::Result<Complexity> {
        let (params, results) = self.of_function(self.defined);
        let mut locals = params;
        for local in body.get_locals_reader()? {
            locals = locals.saturating_add(local?.0 as usize);
        }
        // What a branch to each of the blocks around hands on, the function's own first.
        let mut labels = vec![results];
        // And whether it is a loop.
        let (mut loops, mut depth) = (vec![false], 0_usize);
        let (mut wide, mut blocks) = (0_usize, 1_usize);
        let mut add = |values: usize, usual: usize| wide = wide.saturating_add(if values > usual { values } else { 0 });
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let target = |labels: &[usize], depth: u32| labels.iter().rev().nth(depth as usize).copied().unwrap_or_default();
            match operators.read()? {
                Operator::Block { blockty } | Operator::If { blockty } => {
                    let (params, results) = self.of_block(blockty);
                    add(params.saturating_add(results), BRANCH_USUAL);
                    labels.push(results);
                    loops.push(false);
                    blocks = blocks.saturating_add(1 + depth);
                }
                Operator::Loop { blockty } => {
                    let (params, results) = self.of_block(blockty);
                    add(params.saturating_add(results), BRANCH_USUAL);
                    labels.push(params);
                    loops.push(true);
                    depth += 1;
                    blocks = blocks.saturating_add(1 + depth);
                }
                Operator::Else => blocks += 1,
                Operator::End => {
                    labels.pop();
                    depth = depth.saturating_sub(usize::from(loops.pop() == Some(true)));
                }
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    add(target(&labels, relative_depth), BRANCH_USUAL);
                    blocks = blocks.saturating_add(1 + depth);
                }
                Operator::BrTable { targets } => {
                    let depths = targets.targets().collect::<wasmparser::Result<Vec<u32>>>()?;
                    blocks = blocks.saturating_add(depths.len().saturating_mul(1 + depth));
                    for depth in depths.into_iter().chain([targets.default()]) {
                        add(target(&labels, depth), BRANCH_USUAL);
                    }
                }
                Operator::Return => add(results, BRANCH_USUAL),
                Operator::Call { function_index } => {
                    let (params, results) = self.of_function(function_index as usize);
                    add(params.saturating_add(results), CALL_USUAL);
                }
                Operator::CallIndirect { type_index, .. } => {
                    let (params, results) = self.of_type(type_index);
                    add(params.saturating_add(results), CALL_USUAL);
                }
                _ => {}
            }
        }
        Ok(Complexity { wide, meetings: locals.saturating_mul(blocks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(module: &str) -> Complexity {
        of(&wat::parse_str(module).unwrap()).unwrap()
    }

    #[test]
    fn what_toolchains_emit_is_not_counted() {
        let csv_stats = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tools/csv-stats/tool.wasm")).unwrap();
        assert_eq!(of(&csv_stats).unwrap(), Complexity::default());
        let plain = "(module (func (param i32) (result i32) (local i64)
            (block (result i32) (br_table 0 0 (i32.const 1) (local.get 0))) (loop (br_if 0 (local.get 0)))))";
        assert_eq!(measured(plain), Complexity::default());
    }

    #[test]
    fn what_hands_on_many_values_is_counted_each_time() {
        let many = "i64 ".repeat(100);
        let values = "(i64.const 1)".repeat(100);
        let drops = "drop ".repeat(100);
        let module =
            |inner: &str| format!("(module (func $f (param {many})) (func (param i32) (block (result {many}) {values} {inner}) {drops}))");
        // The block itself, a branch, two targets and the default of a table, a call of the function with as many parameters.
        assert_eq!(measured(&module("")).wide, 100);
        assert_eq!(measured(&module("(br_if 0 (local.get 0))")).wide, 200);
        assert_eq!(measured(&module("(br_table 0 0 0 (local.get 0))")).wide, 400);
        assert_eq!(measured(&module(&format!("{values} (call $f)"))).wide, 200);
        assert!(check(&wat::parse_str(module("(br_if 0 (local.get 0))")).unwrap(), 199).unwrap_err().contains("200 values"));
    }

    #[test]
    fn loops_in_loops_over_many_locals_are_counted() {
        let locals = "(local i64)".repeat(1000);
        let nest = (0..60).fold(String::new(), |inner, _| format!("(loop {inner} (br_if 0 (local.get 0)))"));
        let of = |nests: usize| measured(&format!("(module (func (param i32) {locals} {}))", nest.repeat(nests)));
        assert_eq!(of(1).meetings, 0);
        assert!(of(2).meetings > MEETINGS_USUAL && of(5).meetings > MEETINGS_MAX);
    }
}

//! Memory for the adapter inside of a module whose runtime believes that all memory is its own.
//!
//! Go's runtime takes what `memory.grow` gives for the continuation of what it has: a page that the adapter of WASI gets
//! in between would be overwritten. Nor can it allocate one itself, since it makes its first calls before its allocator
//! stands. So the SDK reserves some memory, marked by its first bytes, and here the module gets a function that hands it out.

use super::sections::{append_to_vector, rebuild, write_len};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

/// The first bytes of what is reserved (`sdk/go/abi.go`).
const MARK: &[u8; 32] = b"caxton: memory for the adapter.!";
/// How many bytes are reserved behind the mark and a counter: a stack and a state of 64 KiB each, and room to align.
const RESERVED: u32 = 160 << 10;
/// The name by which the adapter knows it; what the host hands over is allocated by the runtime, as `cabi_export_realloc`.
const EXPORT: &str = "cabi_realloc";

const TYPES: u8 = 1;
const FUNCTIONS: u8 = 3;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

/// What of a module decides how the function is added.
#[derive(Default)]
struct Found {
    types: u32,
    functions: u32,
    marked_at: Option<u32>,
}

/// The same module with a function that hands its reserved memory out; `None` where it reserved none.
pub(super) fn handed_out(module: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let found = find(module).map_err(|error| error.to_string())?;
    let Some(at) = found.marked_at else { return Ok(None) };
    let with_function = rebuild(module, |id, body| match id {
        // Four integers to one.
        TYPES => append_to_vector(body, &[0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f]).map(Some),
        FUNCTIONS => append_to_vector(body, &unsigned(found.types)).map(Some),
        EXPORTS => {
            let mut export = unsigned(u32::try_from(EXPORT.len()).unwrap_or_default());
            export.extend(EXPORT.bytes().chain([0]).chain(unsigned(found.functions)));
            append_to_vector(body, &export).map(Some)
        }
        CODE => append_to_vector(body, &function(at)).map(Some),
        _ => Ok(Some(body.to_vec())),
    });
    Ok(Some(with_function?))
}

fn find(module: &[u8]) -> wasmparser::Result<Found> {
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(types) => found.types = types.count(),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    found.functions += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(functions) => found.functions += functions.count(),
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    if let DataKind::Active { offset_expr, .. } = segment.kind
                        && let Operator::I32Const { value } = offset_expr.get_operators_reader().read()?
                        && let Some(inside) = segment.data.windows(MARK.len()).position(|bytes| bytes == MARK)
                    {
                        found.marked_at = u32::try_from(inside).ok().map(|inside| value.cast_unsigned() + inside);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `realloc(_, _, _, size)`: the next bytes of what is reserved, which begins `at`; there is no way to give them back.
fn function(at: u32) -> Vec<u8> {
    let (used, begin) = (at + 32, (at + 36).next_multiple_of(16));
    let constant = |value: u32| [vec![0x41], signed(value.cast_signed())].concat();
    let body = [
        vec![1, 1, 0x7f], // one local, an integer
        constant(used),
        vec![0x28, 2, 0, 0x22, 4], // used, kept
        constant(begin),
        vec![0x6a], // the answer, which stays on the stack
        constant(used),
        vec![0x20, 4, 0x20, 3, 0x6a], // used + size …
        constant(15),
        vec![0x6a],
        constant(0xffff_fff0),
        vec![0x71, 0x22, 4], // … rounded up, kept
        vec![0x36, 2, 0],    // and stored
        vec![0x20, 4],
        constant(RESERVED),
        vec![0x4b],                         // more than there is?
        vec![0x04, 0x40, 0x00, 0x0b, 0x0b], // then trap
    ]
    .concat();
    let mut code = unsigned(u32::try_from(body.len()).unwrap_or_default());
    code.extend(body);
    code
}

fn unsigned(value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    write_len(value as usize, &mut out);
    out
}

/// Signed LEB128.
fn signed(mut value: i32) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0) {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_leb128() {
        for (value, expected) in [(0, vec![0]), (63, vec![63]), (64, vec![0xc0, 0]), (-1, vec![0x7f]), (-16, vec![0x70])] {
            assert_eq!(signed(value), expected, "{value}");
        }
        assert_eq!(signed(160 << 10), [0x80, 0x80, 0x0a]);
    }

    #[test]
    fn a_module_that_marks_memory_gets_a_function_for_it() {
        let mark: String = std::str::from_utf8(MARK).unwrap().to_owned();
        let module = |data: &str| {
            wat::parse_str(format!(
                r#"(module (import "a" "b" (func (param i32))) (memory (export "memory") 4)
                    (func (export "f")) (data (i32.const 4096) "xx{data}"))"#
            ))
            .unwrap()
        };
        assert_eq!(handed_out(&module("nothing")), Ok(None));
        let made = handed_out(&module(&mark)).unwrap().unwrap();
        wasmparser::Validator::new().validate_all(&made).unwrap();
        let added = find(&made).unwrap();
        assert_eq!((added.types, added.functions, added.marked_at), (3, 3, Some(4098)));
    }
}

//! The sections of a module or component, as far as they are looked at or left out here.

const MAGIC: &[u8] = b"\0asm";
const CUSTOM: u8 = 0;
/// Sections of a component that hold a nested core module or component.
const NESTED: [u8; 2] = [1, 4];
/// Nobody looks at names: a trap is told without them, and they are a good part of the size.
const UNWANTED: [&[u8]; 2] = [b"name", b"component-name"];

/// Whether it is a component rather than a core module.
pub(super) fn is_component(wasm: &[u8]) -> bool {
    wasm.starts_with(MAGIC) && wasm.get(6) == Some(&1)
}

/// Whether a custom section's name starts with `start`, at the outer level.
pub(super) fn has_custom(wasm: &[u8], start: &str) -> Result<bool, &'static str> {
    let mut rest = wasm.get(8..).ok_or("it is too short")?;
    while let Some((id, body, after)) = section(rest)? {
        if id == CUSTOM && custom_name(body)?.starts_with(start.as_bytes()) {
            return Ok(true);
        }
        rest = after;
    }
    Ok(false)
}

/// The same component or module without its name sections: `strip` reaches only the main module.
pub(super) fn without_names(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let is_component = is_component(wasm);
    rebuild(wasm, |id, body| {
        if id == CUSTOM && UNWANTED.contains(&custom_name(body)?) {
            return Ok(None);
        }
        let nested = is_component && NESTED.contains(&id) && body.starts_with(MAGIC);
        Ok(Some(if nested { without_names(body)? } else { body.to_vec() }))
    })
}

/// The same with each section as `change` wants it; `None` leaves it out.
pub(super) fn rebuild(wasm: &[u8], mut change: impl FnMut(u8, &[u8]) -> Result<Option<Vec<u8>>, String>) -> Result<Vec<u8>, String> {
    let (header, mut rest) = wasm.split_at_checked(8).ok_or("it is too short")?;
    if !header.starts_with(MAGIC) {
        return Err("it has no magic number".to_owned());
    }
    let mut out = header.to_vec();
    while let Some((id, body, after)) = section(rest)? {
        rest = after;
        if let Some(body) = change(id, body)? {
            out.push(id);
            write_len(body.len(), &mut out);
            out.extend(body);
        }
    }
    Ok(out)
}

/// A vector, such as the body of most sections, with one more item.
pub(super) fn append_to_vector(vector: &[u8], item: &[u8]) -> Result<Vec<u8>, String> {
    let (count, items) = read_len(vector)?;
    let mut out = Vec::with_capacity(vector.len() + item.len() + 1);
    write_len(count + 1, &mut out);
    out.extend(items);
    out.extend(item);
    Ok(out)
}

/// An id, a body, and what comes behind it.
type Section<'b> = (u8, &'b [u8], &'b [u8]);

/// The first section; none at the end.
fn section(bytes: &[u8]) -> Result<Option<Section<'_>>, &'static str> {
    let Some((&id, after)) = bytes.split_first() else { return Ok(None) };
    let (len, after) = read_len(after)?;
    let (body, after) = after.split_at_checked(len).ok_or("a section is longer than the file")?;
    Ok(Some((id, body, after)))
}

fn custom_name(custom: &[u8]) -> Result<&[u8], &'static str> {
    let (len, after) = read_len(custom)?;
    after.get(..len).ok_or("a custom section has no name")
}

/// LEB128, at most 32 bits.
fn read_len(bytes: &[u8]) -> Result<(usize, &[u8]), &'static str> {
    let mut len = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((len, bytes.get(at + 1..).unwrap_or_default()));
        }
    }
    Err("a length is not LEB128")
}

pub(super) fn write_len(mut len: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(len & 0x7f).unwrap_or_default();
        len >>= 7;
        if len == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section_of(id: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![id];
        write_len(body.len(), &mut out);
        out.extend(body);
        out
    }

    fn module(named: bool) -> Vec<u8> {
        let mut out = b"\0asm\x01\0\0\0".to_vec();
        out.extend(section_of(1, &[0; 200]));
        if named {
            out.extend(section_of(0, b"\x04name\x01\x02"));
        }
        out.extend(section_of(0, b"\x09producers\0"));
        out
    }

    #[test]
    fn names_go_at_every_level_and_the_rest_stays() {
        let component = |named: bool| {
            let mut out = b"\0asm\x0d\0\x01\0".to_vec();
            out.extend(section_of(1, &module(named)));
            out.extend(section_of(7, b"types"));
            if named {
                out.extend(section_of(0, b"\x0ecomponent-name\0"));
            }
            out
        };
        assert_eq!(without_names(&component(true)).unwrap(), component(false));
        assert_eq!(without_names(&component(false)).unwrap(), component(false));
        assert!(is_component(&component(true)) && !is_component(&module(true)));
        without_names(b"\0asm\x0d\0\x01\0\x01\xff\x01").unwrap_err();
        without_names(b"ELF").unwrap_err();
    }

    #[test]
    fn custom_sections_are_found_by_the_start_of_their_name() {
        assert_eq!(has_custom(&module(false), "prod"), Ok(true));
        assert_eq!(has_custom(&module(false), "component-type"), Ok(false));
    }
}

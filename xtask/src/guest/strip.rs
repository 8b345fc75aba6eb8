//! Takes the names out of a component: `strip` reaches only the main module, not the adapter and the outer layer.
use anyhow::{Context, Result, ensure};

const MAGIC: &[u8] = b"\0asm";
const CUSTOM: u8 = 0;
/// Sections of a component that hold a nested core module or component.
const NESTED: [u8; 2] = [1, 4];
const UNWANTED: [&[u8]; 2] = [b"name", b"component-name"];

/// The same component or module without its name sections.
pub(super) fn names(wasm: &[u8]) -> Result<Vec<u8>> {
    let (header, mut rest) = wasm.split_at_checked(8).context("not WebAssembly: too short")?;
    ensure!(header.starts_with(MAGIC), "not WebAssembly: no magic number");
    let is_component = header.get(6) == Some(&1);
    let mut out = header.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = read_len(after)?;
        let (body, after) = after.split_at_checked(len).context("a section is longer than the file")?;
        rest = after;
        if id == CUSTOM && is_unwanted(body)? {
            continue;
        }
        let nested = is_component && NESTED.contains(&id) && body.starts_with(MAGIC);
        let body = if nested { names(body)? } else { body.to_vec() };
        out.push(id);
        write_len(body.len(), &mut out);
        out.extend(body);
    }
    Ok(out)
}

fn is_unwanted(custom: &[u8]) -> Result<bool> {
    let (len, after) = read_len(custom)?;
    let name = after.get(..len).context("a custom section has no name")?;
    Ok(UNWANTED.contains(&name))
}

/// LEB128, at most 32 bits.
fn read_len(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut len = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((len, bytes.get(at + 1..).unwrap_or_default()));
        }
    }
    anyhow::bail!("a length is not LEB128")
}

fn write_len(mut len: usize, out: &mut Vec<u8>) {
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

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![id];
        write_len(body.len(), &mut out);
        out.extend(body);
        out
    }

    #[test]
    fn names_go_at_every_level_and_the_rest_stays() {
        let module = |named: bool| {
            let mut out = b"\0asm\x01\0\0\0".to_vec();
            out.extend(section(1, &[0; 200]));
            if named {
                out.extend(section(0, b"\x04name\x01\x02"));
            }
            out.extend(section(0, b"\x09producers\0"));
            out
        };
        let component = |named: bool| {
            let mut out = b"\0asm\x0d\0\x01\0".to_vec();
            out.extend(section(1, &module(named)));
            out.extend(section(7, b"types"));
            if named {
                out.extend(section(0, b"\x0ecomponent-name\0"));
            }
            out
        };
        assert_eq!(names(&component(true)).unwrap(), component(false));
        assert_eq!(names(&component(false)).unwrap(), component(false));
        assert!(names(b"\0asm\x0d\0\x01\0\x01\xff\x01").is_err());
        assert!(names(b"ELF").is_err());
    }
}

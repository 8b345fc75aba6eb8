//! What only looks.

use super::{path::failed, walk::walk};
use crate::built_in::{Answer, Refusal, work::Watch};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use cap_std::fs::{Dir, FileType, Metadata};
use caxton_types::{Code, Timestamp, unit::ByteSize};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::SystemTime,
};

pub(super) const LISTED: usize = 200;
pub(super) const LISTED_MAX: usize = 2_000;
pub(super) const READ: ByteSize = ByteSize::new(256 << 10);
pub(super) const READ_MAX: ByteSize = ByteSize::mib(4);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Text,
    Base64,
}

fn kind(file_type: FileType) -> &'static str {
    match file_type {
        _ if file_type.is_symlink() => "symlink",
        _ if file_type.is_dir() => "directory",
        _ if file_type.is_file() => "file",
        _ => "other",
    }
}

fn time(time: Option<SystemTime>) -> Value {
    let micros =
        time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).and_then(|since| i64::try_from(since.as_micros()).ok());
    micros.map(Timestamp::from_micros).map_or(Value::Null, |time| Value::String(time.to_string()))
}

pub(super) fn list(dir: &Dir, path: &Path, is_deep: bool, limit: Option<usize>, watch: &mut Watch) -> Result<Answer, Refusal> {
    let limit = limit.unwrap_or(LISTED).min(LISTED_MAX);
    let (mut entries, mut lines, mut is_cut) = (Vec::new(), Vec::new(), false);
    walk(dir, path, is_deep, watch, &mut |entry| {
        if entries.len() == limit {
            is_cut = true;
            return Ok(false);
        }
        let (shown, kind) = (entry.path.to_string_lossy().into_owned(), kind(entry.file_type));
        lines.push(match kind {
            "directory" => format!("{shown}/"),
            "file" => format!("{shown} ({} bytes)", entry.len),
            other => format!("{shown} ({other})"),
        });
        entries.push(json!({"path": shown, "kind": kind, "size": entry.len, "modified": time(entry.modified)}));
        Ok(true)
    })?;
    if is_cut {
        lines.push(format!("… only the first {limit}; raise `limit`, or list a directory further down"));
    }
    let text = if lines.is_empty() { format!("`{}` is empty", path.display()) } else { lines.join("\n") };
    Ok(Answer::new(text, json!({"entries": entries, "truncated": is_cut})))
}

pub(super) fn stat(dir: &Dir, path: &Path) -> Result<Answer, Refusal> {
    let metadata = match dir.symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let absent = json!({"exists": false, "kind": null, "size": null, "modified": null});
            return Ok(Answer::new(format!("there is no `{}`", path.display()), absent));
        }
        Err(error) => return Err(failed("looked at", path, &error)),
    };
    let kind = kind(metadata.file_type());
    let modified = time(metadata.modified().ok().map(cap_std::time::SystemTime::into_std));
    let text = format!(
        "`{}` is a {kind} of {} bytes, changed {}",
        path.display(),
        metadata.len(),
        modified.as_str().unwrap_or("at an unknown time")
    );
    Ok(Answer::new(text, json!({"exists": true, "kind": kind, "size": metadata.len(), "modified": modified})))
}

/// A pipe or a device would keep whoever opens it.
pub(super) fn check_file(dir: &Dir, path: &Path) -> Result<Metadata, Refusal> {
    let metadata = dir.metadata(path).map_err(|error| failed("read", path, &error))?;
    if metadata.is_dir() {
        return Err(
            Refusal::new(Code::Conflict, format!("`{}` is a directory", path.display())).hint("`file_system/list` shows what is in it")
        );
    }
    if !metadata.is_file() {
        return Err(
            Refusal::new(Code::Denied, format!("`{}` is neither a file nor a directory", path.display())).hint("only files can be read")
        );
    }
    Ok(metadata)
}

pub(super) fn read(dir: &Dir, path: &Path, encoding: Encoding, offset: u64, length: Option<u64>) -> Result<Answer, Refusal> {
    let size = check_file(dir, path)?.len();
    let length = length.unwrap_or(READ.get()).min(READ_MAX.get());
    let mut file = dir.open(path).map_err(|error| failed("read", path, &error))?;
    file.seek(SeekFrom::Start(offset)).map_err(|error| failed("read", path, &error))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    let mut end = offset + bytes.len() as u64;
    let (name, content) = match encoding {
        Encoding::Base64 => ("base64", BASE64_STANDARD.encode(&bytes)),
        Encoding::Text => {
            let is_end = end >= size;
            let text = text(path, bytes, offset, is_end)?;
            end = offset + text.len() as u64;
            ("text", text)
        }
    };
    let next = (end < size).then_some(end);
    let more = next.map(|next| format!("\n… {} of {size} bytes; go on with `offset`: {next}", end - offset)).unwrap_or_default();
    let structured = json!({"encoding": name, "content": content, "size": size, "offset": offset, "next_offset": next});
    Ok(Answer::new(format!("{content}{more}"), structured))
}

/// The bytes as text; a character that the range cuts in two is left for the next one.
fn text(path: &Path, bytes: Vec<u8>, offset: u64, is_end: bool) -> Result<String, Refusal> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let (valid, is_cut) = (error.utf8_error().valid_up_to(), error.utf8_error().error_len().is_none());
            if is_cut && !is_end && valid > 0 {
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                return String::from_utf8(bytes).map_err(|_| Refusal::invalid("a text changed while it was read"));
            }
            let reason = format!("`{}` is no text: byte {} is not UTF-8", path.display(), offset + valid as u64);
            Err(Refusal::invalid(reason).hint("read it with `encoding`: `base64`"))
        }
    }
}

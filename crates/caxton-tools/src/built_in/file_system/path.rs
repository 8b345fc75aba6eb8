//! Paths as calls give them.

use crate::built_in::Refusal;
use caxton_types::Code;
use std::{
    io::{Error, ErrorKind},
    path::{Component, Path, PathBuf},
};

const LEN_MAX: usize = 1024;
const DEPTH_MAX: usize = 64;

/// A path below the granted directory. What `cap-std` would refuse is refused here already, with a reason.
pub(super) fn checked(text: &str) -> Result<PathBuf, Refusal> {
    let out = |why: &str| {
        Err(Refusal::new(Code::Denied, format!("`{}` {why}", text.chars().take(200).collect::<String>()))
            .hint("give a path inside the directory, such as `reports/2026.csv`"))
    };
    if text.len() > LEN_MAX || text.contains('\0') {
        return out("is too long for a path, or holds a zero byte");
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            Component::ParentDir => return out("leads upwards: `..` is not taken"),
            Component::RootDir | Component::Prefix(_) => return out("is an absolute path"),
        }
    }
    if path.components().count() > DEPTH_MAX {
        return out("has too many parts");
    }
    if path.as_os_str().is_empty() {
        path.push(".");
    }
    Ok(path)
}

pub(super) fn is_root(path: &Path) -> bool {
    path == Path::new(".")
}

/// The error of an attempt at a path, with a next step where there is one.
pub(super) fn failed(what: &str, path: &Path, error: &Error) -> Refusal {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => {
            Refusal::new(Code::NotFound, format!("there is no `{shown}`")).hint("`file_system/list` shows what is there")
        }
        // What `cap-std` says of a link that leads out.
        ErrorKind::PermissionDenied => {
            let refusal = Refusal::new(Code::Denied, format!("`{shown}` cannot be {what}: {error}"));
            refusal.hint("it is not the server's to touch, or a link that leads out of the directory")
        }
        ErrorKind::AlreadyExists => {
            Refusal::new(Code::Conflict, format!("`{shown}` is there already")).hint("take another path, or replace it")
        }
        ErrorKind::NotADirectory => {
            Refusal::new(Code::Conflict, format!("`{shown}` or a part of it is no directory")).hint("`file_system/stat` tells what it is")
        }
        ErrorKind::IsADirectory => {
            Refusal::new(Code::Conflict, format!("`{shown}` is a directory")).hint("`file_system/list` shows what is in it")
        }
        ErrorKind::DirectoryNotEmpty => Refusal::new(Code::Conflict, format!("the directory `{shown}` is not empty"))
            .hint("`recursive`: true removes it with all that is in it"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Refusal::new(Code::Exhausted, format!("`{shown}` cannot be {what}: the disk is full"))
        }
        _ => Refusal::new(Code::Unavailable, format!("`{shown}` cannot be {what}: {error}")),
    }
}

//! `fs://…`, as Wassette writes it.

use super::{End, Source};
use std::path::{Component, Path, PathBuf};

const SCHEME: &str = "fs://";

/// The directory or the files that a URI names: absolute behind three slashes, else below the tool's own directory. `/**` and `/*` at its
/// end, all that is in it, say nothing new: what is granted is granted with all that is below.
pub(super) fn parse(uri: &str) -> Result<(Source, End), String> {
    let path = uri.strip_prefix(SCHEME).ok_or_else(|| format!("`{uri}` is no `fs://` URI: write `fs://data` or `fs:///srv/data`"))?;
    let all = path.strip_suffix("**").or_else(|| path.strip_suffix('*')).filter(|path| path.is_empty() || path.ends_with('/'));
    let path = all.unwrap_or(path);
    let last = path.rsplit('/').next().unwrap_or_default();
    let pattern = last.contains('*').then_some(last);
    let path = pattern.and_then(|pattern| path.strip_suffix(pattern)).unwrap_or(path);
    if path.contains('*') || pattern.is_some_and(|pattern| pattern.matches('*').count() > 1) {
        return Err(format!("`{uri}`: one `*` may stand in the last part, as in `fs://logs/*.log`; else name the directory"));
    }
    if let Some(sign) = uri.chars().find(|c| "?[]{}\\%\0".contains(*c) || c.is_control()) {
        return Err(format!("`{uri}` has a {sign:?}: name a directory, a file, or files as in `fs://logs/*.log`"));
    }
    let source = source(uri, path)?;
    let end = match (pattern, &source) {
        (Some(pattern), _) => End::Files(pattern.into()),
        (None, Source::Own(path) | Source::Host(path)) if all.is_none() && !uri.ends_with('/') && path.extension().is_some() => End::File,
        (None, _) => End::Directory,
    };
    Ok((source, end))
}

fn source(uri: &str, path: &str) -> Result<Source, String> {
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::RootDir => clean.push("/"),
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(format!("`{uri}` leaves the directory that it begins with")),
        }
    }
    if !clean.is_absolute() {
        return Ok(Source::Own(clean));
    }
    if clean.parent().is_none() {
        return Err(format!("`{uri}` is the whole file system: name a directory"));
    }
    Ok(Source::Host(clean))
}

/// Where a tool finds a directory: absolute and without `..`.
pub(super) fn guest(path: &str) -> Result<Box<str>, String> {
    let sound = path.starts_with('/')
        && path.len() > 1
        && !path.ends_with('/')
        && path.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.contains(|c: char| c.is_control() || c == '\\');
    if sound { Ok(path.into()) } else { Err(format!("`{path}` is no absolute path such as `/data`")) }
}

//! `fs://…`, as Wassette writes it.

use super::Source;
use std::path::{Component, Path, PathBuf};

const SCHEME: &str = "fs://";

/// The directory that a URI names: absolute behind three slashes, else below the tool's own directory. `/**` and `/*` at its end, all that
/// is in it, say nothing new: what is granted is granted with all that is below.
pub(super) fn parse(uri: &str) -> Result<Source, String> {
    let path = uri.strip_prefix(SCHEME).ok_or_else(|| format!("`{uri}` is no `fs://` URI: write `fs://data` or `fs:///srv/data`"))?;
    let path =
        path.strip_suffix("**").or_else(|| path.strip_suffix('*')).filter(|path| path.is_empty() || path.ends_with('/')).unwrap_or(path);
    if let Some(sign) = path.chars().find(|c| "*?[]{}\\%\0".contains(*c) || c.is_control()) {
        return Err(format!("`{uri}` has a {sign:?}: only whole directories are granted, which `/**` at the end may say"));
    }
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

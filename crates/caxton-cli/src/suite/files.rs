//! Where the files of tests lie.

use crate::{
    error::{Error, Result},
    place::Place,
};
use caxton_types::Code;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace around `path`, and its files of tests at or below it, by their path in the workspace.
pub(super) fn find(path: Option<&Path>, here: &Path) -> Result<(Place, Vec<String>)> {
    let path = path.map(|path| here.join(path));
    if let Some(file) = path.as_ref().filter(|path| path.is_file()) {
        let place = Place::of(file.parent(), here)?;
        let name = relative(&place, file).ok_or_else(|| Error::invalid(format!("`{}` lies in no workspace", file.display())))?;
        return Ok((place, vec![name]));
    }
    let place = Place::of(path.as_deref(), here)?;
    let below = path.as_deref().filter(|path| path.starts_with(place.root()) && *path != place.root());
    let mut found = Vec::new();
    for folder in folders(&place)? {
        for file in listed(&folder)? {
            if file.extension().is_some_and(|extension| extension == "toml")
                && below.is_none_or(|below| file.starts_with(below))
                && let Some(name) = relative(&place, &file)
            {
                found.push(name);
            }
        }
    }
    if found.is_empty() {
        return Err(Error::new(Code::NotFound, "there are no tests here").hint(
            "a file of tests is `tests/NAME.toml`, or `agents/AGENT/tests/NAME.toml` beside an agent; agents from templates come with one",
        ));
    }
    Ok((place, found))
}

/// `tests` of the workspace and of each agent that has a folder.
fn folders(place: &Place) -> Result<Vec<PathBuf>> {
    let root = place.root();
    let mut folders = vec![root.join("tests")];
    for dir in listed(&root.join("agents"))?.into_iter().chain(listed(root)?) {
        if dir.join("agent.toml").is_file() {
            folders.push(dir.join("tests"));
        }
    }
    Ok(folders)
}

/// What lies in a folder, sorted, without what is hidden; nothing where there is no such folder.
pub(super) fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| Error::io(format_args!("read the folder `{}`", folder.display()), &error);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn relative(place: &Place, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(place.root()).ok()?.components().map(|part| part.as_os_str().to_str());
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

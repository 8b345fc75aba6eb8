//! What this folder remembers of its last deployment, so that `caxton status` works without a server.

use crate::{
    error::{Error, Result},
    place::Files,
};
use caxton_api::{DeploymentView, GitView};
use caxton_types::{DeploymentId, Digest, FileChange, Timestamp, WorkspaceName};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

const FOLDER: &str = ".caxton";
const FILE: &str = "state.json";

/// The last deployment from a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) server: String,
    pub(crate) workspace: WorkspaceName,
    pub(crate) deployment: DeploymentId,
    pub(crate) version: u32,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) git: Option<GitView>,
    pub(crate) files: BTreeMap<String, Digest>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) change: FileChange,
}

impl State {
    pub(crate) fn of(server: &str, workspace: &WorkspaceName, deployment: &DeploymentView, files: &Files) -> Self {
        Self {
            server: server.to_owned(),
            workspace: workspace.clone(),
            deployment: deployment.id,
            version: deployment.version,
            at: deployment.at,
            git: deployment.git.clone(),
            files: digests(files),
        }
    }

    /// What was saved last; nothing where nothing readable is there.
    pub(crate) fn load(root: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(root.join(FOLDER).join(FILE)).ok()?).ok()
    }

    pub(crate) fn save(&self, root: &Path) -> Result<()> {
        let folder = root.join(FOLDER);
        let failed = |error: std::io::Error| Error::io(format_args!("write `{}`", folder.join(FILE).display()), &error);
        fs::create_dir_all(&folder).map_err(failed)?;
        // Where no `.gitignore` knows of it, it keeps itself out of the repository.
        fs::write(folder.join(".gitignore"), "*\n").map_err(failed)?;
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        // Written beside and renamed: a reader sees the old state or the new one.
        let temporary = folder.join(format!("{FILE}.new"));
        fs::write(&temporary, text + "\n").map_err(failed)?;
        fs::rename(&temporary, folder.join(FILE)).map_err(failed)
    }
}

pub(crate) fn digests(files: &Files) -> BTreeMap<String, Digest> {
    files.iter().map(|(path, content)| (path.clone(), content.digest)).collect()
}

/// What changed from `before` to `now`, by path.
pub(crate) fn differences(before: &BTreeMap<String, Digest>, now: &BTreeMap<String, Digest>) -> Vec<Difference> {
    let gone = before.keys().filter(|path| !now.contains_key(*path)).map(|path| (path, FileChange::Removed));
    let there = now.iter().filter_map(|(path, digest)| match before.get(path) {
        None => Some((path, FileChange::Added)),
        Some(known) if known != digest => Some((path, FileChange::Modified)),
        Some(_) => None,
    });
    let mut all: Vec<_> = gone.chain(there).map(|(path, change)| Difference { path: path.clone(), change }).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_path() {
        let tree =
            |entries: &[(&str, &str)]| entries.iter().map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes()))).collect();
        let found = differences(&tree(&[("a", "1"), ("b", "1"), ("c", "1")]), &tree(&[("a", "1"), ("b", "2"), ("d", "1")]));
        let found: Vec<_> = found.into_iter().map(|difference| (difference.path, difference.change)).collect();
        let of = |path: &str, change| (path.to_owned(), change);
        assert_eq!(found, [of("b", FileChange::Modified), of("c", FileChange::Removed), of("d", FileChange::Added)]);
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::load(folder.path()), None);
        let state = State {
            server: "http://127.0.0.1:8080".to_owned(),
            workspace: WorkspaceName::default(),
            deployment: "dep_01k6z3q5x7e8r9t0v2w4y6z8a1".parse().unwrap(),
            version: 3,
            at: "2026-03-01T08:00:00Z".parse().unwrap(),
            git: None,
            files: BTreeMap::from([("caxton.toml".to_owned(), Digest::of(b""))]),
        };
        state.save(folder.path()).unwrap();
        assert_eq!(State::load(folder.path()), Some(state));
    }
}

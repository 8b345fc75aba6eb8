//! What a guest is made of, as one digest: nothing is built again that would come out the same.
use crate::repo::Repo;
use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};
use std::{fs, path::PathBuf};

/// The digest of those of the repository's files that are below these folders, their paths included, and of these texts.
pub(super) fn digest(repo: &Repo, files: &[PathBuf], folders: &[&str], texts: &[&str]) -> Result<String> {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    for file in files.iter().filter(|file| folders.iter().any(|folder| file.starts_with(folder))) {
        let path = repo.path(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = file.to_string_lossy();
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    Ok(data_encoding::HEXLOWER.encode(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_changed_changes_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::at(folder.path());
        for (path, text) in [("a/one", "1"), ("a/target/made", "x"), ("b/two", "2"), ("c/three", "3")] {
            fs::create_dir_all(repo.path(path).parent().unwrap()).unwrap();
            fs::write(repo.path(path), text).unwrap();
        }
        let with = |texts: &[&str]| digest(&repo, &repo.files().unwrap(), &["a", "b"], texts).unwrap();
        let now = || with(&["flags"]);
        let first = now();
        fs::write(repo.path("c/three"), "4").unwrap();
        fs::write(repo.path("a/target/made"), "y").unwrap();
        assert_eq!(now(), first);
        assert_ne!(with(&["other"]), first);
        fs::rename(repo.path("b/two"), repo.path("b/too")).unwrap();
        assert_ne!(now(), first);
    }
}

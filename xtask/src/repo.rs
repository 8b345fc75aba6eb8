//! The checkout on disk: where it is and which files are ours.
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The example tool: a workspace of its own, whose component is committed and shipped in a template.
pub(crate) const GUEST: &str = "examples/tools/csv-stats/Cargo.toml";

/// What is written in Rust for WebAssembly, each a workspace of its own.
pub(crate) const GUESTS: [&str; 3] = [GUEST, "sdk/rust/Cargo.toml", "sdk/conformance/rust/Cargo.toml"];

/// Folders that hold what tools made, not what we wrote.
const MADE_BY_TOOLS: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// One checkout of this repository.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// Opens the checkout this program was started for.
    pub(crate) fn open() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest_dir.parent().context("xtask has no parent folder")?;
        Ok(Self::at(root))
    }

    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn has(&self, relative: impl AsRef<Path>) -> bool {
        self.path(relative).exists()
    }

    pub(crate) fn read(&self, relative: impl AsRef<Path>) -> Result<String> {
        let path = self.path(relative);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Every file we wrote, relative to the root, sorted; hidden folders and those made by tools are left out.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let kind = entry.file_type()?;
                if kind.is_dir() && !name.starts_with('.') && !MADE_BY_TOOLS.contains(&name.as_ref()) {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    found.push(entry.path().strip_prefix(&self.root)?.to_path_buf());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The names of the folders under `crates/`, sorted.
    pub(crate) fn crates(&self) -> Result<Vec<String>> {
        let folder = self.path("crates");
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

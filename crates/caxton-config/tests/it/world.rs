//! Files and variables that exist in a test alone.

use caxton_config::{
    Diagnostics,
    server::{self, FileRead, Loaded, Options, Sources},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

#[derive(Default, Clone)]
pub(crate) struct World {
    files: BTreeMap<PathBuf, (String, u32)>,
    env: BTreeMap<String, String>,
    pub(crate) options: Options,
}

pub(crate) fn world() -> World {
    World::default().env("HOME", "/home/ada")
}

impl World {
    /// A file; a relative path is below the working directory `/w`.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.file_mode(path, text, 0o644)
    }

    pub(crate) fn file_mode(mut self, path: &str, text: &str, mode: u32) -> Self {
        self.files.insert(Path::new("/w").join(path), (text.into(), mode));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    pub(crate) fn set(mut self, text: &str) -> Self {
        self.options.set.push(text.into());
        self
    }

    pub(crate) fn live(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.options.live.insert(key.into(), value.into());
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, Diagnostics> {
        let read = |path: &Path| match self.files.get(path) {
            Some((text, mode)) => Ok(FileRead { text: text.clone(), mode: Some(*mode) }),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let env = |name: &str| self.env.get(name).cloned();
        server::load(&self.options, &Sources { env: &env, read: &read, cwd: "/w".into() })
    }

    pub(crate) fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn error(&self) -> String {
        self.load().expect_err("must be refused").to_string()
    }
}

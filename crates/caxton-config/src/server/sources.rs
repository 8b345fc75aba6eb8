//! What loading is given: what the user asked for, and the world to read from.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--config PATH`.
    pub config: Option<PathBuf>,
    /// `--profile NAME`.
    pub profile: Option<String>,
    /// `--env NAME`.
    pub env: Option<String>,
    /// `--set KEY=VALUE`, in their order.
    pub set: Vec<String>,
    /// Flags that stand for one key, such as `--port`.
    pub flags: Vec<Flag>,
    /// Values that were changed while the server ran, by their key.
    pub live: BTreeMap<String, Value>,
}

/// A flag that stands for one key.
#[derive(Debug, Clone)]
pub struct Flag {
    /// The flag, such as `--port`.
    pub name: &'static str,
    /// The key, such as `server.port`.
    pub key: &'static str,
    /// The value as it was given.
    pub value: String,
}

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct FileRead {
    /// Its text.
    pub text: String,
    /// Its permission bits, where the system has them.
    pub mode: Option<u32>,
}

/// The world to read from; a test gives its own.
pub struct Sources<'s> {
    /// A variable of the environment.
    pub env: &'s dyn Fn(&str) -> Option<String>,
    /// A file.
    pub read: &'s dyn Fn(&Path) -> io::Result<FileRead>,
    /// The directory that relative paths of flags and variables start from.
    pub cwd: PathBuf,
}

impl Sources<'static> {
    /// The environment and the file system of this process.
    pub fn process() -> io::Result<Self> {
        Ok(Self { env: &|name| env::var(name).ok(), read: &read_file, cwd: env::current_dir()? })
    }
}

impl Sources<'_> {
    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    pub(super) fn config_home(&self) -> Option<PathBuf> {
        self.variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(self.home()?.join(".config")))
    }

    pub(super) fn default_data_dir(&self) -> PathBuf {
        let data_home = self.variable("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(self.home()?.join(".local/share")));
        data_home.map_or_else(|| PathBuf::from("/var/lib/caxton"), |home| home.join("caxton"))
    }

    /// The path as messages show it: short where it is below the working directory.
    pub(super) fn display(&self, path: &Path) -> String {
        path.strip_prefix(&self.cwd).unwrap_or(path).display().to_string()
    }
}

/// Reads a file of at most the size that is parsed, and the mode of what was really opened.
fn read_file(path: &Path) -> io::Result<FileRead> {
    let file = fs::File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut text = String::new();
    file.take(crate::source::TEXT_LEN_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(FileRead { text, mode: mode(&meta) })
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn mode(meta: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(meta.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}

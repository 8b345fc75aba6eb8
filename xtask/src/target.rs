//! The folder builds share: dependencies are compiled once for every checkout of this repository on a machine.
//!
//! Cargo names what it builds by the path *inside* the workspace and trusts modification times, so that two checkouts
//! with one target folder take each other's artefacts for their own. Hence the lock (one task at a time) and the
//! marker (whoever comes from another checkout makes its sources new first).
use crate::{process, repo::Repo, say};
use anyhow::{Context, Result, bail};
use std::{
    env, fs,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

const MARKER: &str = "caxton-checkout";
const REBUILT: &str = "CAXTON_XTASK_REBUILT";

/// The target folder, held for this process while the value lives.
pub(crate) struct Target {
    folder: PathBuf,
    _lock: File,
}

impl Target {
    /// Takes the target folder: `CARGO_TARGET_DIR` where it is set, else one under the user's cache folder.
    pub(crate) fn take(repo: &Repo) -> Result<Self> {
        let folder = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) if !folder.is_empty() => env::current_dir()?.join(folder),
            _ => shared(env::var_os("XDG_CACHE_HOME").map(Into::into), env::var_os("HOME").map(Into::into))?,
        };
        Self::at(repo, folder)
    }

    fn at(repo: &Repo, folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let lock = lock(&folder.join("caxton-xtask.lock"))?;
        claim(repo, &folder.join(MARKER))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Builds the `caxton` of this checkout and says where it is.
    pub(crate) fn caxton(&self, repo: &Repo) -> Result<PathBuf> {
        process::run(self.cargo(repo).args(["build", "--package", "caxton", "--bin", "caxton"]))?;
        self.built_caxton()
    }

    /// Where a `caxton` that was built is.
    pub(crate) fn built_caxton(&self) -> Result<PathBuf> {
        let binary = self.folder.join("debug").join(format!("caxton{}", env::consts::EXE_SUFFIX));
        binary.canonicalize().with_context(|| format!("the build left no {}", binary.display()))
    }

    /// A cargo in this checkout that builds into this folder.
    pub(crate) fn cargo(&self, repo: &Repo) -> Command {
        let mut cargo = process::cargo(repo.root());
        cargo.env("CARGO_TARGET_DIR", &self.folder);
        cargo
    }
}

fn shared(cache: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    let cache = cache.filter(|path| path.is_absolute()).or_else(|| home.map(|home| home.join(".cache")));
    let cache = cache.context("neither CARGO_TARGET_DIR, XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("caxton").join("target"))
}

/// Waits for its turn; the system lets go of the lock when its holder ends, however it ends.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            say::problem(&format!("waiting for another task that builds into {}", path.display()));
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
            Ok(file)
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Makes our sources newer than what another checkout built from its own.
fn claim(repo: &Repo, marker: &Path) -> Result<()> {
    let ours = repo.root().to_string_lossy();
    if fs::read_to_string(marker).is_ok_and(|last| last == ours) {
        return Ok(());
    }
    renew(repo, |_| true)?;
    fs::write(marker, ours.as_bytes()).with_context(|| format!("cannot write {}", marker.display()))
}

fn renew(repo: &Repo, wanted: impl Fn(&Path) -> bool) -> Result<()> {
    let now = SystemTime::now();
    for file in repo.files()?.iter().filter(|file| wanted(file)) {
        let path = repo.path(file);
        let touched = File::options().append(true).open(&path).and_then(|open| open.set_modified(now));
        touched.with_context(|| format!("cannot renew the time of {}", path.display()))?;
    }
    Ok(())
}

/// Starts again when cargo took the xtask of another checkout for ours.
pub(crate) fn rebuild_when_foreign() -> Result<()> {
    let compiled = env!("CARGO_MANIFEST_DIR");
    let Some(started) = env::var_os("CARGO_MANIFEST_DIR").filter(|started| started != compiled) else {
        return Ok(());
    };
    if env::var_os(REBUILT).is_some() {
        bail!("this xtask was built from {compiled}; remove CARGO_TARGET_DIR from the environment and try again");
    }
    let repo = Repo::open()?;
    renew(&repo, |file| file.starts_with("xtask"))?;
    say::problem(&format!("xtask was built in {compiled}; building it for {}", Path::new(&started).display()));
    let mut again = process::cargo(repo.root());
    again.args(["run", "--quiet", "--package", "xtask", "--"]).args(env::args_os().skip(1)).env(REBUILT, "1");
    let status = again.status().context("cannot start cargo")?;
    std::process::exit(status.code().unwrap_or(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_of_the_user_is_shared() {
        let folder =
            |cache: &str, home: &str| shared((!cache.is_empty()).then(|| cache.into()), (!home.is_empty()).then(|| home.into())).ok();
        assert_eq!(folder("/c", "/h"), Some("/c/caxton/target".into()));
        assert_eq!(folder("", "/h"), Some("/h/.cache/caxton/target".into()));
        assert_eq!(folder("relative", "/h"), Some("/h/.cache/caxton/target".into()));
        assert_eq!(folder("", ""), None);
    }

    #[test]
    fn sources_become_new_when_another_checkout_built_last() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        let old = SystemTime::UNIX_EPOCH;
        let source = |checkout: &Path| checkout.join("lib.rs");
        for checkout in [&one, &two] {
            fs::create_dir(checkout).unwrap();
            fs::write(source(checkout), "").unwrap();
        }
        let age = |checkout: &Path| {
            let file = File::options().append(true).open(source(checkout)).unwrap();
            file.set_modified(old).unwrap();
        };
        let take = |checkout: &Path| {
            age(checkout);
            Target::at(&Repo::at(checkout), place.path().join("target")).unwrap();
            fs::metadata(source(checkout)).unwrap().modified().unwrap() != old
        };
        assert!(take(&one), "the first to come cannot know who was there before");
        assert!(!take(&one), "nobody else built in between");
        assert!(take(&two));
        assert!(take(&one));
    }
}

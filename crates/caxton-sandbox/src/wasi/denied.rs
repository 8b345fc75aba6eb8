//! Denied paths inside granted directories.
//!
//! A path is judged by where it really leads, not by how it is written: links in a granted directory may lead to what is
//! denied. What was opened is judged once more, by where it is then.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// What is about to be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// It is used where it is.
    Use,
    /// It goes away, or something takes its place; with it goes what lies in it.
    Move,
}

/// Whether `path`, seen from `directory`, is denied.
pub(super) fn is_denied(denied: &[PathBuf], directory: &File, path: &str, touch: Touch) -> bool {
    if denied.is_empty() {
        return false;
    }
    let Ok(base) = place(directory) else { return true };
    let whole = base.join(path);
    let Some(leads_to) = leads_to(&whole) else { return true };
    let hit = |path: &Path| denied.iter().any(|denied| path.starts_with(denied) || (touch == Touch::Move && denied.starts_with(path)));
    // The entry itself, and what it leads to if it is a link.
    hit(&leads_to) || entry(&whole).is_some_and(|entry| hit(&entry))
}

/// Whether what was opened is denied.
pub(super) fn is_open_denied(denied: &[PathBuf], opened: &File) -> bool {
    !denied.is_empty() && place(opened).map_or(true, |path| denied.iter().any(|denied| path.starts_with(denied)))
}

/// Where it is after all links; none if nobody can tell, as of a link to nothing.
fn leads_to(path: &Path) -> Option<PathBuf> {
    match path.canonicalize() {
        Ok(real) => Some(real),
        Err(_) if path.symlink_metadata().is_ok() => None,
        // It is not there yet.
        Err(_) => Some(entry(path).unwrap_or_else(|| path.to_owned())),
    }
}

/// The entry in its directory as that really is.
fn entry(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// The path of an open file, from the system.
#[cfg(target_os = "linux")]
fn place(file: &File) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd as _;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Where the system does not tell, no directory with something denied inside is granted.
#[cfg(not(target_os = "linux"))]
fn place(_: &File) -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_is_denied_is_denied_however_it_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("open/deep/secret")).unwrap();
        fs::write(root.join("open/deep/secret/key"), "k").unwrap();
        fs::write(root.join("open/plain"), "p").unwrap();
        symlink("deep/secret/key", root.join("open/link")).unwrap();
        symlink("deep/secret/none", root.join("open/dangling")).unwrap();
        symlink("deep", root.join("open/way")).unwrap();
        let directory = File::open(root.join("open")).unwrap();
        let denied = [root.join("open/deep/secret")];
        for bad in [
            "deep/secret",
            "deep/secret/key",
            "deep/../deep/secret/key",
            "way/secret/key",
            "link",
            "dangling",
            "deep/secret/new",
            "./deep/./secret/",
        ] {
            assert!(is_denied(&denied, &directory, bad, Touch::Use), "{bad}");
        }
        for good in ["plain", "deep", "way", "deep/new", "new", ".", "deep/secrets"] {
            assert!(!is_denied(&denied, &directory, good, Touch::Use), "{good}");
            assert!(!is_denied(&[], &directory, good, Touch::Move), "{good}");
        }
        // What holds it may not be moved away either.
        assert!(is_denied(&denied, &directory, "deep", Touch::Move) && !is_denied(&denied, &directory, "plain", Touch::Move));
        assert!(is_open_denied(&denied, &File::open(root.join("open/link")).unwrap()));
        assert!(!is_open_denied(&denied, &File::open(root.join("open/plain")).unwrap()));
    }
}

//! The files of a call, laid out in a folder of its own.
//!
//! A file is linked, not copied, where the file system allows it. The guest may only read, and a link gives it nothing
//! but this one file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use crate::Error;

const PREFIX: &str = "call-";
const ATTACHMENTS_MAX: usize = 64;

/// A file that a tool may read.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// A plain file name, unique in the call.
    pub name: String,
    /// Where its content is.
    pub source: Source,
}

/// Where an attachment's content is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file that does not change while the call runs.
    File(PathBuf),
    /// In memory.
    Bytes(Bytes),
}

impl Attachment {
    /// An attachment whose content is a file.
    pub fn file(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), source: Source::File(path.into()) }
    }

    /// An attachment whose content is in memory.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), source: Source::Bytes(bytes.into()) }
    }
}

/// The folder of one call; removed when the call ends, however it ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// An empty one, which nobody else on the machine looks into: a file that is linked there left a directory that may be closed.
    pub(crate) fn new(scratch: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(scratch.join(name));
        let mut directory = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
        directory.create(&folder.0)?;
        Ok(folder)
    }

    pub(crate) fn lay_out(scratch: &Path, attachments: &[Attachment]) -> Result<Self, Error> {
        let failed = |name: &str| {
            let name = name.to_owned();
            move |source| Error::Attachment { name, source }
        };
        if attachments.len() > ATTACHMENTS_MAX {
            return Err(Error::InvalidArguments(format!("more than {ATTACHMENTS_MAX} attachments")));
        }
        let folder = Self::new(scratch).map_err(failed("folder"))?;
        for Attachment { name, source } in attachments {
            if !is_plain(name) {
                return Err(Error::InvalidArguments(format!("`{name}` is not a plain file name")));
            }
            let place = folder.0.join(name);
            match source {
                Source::File(path) => link(path, &place),
                Source::Bytes(bytes) => write_new(&place, bytes),
            }
            .map_err(failed(name))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "could not remove the folder of a call");
        }
    }
}

/// Removes what calls of a process that is gone have left.
pub(crate) fn sweep(scratch: &Path) -> io::Result<()> {
    fs::create_dir_all(scratch)?;
    let ours = format!("{PREFIX}{}-", process::id());
    for entry in fs::read_dir(scratch)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && !name.starts_with(&ours) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

/// A hard link, or a copy where there can be none: other file system, no support. A symbolic link is followed first,
/// as the guest's folder may hold none that leads out of it.
fn link(path: &Path, place: &Path) -> io::Result<()> {
    let path = path.canonicalize()?;
    match fs::hard_link(&path, place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::copy(&path, place).map(drop),
        linked => linked,
    }
}

fn write_new(place: &Path, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut fs::File::create_new(place)?, bytes)
}

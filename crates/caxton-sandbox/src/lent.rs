//! Single files that are granted, laid out for an instance in a folder where nothing else is.
//!
//! A granted directory shows all that is in it, and a file is no directory. So a file is linked, or copied where it cannot be, and its
//! folder is granted instead, for reading only: what a guest would write there might be lost with the folder.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
};

use caxton_types::{FileGrant, unit::ByteSize};

use crate::{GrantError, attachments::Folder, grant::Granted};

/// The most files of one tool.
const FILES_MAX: usize = 256;
/// The most entries of a directory that is searched for names that fit.
const ENTRIES_MAX: usize = 10_000;
/// The largest file that is copied, for each instance anew.
const COPY_SIZE_MAX: u64 = 16 << 20;

/// Files that are found at one place: a name that may have one `*`, and where the files are on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lending {
    /// The directory where the guest finds them.
    pub(crate) guest: Box<str>,
    /// Each with its name for the guest.
    files: Vec<(PathBuf, Box<str>)>,
}

impl Lending {
    /// The grants of a tool by the directories where it finds them.
    pub(crate) fn by_place(grants: &[FileGrant]) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for grant in grants {
            let (guest, name) = grant.guest.rsplit_once('/').unwrap_or(("", &grant.guest));
            let guest = if guest.is_empty() { "/" } else { guest };
            let file = (grant.host.clone(), name.into());
            match places.iter_mut().find(|place| *place.guest == *guest) {
                Some(place) => place.files.push(file),
                None => places.push(Self { guest: guest.into(), files: vec![file] }),
            }
        }
        places
    }
}

/// What one instance is lent; gone with it.
pub(crate) struct Lent {
    folder: Folder,
}

impl Lent {
    /// Lays out what is there now; nothing where no file is granted.
    pub(crate) fn lay_out(scratch: &Path, granted: &Granted) -> Result<Option<Self>, GrantError> {
        if granted.lent.is_empty() {
            return Ok(None);
        }
        let made = |path: &Path| {
            let path = path.to_owned();
            move |source| GrantError::File { path, source }
        };
        let lent = Self { folder: Folder::new(scratch).map_err(made(scratch))? };
        let mut more = FILES_MAX;
        for (at, lending) in granted.lent.iter().enumerate() {
            let place = lent.place(at);
            fs::create_dir(&place).map_err(made(&place))?;
            let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
            for (host, name) in &lending.files {
                for (file, name) in found(host, name, more).map_err(made(host))? {
                    match taken.entry(name) {
                        Entry::Occupied(known) if *known.get() == file => {}
                        Entry::Occupied(known) => {
                            let twice = format!("`{}` is to be found there too", known.get().display());
                            return Err(made(&file)(io::Error::other(twice)));
                        }
                        Entry::Vacant(free) => {
                            lend(&file, &place.join(free.key()), &granted.hidden).map_err(made(&file))?;
                            more = more.checked_sub(1).ok_or_else(too_many).map_err(made(host))?;
                            free.insert(file);
                        }
                    }
                }
            }
        }
        Ok(Some(lent))
    }

    /// The folder of the files that are found at one place.
    pub(crate) fn place(&self, at: usize) -> PathBuf {
        self.folder.path().join(at.to_string())
    }
}

/// The files that are meant, at most so many, each with its name for the guest.
fn found(host: &Path, name: &str, most: usize) -> io::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let pattern = host.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('*'));
    let (Some((start, end)), Some(directory)) = (pattern, host.parent()) else {
        inside(host)?;
        return Ok(vec![(host.to_owned(), name.to_owned())]);
    };
    for (at, entry) in fs::read_dir(directory)?.enumerate() {
        if at >= ENTRIES_MAX {
            return Err(io::Error::other(format!("more than {ENTRIES_MAX} entries are in the directory: grant it whole")));
        }
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let fits = name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end));
        // What is hidden is not meant, as in every shell; nor is a directory, nor what a link makes of it.
        let is_meant = fits && (!start.is_empty() || !name.starts_with('.'));
        if is_meant && inside(&entry.path()).is_ok_and(|real| real.is_file()) {
            files.push((entry.path(), name));
        }
        if files.len() > most {
            return Err(too_many());
        }
    }
    Ok(files)
}

fn too_many() -> io::Error {
    io::Error::other(format!("more than {FILES_MAX} files are granted: grant the directory"))
}

/// Where a file really is. No link leads out of its directory.
fn inside(file: &Path) -> io::Result<PathBuf> {
    let real = file.canonicalize()?;
    match file.parent().map(Path::canonicalize).transpose()? {
        Some(directory) if real.starts_with(&directory) => Ok(real),
        _ => Err(io::Error::other("a link leads out of its directory")),
    }
}

/// Links a file, or copies it; what is denied is left out.
fn lend(file: &Path, place: &Path, hidden: &[PathBuf]) -> io::Result<()> {
    let real = inside(file)?;
    if hidden.iter().any(|hidden| real.starts_with(hidden)) {
        return Ok(());
    }
    let metadata = real.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    if fs::hard_link(&real, place).is_ok() {
        return Ok(());
    }
    if metadata.len() > COPY_SIZE_MAX {
        let most = ByteSize::new(COPY_SIZE_MAX);
        return Err(io::Error::other(format!(
            "it cannot be linked, and is larger than {most}, the most that is copied: grant its directory"
        )));
    }
    fs::copy(&real, place).map(drop)
}

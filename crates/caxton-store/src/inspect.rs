//! A look at a data directory from outside: nothing is opened for writing, migrated or changed.

mod blobs;
mod place;
mod search;

pub use self::{
    blobs::{BlobFiles as Blobs, blobs},
    place::{Place, place, tree_bytes},
};

use crate::{
    blobs::BlobFiles,
    lock, migrate,
    root::{JOURNAL_SUFFIX, blobs_dir, global_path, workspaces_dir},
    sqlite::count,
};
use caxton_types::{Digest, Timestamp, WorkspaceName};
use rusqlite::{Connection, OpenFlags};
use std::{
    fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The most findings that one database is asked for.
const PROBLEMS_MAX: usize = 5;
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// What a database is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The truth of a workspace.
    Journal(WorkspaceName),
    /// What is read from it, and can be made again.
    Projection(WorkspaceName),
    /// Memory that workspaces share.
    Global,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(workspace) => write!(f, "journal of `{workspace}`"),
            Self::Projection(workspace) => write!(f, "projection of `{workspace}`"),
            Self::Global => f.write_str("shared memory"),
        }
    }
}

/// A database of a data directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Database {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
}

/// How a database is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'l> {
    /// Whether every index is compared with its table, and every text with the search index.
    pub whole: bool,
    /// Whether a server has it open.
    pub in_use: bool,
    /// A directory for a copy that is searched; whoever gives it removes it.
    pub scratch: &'l Path,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes of the database, its log not counted.
    pub bytes: u64,
    /// Events of a journal.
    pub events: u64,
    /// When the last of them happened.
    pub last_at: Option<Timestamp>,
    /// Content that the journal names and whose file is not there.
    pub blobs_missing: u64,
    /// What is damaged, in the words of the database.
    pub damages: Vec<String>,
    /// What is wrong with the search index.
    pub search_damages: Vec<String>,
    /// The version of its schema, where this program does not know it.
    pub newer: Option<u32>,
}

/// Who has a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A process, by its id where that can be read.
    Process(Option<u32>),
}

/// Who holds the lock of a data directory.
pub fn holder(data_dir: &Path) -> io::Result<Holder> {
    let mut file = match File::open(lock::path(data_dir)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => Ok(Holder::Process(lock::pid(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The databases of a data directory; none where there is no such directory.
pub fn databases(data_dir: &Path) -> io::Result<Vec<Database>> {
    let mut found = Vec::new();
    let global = global_path(data_dir);
    if global.is_file() {
        found.push(Database { kind: Kind::Global, path: global });
    }
    let entries = match fs::read_dir(workspaces_dir(data_dir)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let journal = file.strip_suffix(JOURNAL_SUFFIX).and_then(|name| name.parse().ok()).map(Kind::Journal);
        let projection = || file.strip_suffix(".db").and_then(|name| name.parse().ok()).map(Kind::Projection);
        found.extend(journal.or_else(projection).map(|kind| Database { kind, path }));
    }
    found.sort();
    Ok(found)
}

impl Database {
    /// Looks whether it is sound.
    pub fn check(&self, look: &Look<'_>) -> Report {
        let mut report = Report { bytes: fs::metadata(&self.path).map_or(0, |about| about.len()), ..Report::default() };
        if let Err(error) = self.look(look, &mut report) {
            report.damages.push(error.to_string());
        }
        report
    }

    fn look(&self, look: &Look<'_>, report: &mut Report) -> rusqlite::Result<()> {
        let conn = open(&self.path, look.in_use)?;
        let known = match &self.kind {
            Kind::Journal(_) => migrate::JOURNAL,
            Kind::Projection(_) => migrate::PROJECTION,
            Kind::Global => migrate::GLOBAL,
        };
        let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version as usize > known.len() {
            report.newer = Some(version);
        }
        for line in sound(&conn, look.whole)? {
            let of_search = line.to_lowercase().contains("fts5");
            if of_search { &mut report.search_damages } else { &mut report.damages }.push(line);
        }
        match &self.kind {
            Kind::Journal(_) => self.journal(&conn, report),
            Kind::Projection(_) | Kind::Global => search::check(&conn, look, report),
        }
    }

    fn journal(&self, conn: &Connection, report: &mut Report) -> rusqlite::Result<()> {
        let (events, last): (_, Option<i64>) =
            conn.query_row("SELECT count(*), max(at) FROM event", [], |row| Ok((count(row, 0)?, row.get(1)?)))?;
        (report.events, report.last_at) = (events, last.map(Timestamp::from_micros));
        let Some(data_dir) = self.path.parent().and_then(Path::parent) else { return Ok(()) };
        let files = BlobFiles::new(blobs_dir(data_dir));
        let mut statement = conn.prepare("SELECT digest FROM blob WHERE bytes IS NULL")?;
        for digest in statement.query_map([], |row| row.get(0).map(Digest::from_bytes))? {
            report.blobs_missing += u64::from(!files.path(&digest?).is_file());
        }
        Ok(())
    }
}

/// A connection that cannot write. Where no server is and no log waits to be read, the file is taken as it lies, so that not
/// even the files beside it are touched.
fn open(path: &Path, in_use: bool) -> rusqlite::Result<Connection> {
    let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |about| about.len());
    let immutable = if !in_use && log == 0 { "&immutable=1" } else { "" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(format!("file:{}?mode=ro{immutable}", escaped(path)), flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    Ok(conn)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path inside of a URI.
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let text = path.as_os_str().as_encoded_bytes();
    text.iter().map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What the database says of itself.
fn sound(conn: &Connection, whole: bool) -> rusqlite::Result<Vec<String>> {
    let pragma = if whole { "integrity_check" } else { "quick_check" };
    let mut statement = conn.prepare(&format!("PRAGMA {pragma}({PROBLEMS_MAX})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for line in lines {
        let line = line?;
        found.extend(line.lines().filter(|line| *line != "ok" && !line.starts_with("*** in database")).map(str::to_owned));
    }
    found.truncate(PROBLEMS_MAX);
    Ok(found)
}

#[cfg(test)]
mod tests;

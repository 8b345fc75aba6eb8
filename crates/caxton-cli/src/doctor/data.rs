//! What is kept: the directory, its databases, its files of content, the secrets.

use super::report::{Finding, amount};
use caxton_store::inspect::{self, Database, Holder, Kind, Look, Place, Report};
use caxton_types::Timestamp;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Content that is compared with its name where nobody asks for all of it.
const BLOBS_READ_MAX: u64 = 64 << 20;

/// What an operator allows the directory to hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) used_max: Option<u64>,
    pub(super) free_min: u64,
}

/// The directory: whether it can be written, whose it is, and how much room there is.
pub(super) fn directory(dir: &Path, bounds: Bounds) -> Vec<Finding> {
    const CHECK: &str = "data directory";
    let shown = dir.display();
    let place = match inspect::place(dir) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = dir.ancestors().skip(1).find_map(|above| Some((above, inspect::place(above).ok()?)));
            return vec![match above {
                Some((above, place)) if !place.writable => Finding::fail(
                    CHECK,
                    format!("{shown} is not there, and {} cannot be written", above.display()),
                    "make it and give it to the user that the server runs as, or name another with `--data-dir DIR`",
                ),
                _ => Finding::info(CHECK, format!("{shown} is not there yet: the first start makes it")),
            }];
        }
        Err(error) => return vec![Finding::fail(CHECK, format!("{shown}: {error}"), "let the user that the server runs as read it")],
    };
    let used = inspect::tree_bytes(dir);
    vec![access(dir, place), room(used, place.free, bounds)]
}

fn access(dir: &Path, place: Place) -> Finding {
    const CHECK: &str = "data directory";
    let shown = dir.display();
    if !place.is_dir {
        return Finding::fail(CHECK, format!("{shown} is no directory"), "name another with `--data-dir DIR`");
    }
    if !place.writable {
        let todo = format!("`chown` it to the user that the server runs as, or name another with `--data-dir DIR` than {shown}");
        return Finding::fail(CHECK, format!("{shown} cannot be written"), todo);
    }
    let others = |what: &str, mode: u32| format!("{shown} can be {what} by others (mode {mode:04o})");
    match place.mode {
        Some(mode) if mode & 0o022 != 0 => Finding::fail(CHECK, others("changed", mode), format!("chmod 700 {shown}")),
        Some(mode) if mode & 0o055 != 0 => Finding::warn(CHECK, others("read", mode), format!("chmod 700 {shown}")),
        _ => Finding::ok(CHECK, format!("{shown}, for its owner alone")),
    }
}

fn room(used: u64, free: Option<u64>, bounds: Bounds) -> Finding {
    const CHECK: &str = "disk";
    const TODO: &str = "see what can go with `caxton gc --plan`, or free space on that disk";
    let of_max = bounds.used_max.map_or_else(String::new, |max| format!(" of at most {}", amount(max)));
    let of_free = free.map_or_else(String::new, |free| format!(", {} free on its disk", amount(free)));
    let detail = format!("{} held{of_max}{of_free}", amount(used));
    let is_full = bounds.used_max.is_some_and(|max| used >= max) || free.is_some_and(|free| free < bounds.free_min);
    let is_tight =
        bounds.used_max.is_some_and(|max| used >= max / 10 * 9) || free.is_some_and(|free| free < bounds.free_min.saturating_mul(2));
    if is_full {
        Finding::fail(CHECK, format!("{detail}: new work is refused"), TODO)
    } else if is_tight {
        Finding::warn(CHECK, format!("{detail}: soon new work is refused"), TODO)
    } else {
        Finding::ok(CHECK, detail)
    }
}

/// The file of secrets, where one is named.
pub(super) fn secrets(file: Option<&Path>) -> Finding {
    const CHECK: &str = "secrets file";
    let Some(file) = file else { return Finding::info(CHECK, "none is configured") };
    let shown = file.display();
    match inspect::place(file) {
        Ok(Place { mode: Some(mode), .. }) if mode & 0o077 != 0 => {
            Finding::fail(CHECK, format!("{shown} can be read by others (mode {mode:04o})"), format!("chmod 600 {shown}"))
        }
        Ok(_) => Finding::ok(CHECK, format!("{shown}, for its owner alone")),
        Err(error) => Finding::fail(CHECK, format!("{shown}: {error}"), "make the file, or take `security.secrets_file` away"),
    }
}

/// What was seen of all databases.
pub(super) struct Databases {
    pub(super) findings: Vec<Finding>,
    /// When the youngest event happened.
    pub(super) last_at: Option<Timestamp>,
}

/// Every database, with the search index in it.
pub(super) fn databases(dir: &Path, whole: bool, holder: Holder) -> io::Result<Databases> {
    let scratch = tempfile::tempdir()?;
    let mut seen: Vec<(Database, Report)> = Vec::new();
    for database in inspect::databases(dir)? {
        let look = |in_use| database.check(&Look { whole, in_use, scratch: scratch.path() });
        let mut report = look(holder != Holder::Nobody);
        let is_sound = report.damages.is_empty() && report.search_damages.is_empty();
        if !is_sound && holder == Holder::Nobody && inspect::holder(dir)? != Holder::Nobody {
            // A server was started meanwhile, and changed under our eyes what was taken as it lay.
            report = look(true);
        }
        seen.push((database, report));
    }
    let last_at = seen.iter().filter_map(|(_, report)| report.last_at).max();
    let mut findings: Vec<Finding> = seen.iter().flat_map(|(database, report)| damages(database, report)).collect();
    if findings.is_empty() {
        findings.push(sound(&seen, whole));
    }
    Ok(Databases { findings, last_at })
}

fn sound(seen: &[(Database, Report)], whole: bool) -> Finding {
    let journals = seen.iter().filter(|(database, _)| matches!(database.kind, Kind::Journal(_))).count();
    let events: u64 = seen.iter().map(|(_, report)| report.events).sum();
    let bytes: u64 = seen.iter().map(|(_, report)| report.bytes).sum();
    if seen.is_empty() {
        return Finding::info("databases", "none yet");
    }
    let depth = if whole { "every index and text compared" } else { "sound; `--full` compares every index too" };
    Finding::ok("databases", format!("{events} events in {journals} journals, {}: {depth}", amount(bytes)))
}

fn damages(database: &Database, report: &Report) -> Vec<Finding> {
    let (kind, path) = (&database.kind, database.path.display());
    let again = format!("stop the server and remove {path}: it is made again from the journal");
    let restore = format!("stop the server and restore {path} from a backup");
    let mut findings = Vec::new();
    if let Some(found) = report.newer {
        let detail = format!("{kind}: schema version {found} was written by a later version of Caxton");
        findings.push(Finding::fail("databases", detail, "run the version that wrote it, or a later one"));
    }
    if !report.damages.is_empty() {
        let detail = format!("{kind} is damaged: {}", report.damages.join("\n"));
        let todo = if matches!(kind, Kind::Projection(_)) { &again } else { &restore };
        findings.push(Finding::fail("databases", detail, todo));
    }
    if !report.search_damages.is_empty() {
        let detail = format!("{kind}: {}", report.search_damages.join("\n"));
        let todo = match kind {
            Kind::Projection(_) => again,
            Kind::Journal(_) | Kind::Global => restore,
        };
        findings.push(Finding::fail("search index", detail, todo));
    }
    if report.blobs_missing > 0 {
        let detail = format!("{kind} names {} files of content that are not there", report.blobs_missing);
        findings.push(Finding::fail("content", detail, "restore the directory `blobs` from a backup"));
    }
    findings
}

/// Files of content, by their digests.
pub(super) fn blobs(dir: &Path, whole: bool) -> Finding {
    const CHECK: &str = "content";
    let seen = match inspect::blobs(dir, (!whole).then_some(BLOBS_READ_MAX)) {
        Ok(seen) => seen,
        Err(error) => return Finding::fail(CHECK, format!("{}: {error}", dir.join("blobs").display()), "let this user read it"),
    };
    if seen.damaged.is_empty() {
        return Finding::ok(
            CHECK,
            format!("{} files, {}; {} of them hold what their names say", seen.files, amount(seen.bytes), seen.checked),
        );
    }
    let files: Vec<String> = seen.damaged.iter().map(|path: &PathBuf| path.display().to_string()).collect();
    Finding::fail(
        CHECK,
        format!("not what their names say:\n{}", files.join("\n")),
        "restore these files from a backup, and check the disk",
    )
}

#[cfg(test)]
mod tests;

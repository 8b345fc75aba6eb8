//! Walks a directory, in the order of names. Symbolic links are not followed.

use super::path::failed;
use crate::built_in::{Refusal, work::Watch};
use cap_std::fs::{Dir, FileType};
use std::path::{Path, PathBuf};

/// The most entries that one call looks at.
pub(super) const ENTRIES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// What was found.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) file_type: FileType,
    /// In bytes; 0 for what is no file.
    pub(super) len: u64,
    pub(super) modified: Option<std::time::SystemTime>,
}

/// Hands over each entry below the path until `each` says that it is enough.
pub(super) fn walk(
    dir: &Dir,
    begin: &Path,
    is_deep: bool,
    watch: &mut Watch,
    each: &mut dyn FnMut(Entry) -> Result<bool, Refusal>,
) -> Result<(), Refusal> {
    let mut seen = 0;
    // The next one to look into stands last.
    let mut open: Vec<(PathBuf, usize)> = vec![(begin.to_owned(), 0)];
    while let Some((path, depth)) = open.pop() {
        let entries = match dir.read_dir(&path) {
            Ok(entries) => entries,
            // Removed meanwhile, or not ours: what is asked for itself must be there.
            Err(_) if depth > 0 => continue,
            Err(error) => return Err(failed("listed", &path, &error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            watch.tick()?;
            seen += 1;
            if seen > ENTRIES_MAX {
                let reason = format!("`{}` has more than {ENTRIES_MAX} entries", begin.display());
                return Err(Refusal::too_large(reason).hint("take a directory further down"));
            }
            let entry = entry.map_err(|error| failed("listed", &path, &error))?;
            let (Ok(file_type), name) = (entry.file_type(), entry.file_name()) else { continue };
            let metadata = entry.metadata().ok();
            let len = metadata.as_ref().filter(|_| file_type.is_file()).map_or(0, cap_std::fs::Metadata::len);
            let modified = metadata.and_then(|metadata| metadata.modified().ok()).map(cap_std::time::SystemTime::into_std);
            let inside = if super::path::is_root(&path) { PathBuf::from(name) } else { path.join(name) };
            found.push(Entry { path: inside, file_type, len, modified });
        }
        found.sort_unstable_by(|one, two| one.path.cmp(&two.path));
        let below: Vec<_> = found
            .iter()
            .filter(|entry| is_deep && depth < DEPTH_MAX && entry.file_type.is_dir())
            .map(|entry| (entry.path.clone(), depth + 1))
            .collect();
        open.extend(below.into_iter().rev());
        for entry in found {
            if !each(entry)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

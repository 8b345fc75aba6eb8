//! What changes something, within the directory's quota.

use super::{
    look::check_file,
    path::{failed, is_root},
    walk::walk,
};
use crate::built_in::{Answer, Refusal, grants::Granted, work::Watch};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use cap_std::fs::{Dir, OpenOptions};
use caxton_types::{Code, unit::ByteSize};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

pub(super) const WRITE_MAX: ByteSize = ByteSize::mib(8);
/// Others may write there too: after so long it is counted again.
const COUNTED_FOR: Duration = Duration::from_secs(10);

/// How much lies in a directory, and since when that is known.
#[derive(Debug, Default)]
pub(super) struct Used {
    len: u64,
    since: Option<Instant>,
}

/// A change under way; nobody else of us changes the directory meanwhile.
pub(super) struct Change<'c> {
    pub(super) dir: &'c Dir,
    pub(super) granted: &'c Granted,
    pub(super) used: &'c mut Used,
    pub(super) watch: &'c mut Watch,
}

/// What is to be written.
pub(super) fn content(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, Refusal> {
    let bytes = match (text, base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(base64)) => {
            BASE64_STANDARD.decode(base64).map_err(|error| Refusal::invalid(format!("`base64` cannot be read: {error}")))?
        }
        _ => return Err(Refusal::invalid("it is not said what to write").hint("give either `text` or `base64`")),
    };
    if bytes.len() as u64 > WRITE_MAX.get() {
        return Err(Refusal::too_large(format!("{} bytes are more than the {WRITE_MAX} that one call writes", bytes.len()))
            .hint("write a part and `append` the rest"));
    }
    Ok(bytes)
}

fn done(path: &Path, what: &str, more: Value) -> Answer {
    let mut data = json!({"path": path.to_string_lossy()});
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    Answer::new(format!("`{}` {what}", path.display()), data)
}

impl Change<'_> {
    /// Whether so many bytes more find room.
    fn make_room(&mut self, more: u64, freed: u64) -> Result<(), Refusal> {
        if self.used.since.is_none_or(|since| since.elapsed() > COUNTED_FOR) {
            let mut len = 0;
            walk(self.dir, Path::new("."), true, self.watch, &mut |entry| {
                len += entry.len;
                Ok(true)
            })?;
            *self.used = Used { len, since: Some(Instant::now()) };
        }
        let (then, max) = (self.used.len.saturating_sub(freed).saturating_add(more), self.granted.len_max);
        if then > max.get() {
            let reason = format!(
                "the disk quota of `{}` is {max}: {} are used, {more} bytes more do not fit",
                self.granted.name,
                ByteSize::new(self.used.len)
            );
            return Err(Refusal::new(Code::Exhausted, reason)
                .hint("remove what is not needed, or let the operator raise `max_size` of the directory"));
        }
        self.used.len = then;
        Ok(())
    }

    /// The length of the file that is there.
    fn len_of(&self, path: &Path) -> Result<Option<u64>, Refusal> {
        match self.dir.symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => {
                Err(Refusal::new(Code::Denied, format!("`{}` is a symbolic link", path.display()))
                    .hint("write to the file that it points to"))
            }
            Ok(_) => check_file(self.dir, path).map(|metadata| Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("written", path, &error)),
        }
    }

    /// The whole file at once: written beside and put in its place, so that nobody reads half of it.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8], only_new: bool) -> Result<Answer, Refusal> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let before = self.len_of(path)?;
        if only_new && before.is_some() {
            return Err(failed("written", path, &ErrorKind::AlreadyExists.into()));
        }
        self.make_room(bytes.len() as u64, before.unwrap_or_default())?;
        let beside: PathBuf = path.with_file_name(format!(".caxton-{}-{}.tmp", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let written = self.dir.open_with(&beside, OpenOptions::new().write(true).create_new(true)).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let put = written
            .and_then(|()| if only_new { self.dir.hard_link(&beside, self.dir, path) } else { self.dir.rename(&beside, self.dir, path) });
        if only_new || put.is_err() {
            // Where it was never made there is nothing to remove.
            let _ = self.dir.remove_file(&beside);
        }
        put.map_err(|error| {
            self.used.since = None;
            failed("written", path, &error)
        })?;
        let what = if before.is_some() { "was replaced" } else { "was written" };
        Ok(done(path, &format!("{what}, {} bytes", bytes.len()), json!({"size": bytes.len(), "created": before.is_none()})))
    }

    pub(super) fn append(&mut self, path: &Path, bytes: &[u8]) -> Result<Answer, Refusal> {
        let before = self.len_of(path)?;
        self.make_room(bytes.len() as u64, 0)?;
        let appended = self.dir.open_with(path, OpenOptions::new().append(true).create(true)).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        appended.map_err(|error| {
            self.used.since = None;
            failed("written", path, &error)
        })?;
        let size = before.unwrap_or_default() + bytes.len() as u64;
        Ok(done(path, &format!("has {} bytes more, {size} in all", bytes.len()), json!({"size": size, "created": before.is_none()})))
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> Result<Answer, Refusal> {
        let was_there = self.dir.metadata(path).is_ok_and(|metadata| metadata.is_dir());
        self.dir.create_dir_all(path).map_err(|error| failed("created", path, &error))?;
        Ok(done(path, if was_there { "is there already" } else { "was created" }, json!({"created": !was_there})))
    }

    pub(super) fn remove(&mut self, path: &Path, is_deep: bool) -> Result<Answer, Refusal> {
        if is_root(path) {
            return Err(Refusal::new(Code::Denied, "the granted directory itself is not removed").hint("name what is in it"));
        }
        let metadata = match self.dir.symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(done(path, "is not there", json!({"removed": false}))),
            Err(error) => return Err(failed("removed", path, &error)),
        };
        let removed = match (metadata.is_dir(), is_deep) {
            (false, _) => self.dir.remove_file(path),
            (true, false) => self.dir.remove_dir(path),
            (true, true) => self.dir.remove_dir_all(path),
        };
        self.used.since = None;
        removed.map_err(|error| failed("removed", path, &error))?;
        Ok(done(path, "was removed", json!({"removed": true})))
    }

    pub(super) fn rename(&mut self, path: &Path, to: &Path, replace: bool) -> Result<Answer, Refusal> {
        if is_root(path) || is_root(to) {
            return Err(
                Refusal::new(Code::Denied, "the granted directory itself is not moved").hint("name what is in it, and where it shall go")
            );
        }
        if !replace && self.dir.symlink_metadata(to).is_ok() {
            return Err(failed("moved", to, &ErrorKind::AlreadyExists.into()));
        }
        self.dir.rename(path, self.dir, to).map_err(|error| failed("moved", path, &error))?;
        self.used.since = None;
        Ok(done(to, &format!("is where `{}` was moved to", path.display()), json!({"from": path.to_string_lossy()})))
    }
}

//! Compiled code on disk, so that a component is compiled once.
//!
//! Compiled code is run without another check: it is trusted because of where it is. The folder belongs to this user
//! alone, each file's digest stands beside it, and what does not match is thrown away and compiled anew. A file is read
//! for that once; until the machine starts again it is not, while it stays what it was by all that the file system tells.

mod about;

use std::{
    collections::HashMap,
    fs::{self, File},
    hash::{Hash, Hasher},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use caxton_types::{Digest, unit::ByteSize};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tracing::{debug, warn};
use wasmtime::{Engine, component::Component};

pub(crate) use self::about::About;
use self::about::Identity;
use crate::{CacheStatus, bindings::Tool};

/// What is read at a time to check what was kept.
const PIECE: usize = 64 << 10;
/// The longest list of tools that is kept, as JSON; whose is longer is asked at each start.
const TOOLS_LEN_MAX: usize = 256 << 10;

/// Raised when something else is made of a component or of what it says of its tools: what was kept before is then of no use.
const VERSION: u8 = 1;

pub(crate) struct Cache {
    folder: PathBuf,
    size_max: ByteSize,
    /// Stands for wasmtime's version, the engine's configuration, the processor's features, and what is ours of what is kept.
    engine: String,
    /// What loaded components rely on, and how many of them.
    pinned: Mutex<HashMap<Digest, usize>>,
}

impl Cache {
    pub(crate) fn open(folder: &Path, size_max: ByteSize, engine: &Engine) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        #[cfg(unix)]
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let mut hasher = Sha256Hasher::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        VERSION.hash(&mut hasher);
        let engine = Digest::from_bytes(hasher.0.finalize().into()).short();
        Ok(Self { folder: folder.to_owned(), size_max, engine, pinned: Mutex::default() })
    }

    pub(crate) fn load(&self, engine: &Engine, wasm: Digest) -> Option<(Component, About)> {
        let (code, _) = self.paths(wasm);
        let Some(about) = self.ours(wasm).ok()? else {
            warn!(file = %code.display(), "compiled code is not what was written; compiling again");
            self.forget(wasm);
            return None;
        };
        // SAFETY: the file holds what this program wrote after compiling, by its digest, in a folder that only its user may
        // write; it is replaced and removed, but never written to. wasmtime itself checks that version and configuration
        // are its own.
        #[expect(unsafe_code, reason = "the one way to load compiled code")]
        let loaded = unsafe { Component::deserialize_file(engine, &code) };
        let loaded = loaded.inspect_err(|error| debug!(%error, "compiled code is of another engine")).ok()?;
        Some((loaded, about))
    }

    /// What stands beside the code, if the file holds what was written.
    fn ours(&self, wasm: Digest) -> io::Result<Option<About>> {
        let (code, beside) = self.paths(wasm);
        let mut file = File::open(code)?;
        let mut about = match About::read(&beside) {
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => return Ok(None),
            about => about?,
        };
        let identity = Identity::of(&file)?;
        if identity.is_some() && about.seen == identity {
            return Ok(Some(about));
        }
        // Before it is read: what is written meanwhile must show.
        let settled = identity.filter(Identity::is_settled);
        if digest_of(&mut file)? != about.digest {
            return Ok(None);
        }
        if let Some(identity) = settled.filter(|before| Identity::of(&file).is_ok_and(|now| now.as_ref() == Some(before))) {
            about.seen = Some(identity);
            if let Err(error) = about.to_json().and_then(|json| replace(&beside, &json)) {
                debug!(file = %beside.display(), %error, "compiled code will be checked again");
            }
        }
        Ok(Some(about))
    }

    /// Keeps what was compiled; a failure costs only the next start its time.
    pub(crate) fn store(&self, component: &Component, wasm: Digest, hides_init: bool) {
        let (code, beside) = self.paths(wasm);
        let kept = component.serialize().map_err(|error| io::Error::other(format!("{error:#}"))).and_then(|bytes| {
            let about = About { digest: Digest::of(&bytes), seen: None, hides_init, tools: None }.to_json()?;
            self.make_room((bytes.len() + about.len()) as u64)?;
            replace(&code, &bytes)?;
            replace(&beside, &about)
        });
        if let Err(error) = kept {
            warn!(file = %code.display(), %error, "could not keep compiled code");
        }
    }

    /// Keeps what the guest says are its tools: it need not be started to be asked again.
    pub(crate) fn describe(&self, wasm: Digest, tools: Vec<Tool>) {
        let (_, beside) = self.paths(wasm);
        let kept = About::read(&beside).and_then(|about| {
            let json = About { tools: Some(tools), ..about }.to_json()?;
            if json.len() > TOOLS_LEN_MAX {
                return Ok(());
            }
            self.make_room(json.len() as u64)?;
            replace(&beside, &json)
        });
        if let Err(error) = kept {
            debug!(file = %beside.display(), %error, "tools are asked for again at the next start");
        }
    }

    /// Keeps what a component will want again, also when there is little room.
    pub(crate) fn pin(&self, wasm: Digest) {
        *self.pinned.lock().entry(wasm).or_default() += 1;
    }

    pub(crate) fn unpin(&self, wasm: Digest) {
        let mut pinned = self.pinned.lock();
        if let Some(count) = pinned.get_mut(&wasm) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                pinned.remove(&wasm);
            }
        }
    }

    pub(crate) fn has(&self, wasm: Digest) -> bool {
        let (code, beside) = self.paths(wasm);
        code.exists() && beside.exists()
    }

    pub(crate) fn status(&self) -> io::Result<CacheStatus> {
        let mut status = CacheStatus { bytes_max: self.size_max.get(), ..CacheStatus::default() };
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            status.entries += usize::from(entry.path().extension().is_some_and(|extension| extension == "cwasm"));
            // One that is replaced at this moment is counted the next time.
            status.bytes = status.bytes.saturating_add(entry.metadata().map_or(0, |about| about.len()));
        }
        Ok(status)
    }

    fn forget(&self, wasm: Digest) {
        for file in <[_; 2]>::from(self.paths(wasm)) {
            if let Err(error) = fs::remove_file(&file) {
                debug!(file = %file.display(), %error, "could not remove compiled code");
            }
        }
    }

    /// Removes the oldest until `size` more bytes fit, but nothing that is relied on.
    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // One that is replaced at this moment has made its own room.
            let Some(about) = there(entry.metadata())? else { continue };
            files.push((about.modified()?, about.len(), entry.path()));
        }
        files.sort();
        let pinned: Vec<PathBuf> = self.pinned.lock().keys().flat_map(|wasm| <[_; 2]>::from(self.paths(*wasm))).collect();
        let mut total = files.iter().map(|(_, len, _)| len).sum::<u64>().saturating_add(size);
        for (_, len, path) in files {
            if total <= self.size_max.get() {
                break;
            }
            if pinned.contains(&path) {
                continue;
            }
            there(fs::remove_file(path))?;
            total = total.saturating_sub(len);
        }
        Ok(())
    }

    fn paths(&self, wasm: Digest) -> (PathBuf, PathBuf) {
        let stem = format!("{wasm}-{}", self.engine);
        (self.folder.join(format!("{stem}.cwasm")), self.folder.join(format!("{stem}.json")))
    }
}

/// Nothing where the file is gone.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Read a piece at a time: what is used of the file is mapped, not read.
fn digest_of(file: &mut File) -> io::Result<Digest> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            len => hasher.update(piece.get(..len).unwrap_or_default()),
        }
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let fresh = path.with_extension(format!("{}.{}.new", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, path)
}

/// A hasher whose result is the same in every build of this program.
#[derive(Default)]
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

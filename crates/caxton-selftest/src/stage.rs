//! Where attacks are run: the sandbox that the neighbours use too, folders, and the canaries.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use caxton_sandbox::{EgressOptions, Limits, Options, Sandbox, WindowOptions, egress::Resolver};
use caxton_types::{Access, Digest, DirectoryGrant, HostRule, Permissions, unit::ByteSize};
use parking_lot::Mutex;

use crate::{
    Error,
    attack::{Side, Try},
    canary::Canary,
};

/// How many calls run at once: those of the neighbours and a few more.
pub(crate) const SLOTS: u32 = 16;
/// In a sandbox without neighbours.
pub(crate) const OWN_SLOTS: u32 = 2;
/// Calls of one agent within a window: more than any attack needs to begin at once.
pub(crate) const CALLS_OF_ONE: u64 = 40;
/// What loading a guest may compute.
const LOADING: Duration = Duration::from_millis(100);

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) canary: Canary,
    folder: PathBuf,
    tried: Mutex<BTreeSet<Tried>>,
}

/// A guest and what it was given, without digits: ports differ from run to run.
pub(crate) type Tried = (Digest, String);

impl Stage {
    /// Lays it out in an empty folder.
    pub(crate) async fn new(folder: &Path) -> Result<Self, Error> {
        let failed = |what| move |source| Error::Host { what, source };
        // As it really is: a guest that is granted all of the file system follows no link to it.
        let folder = &folder.canonicalize().map_err(failed("find the folder of the selftest"))?;
        if ["/dev", "/proc", "/sys"].iter().any(|system| folder.starts_with(system)) {
            return Err(Error::Folder(folder.clone()));
        }
        lay_out(folder).map_err(failed("make the folder of the selftest"))?;
        let canary = Canary::new(folder).await.map_err(failed("set up the canaries"))?;
        let sandbox = Sandbox::new(options(folder, "main")).map_err(|source| Error::Sandbox { attack: "neighbours", source })?;
        Ok(Self { sandbox, canary, folder: folder.to_owned(), tried: Mutex::default() })
    }

    /// A try in the sandbox that the neighbours use.
    pub(crate) fn attempt(&self, wasm: Bytes, arguments: impl Into<String>) -> Try<'_> {
        self.attempt_in(&self.sandbox, wasm, arguments)
    }

    /// A try in another one.
    pub(crate) fn attempt_in<'a>(&self, sandbox: &'a Sandbox, wasm: Bytes, arguments: impl Into<String>) -> Try<'a> {
        let arguments = arguments.into();
        self.tries(&wasm, &arguments);
        Try::new(sandbox, wasm, arguments)
    }

    /// Remembers what is tried, so that the two runs of an attack can be compared.
    pub(crate) fn tries(&self, wasm: &Bytes, arguments: &str) {
        let arguments = arguments.replace(|c: char| c.is_ascii_digit(), "");
        self.tried.lock().insert((Digest::of(wasm), arguments));
    }

    /// What was tried since this was asked last.
    pub(crate) fn take_tried(&self) -> BTreeSet<Tried> {
        std::mem::take(&mut self.tried.lock())
    }

    /// A sandbox that differs from the others in this.
    pub(crate) fn own(&self, attack: &'static str, change: impl FnOnce(&mut Options)) -> Result<Sandbox, Error> {
        let mut options = options(&self.folder, attack);
        options.slots = OWN_SLOTS;
        change(&mut options);
        Sandbox::new(options).map_err(|source| Error::Sandbox { attack, source })
    }

    /// Where a guard is an option of the sandbox: the one that the neighbours use; widened, one of its own that differs in this.
    pub(crate) fn widened_by(&self, side: Side, attack: &'static str, change: impl FnOnce(&mut Options)) -> Result<Sandbox, Error> {
        match side {
            Side::Guarded => Ok(self.sandbox.clone()),
            Side::Twin => self.own(attack, change),
        }
    }

    /// The granted directory: `plain`, a link that leads out of it, a pipe.
    pub(crate) fn inside(&self) -> PathBuf {
        self.folder.join("inside")
    }

    /// The one above it, where the canary is.
    pub(crate) fn above(&self) -> &Path {
        &self.folder
    }
}

fn options(folder: &Path, name: &str) -> Options {
    let mut options = Options::new(folder.join("scratch").join(name));
    options.slots = SLOTS;
    options.memory_max = ByteSize::mib(64);
    options.component_size_max = ByteSize::new(256 << 10);
    options.limits = Limits { cpu: LOADING, ..Limits::default() };
    options.windows = WindowOptions { calls: Some(CALLS_OF_ONE), ..WindowOptions::default() };
    // Nobody is asked for a name: nothing leaves the machine.
    let resolver = Resolver::new(|_, _| async { Ok(Vec::new()) });
    options.egress = EgressOptions { resolver, ..EgressOptions::default() };
    options
}

fn lay_out(folder: &Path) -> io::Result<()> {
    let inside = folder.join("inside");
    fs::create_dir_all(inside.join("secret"))?;
    fs::create_dir_all(folder.join("scratch"))?;
    fs::write(inside.join("plain"), "plain")?;
    fs::write(inside.join("secret/key"), "key")?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("../canary", inside.join("escape"))?;
    #[cfg(target_os = "linux")]
    {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, inside.join("pipe"), rustix::fs::FileType::Fifo, mode, 0)?;
    }
    Ok(())
}

/// Grants a directory, which the guest finds where it is.
pub(crate) fn directory(host: &Path, access: Access) -> Permissions {
    let grant = DirectoryGrant { host: host.to_owned(), guest: host.display().to_string().into(), access };
    Permissions { directories: vec![grant], ..Permissions::default() }
}

/// Grants hosts.
pub(crate) fn hosts(hosts: Vec<HostRule>) -> Permissions {
    Permissions { hosts, ..Permissions::default() }
}

/// A host at a port, at its private address too.
pub(crate) fn host(host: &str, port: u16) -> HostRule {
    HostRule { scheme: None, host: host.into(), port: Some(port), methods: vec![], private: true }
}

//! What a component is granted: its permissions, checked once when it is loaded.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use caxton_types::{Access, DirectoryGrant, EnvGrant, EnvSource, Permissions};

use crate::{
    GrantError, Options,
    call::IDEMPOTENCY_KEY,
    egress::{Egress, HostRules},
    wasi::ATTACHMENTS,
};

/// Of the system: processes' memory and environment, devices, and the kernel's switches.
const PROTECTED: [&str; 3] = ["/proc", "/sys", "/dev"];
const VARIABLE_LEN_MAX: usize = 128;

/// What a component may touch. Everything that does not change from call to call is prepared here.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) directories: Vec<DirectoryGrant>,
    /// Inside the granted directories; as they really are, without links.
    pub(crate) denied: Vec<PathBuf>,
    pub(crate) environment: Vec<EnvGrant>,
    pub(crate) egress: Option<Arc<Egress>>,
    pub(crate) sockets: bool,
    /// Whether it may ask for memory at all; for which is asked where it does.
    pub(crate) memory: bool,
    /// Whether it may call any other tool.
    pub(crate) tools: bool,
}

impl Granted {
    pub(crate) fn new(permissions: &Permissions, options: &Options) -> Result<Arc<Self>, GrantError> {
        let Permissions { directories, denied_paths, hosts, denied_hosts, sockets, environment, memory, tools } = permissions;
        let mut guests: Vec<&str> = vec![ATTACHMENTS];
        for grant in directories {
            check_place(&grant.guest, &guests)?;
            guests.push(&grant.guest);
        }
        for grant in environment {
            check_variable(&grant.name)?;
        }
        let rules = HostRules::new(hosts, denied_hosts).map_err(|error| GrantError::Host { host: error.0 })?;
        Ok(Arc::new(Self {
            denied: denied_inside(directories, denied_paths, options)?,
            directories: directories.clone(),
            environment: environment.clone(),
            egress: (!rules.is_empty()).then(|| Egress::new(rules, options.egress.clone())),
            sockets: *sockets,
            memory: !memory.is_empty(),
            tools: !tools.is_empty(),
        }))
    }

    /// Whether a call reads or writes files beside its attachments.
    pub(crate) fn has_directories(&self) -> bool {
        !self.directories.is_empty()
    }

    /// The variables of one call; a secret is asked for now.
    pub(crate) fn variables(&self, options: &Options) -> Result<Vec<(&str, Box<str>)>, GrantError> {
        let value = |grant: &EnvGrant| match &grant.source {
            EnvSource::Value(text) => Ok(text.clone()),
            EnvSource::Secret(secret) => {
                let missing = || GrantError::SecretMissing { variable: grant.name.clone(), secret: secret.clone() };
                options.secrets.get(secret).ok_or_else(missing)
            }
        };
        self.environment.iter().map(|grant| Ok((&*grant.name, value(grant)?))).collect()
    }
}

fn check_place(guest: &str, taken: &[&str]) -> Result<(), GrantError> {
    let wrong = |reason| Err(GrantError::GuestPath { guest: guest.into(), reason });
    if guest.is_empty() || guest.contains('\0') {
        return wrong("it is no path");
    }
    let plain = |path: &'_ str| path.trim_end_matches('/').to_owned();
    if taken.iter().any(|other| plain(other) == plain(guest)) {
        return wrong("another directory is there already");
    }
    Ok(())
}

fn check_variable(name: &str) -> Result<(), GrantError> {
    let wrong = |reason| Err(GrantError::Variable { variable: name.into(), reason });
    if name.is_empty() || name.len() > VARIABLE_LEN_MAX || name.contains(['=', '\0']) {
        return wrong("that is no name of a variable");
    }
    if name == IDEMPOTENCY_KEY {
        return wrong("it is set by Caxton itself");
    }
    Ok(())
}

/// The denied paths that lie inside a granted directory; a directory that is itself denied is not granted at all.
fn denied_inside(directories: &[DirectoryGrant], denied: &[PathBuf], options: &Options) -> Result<Vec<PathBuf>, GrantError> {
    if directories.is_empty() {
        return Ok(vec![]);
    }
    let own = [Some(&options.scratch_dir), options.compiled_dir.as_ref()].into_iter().flatten();
    let protected =
        PROTECTED.iter().map(Path::new).chain(options.protected_paths.iter().map(PathBuf::as_path)).chain(own.map(PathBuf::as_path));
    let denied: Vec<PathBuf> = denied.iter().map(PathBuf::as_path).chain(protected).map(as_it_is).collect();
    let mut inside = Vec::new();
    for grant in directories {
        let path = as_it_is(&grant.host);
        if let Some(denied) = denied.iter().find(|denied| path.starts_with(denied)) {
            return Err(GrantError::DirectoryDenied { path: grant.host.clone(), denied: denied.clone() });
        }
        inside.extend(denied.iter().filter(|denied| denied.starts_with(&path)).cloned());
    }
    match inside.first() {
        Some(denied) if !cfg!(target_os = "linux") => Err(GrantError::DeniedInside { denied: denied.clone() }),
        _ => Ok(inside),
    }
}

/// A path without links, as far as it exists.
fn as_it_is(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return path.strip_prefix(ancestor).map_or_else(|_| real.clone(), |rest| real.join(rest));
        }
    }
    path.to_owned()
}

/// Whether a grant lets a guest write.
pub(crate) fn writes(grant: &DirectoryGrant) -> bool {
    match grant.access {
        Access::Read => false,
        Access::ReadWrite => true,
    }
}

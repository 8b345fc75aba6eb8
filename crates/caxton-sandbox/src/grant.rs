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
    lent::Lending,
    wasi::ATTACHMENTS,
};

/// Of the system: processes' memory and environment, devices, and the kernel's switches.
const PROTECTED: [&str; 3] = ["/proc", "/sys", "/dev"];
const VARIABLE_LEN_MAX: usize = 128;

/// What a component may touch. Everything that does not change from call to call is prepared here.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) directories: Vec<DirectoryGrant>,
    /// Single files, by the places where it finds them.
    pub(crate) lent: Vec<Lending>,
    /// What none of these files may be; as it really is, without links.
    pub(crate) hidden: Vec<PathBuf>,
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
        let Permissions { directories, files, denied_paths, hosts, denied_hosts, sockets, environment, memory, tools } = permissions;
        let mut guests: Vec<&str> = vec![ATTACHMENTS];
        for grant in directories {
            check_place(&grant.guest, &guests)?;
            guests.push(&grant.guest);
        }
        let lent = Lending::by_place(files);
        for lending in &lent {
            check_place(&lending.guest, &guests)?;
        }
        let hidden = if directories.is_empty() && files.is_empty() { vec![] } else { hidden(denied_paths, options) };
        if let Some((path, denied)) = files.iter().find_map(|grant| Some((&grant.host, holding(&hidden, &as_it_is(&grant.host))?))) {
            return Err(GrantError::DirectoryDenied { path: path.clone(), denied: denied.to_owned() });
        }
        for grant in environment {
            check_variable(&grant.name)?;
        }
        let rules = HostRules::new(hosts, denied_hosts).map_err(|error| GrantError::Host { host: error.0 })?;
        Ok(Arc::new(Self {
            denied: denied_inside(directories, &hidden)?,
            hidden: if lent.is_empty() { vec![] } else { hidden },
            lent,
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
        !self.directories.is_empty() || !self.lent.is_empty()
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

/// What is granted to nobody, and what is denied to this tool.
fn hidden(denied: &[PathBuf], options: &Options) -> Vec<PathBuf> {
    let own = [Some(&options.scratch_dir), options.compiled_dir.as_ref()].into_iter().flatten();
    let protected =
        PROTECTED.iter().map(Path::new).chain(options.protected_paths.iter().map(PathBuf::as_path)).chain(own.map(PathBuf::as_path));
    denied.iter().map(PathBuf::as_path).chain(protected).map(as_it_is).collect()
}

/// Of the hidden paths, the one that a path is or lies below.
fn holding<'h>(hidden: &'h [PathBuf], path: &Path) -> Option<&'h Path> {
    hidden.iter().find(|hidden| path.starts_with(hidden)).map(PathBuf::as_path)
}

/// The denied paths that lie inside a granted directory; a directory that is itself denied is not granted at all.
fn denied_inside(directories: &[DirectoryGrant], hidden: &[PathBuf]) -> Result<Vec<PathBuf>, GrantError> {
    let mut inside = Vec::new();
    for grant in directories {
        let path = as_it_is(&grant.host);
        if let Some(denied) = holding(hidden, &path) {
            return Err(GrantError::DirectoryDenied { path: grant.host.clone(), denied: denied.to_owned() });
        }
        inside.extend(hidden.iter().filter(|denied| denied.starts_with(&path)).cloned());
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

//! What of all that is wanted is granted: within what the operator allows, and without what is denied.

use super::{At, Directory, End, Source, Wanted};
use crate::{Diagnostic, Diagnostics};
use caxton_types::{Access, DirectoryGrant, EnvGrant, EnvSource, FileGrant, Permissions, WorkspaceName};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// What the operator lets tools of workspaces be granted at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Directories of the host, with all below, that they may read.
    pub readable: Vec<PathBuf>,
    /// And those that they may also write.
    pub writable: Vec<PathBuf>,
    /// Hosts that they may reach at private addresses, each `host` or `host:port`.
    pub private_hosts: Vec<Box<str>>,
    /// The names of the secrets that they may be given: `NAME` for every workspace, `WORKSPACE/NAME` for one.
    pub secrets: BTreeSet<Box<str>>,
    /// Below it each tool has a directory of its own: `WORKSPACE/TOOL`.
    pub own: PathBuf,
    /// Whether what goes beyond is left out instead of refused: for tests, where nothing outside is touched.
    pub lenient: bool,
}

impl Ceiling {
    /// The directory that is a tool's own.
    pub fn own_directory(&self, workspace: &WorkspaceName, tool: &str) -> PathBuf {
        self.own.join(workspace.as_str()).join(tool)
    }

    /// The name of the secret that a workspace means.
    fn secret(&self, workspace: &WorkspaceName, name: &str) -> Option<Box<str>> {
        let own = format!("{workspace}/{name}");
        [own.as_str(), name].into_iter().find(|name| self.secrets.contains(*name)).map(Into::into)
    }

    fn allows_private(&self, host: &str, port: Option<u16>) -> bool {
        let with_port = port.map(|port| format!("{host}:{port}"));
        self.private_hosts.iter().any(|known| known.eq_ignore_ascii_case(host) || with_port.as_deref() == Some(&**known))
    }
}

impl Wanted {
    /// What is granted to a tool of a workspace. What goes beyond the ceiling is an error with the key of the server's configuration that
    /// would allow it.
    pub(in crate::workspace) fn grant(&self, ceiling: &Ceiling, workspace: &WorkspaceName, tool: &str) -> Result<Permissions, Diagnostics> {
        let own = ceiling.own_directory(workspace, tool);
        let mut problems = Diagnostics::new();
        let mut permissions = self.open(&own, &mut problems);
        if ceiling.lenient {
            permissions.directories.retain(|directory| directory.host.starts_with(&own));
            permissions.files.retain(|file| file.host.starts_with(&own));
            permissions.environment.retain(|variable| matches!(variable.source, EnvSource::Value(_)));
            permissions.hosts.iter_mut().for_each(|rule| rule.private = false);
            return problems.or(permissions);
        }
        if let Some(storage) = &self.storage {
            for rule in &storage.value.allow {
                problems.extend(beyond(rule, ceiling));
            }
        }
        if let Some(network) = &self.network {
            let private = network.value.allow.iter().filter(|rule| rule.value.private && network.value.denies_all().is_none());
            for rule in private {
                if !ceiling.allows_private(&rule.value.host, rule.value.port) {
                    problems.push(exceeds(
                        rule,
                        &format!("reaches `{}` at a private address", rule.value.host),
                        "tools.sandbox.private_hosts",
                    ));
                }
            }
        }
        let variables = self.environment.iter().flat_map(|variables| &variables.value);
        for (variable, granted) in variables.zip(&mut permissions.environment) {
            if let EnvSource::Secret(name) = &mut granted.source {
                match ceiling.secret(workspace, name) {
                    Some(known) => *name = known,
                    None => problems.push(
                        variable
                            .place
                            .error(format!("the tool wants the secret `{name}`, which the server does not give to tools"))
                            .key("permissions.environment")
                            .help(format!(
                                "add it as `tools.{name}` to the file that `security.secrets_file` names, or give the variable a `value`"
                            )),
                    ),
                }
            }
        }
        problems.or(permissions)
    }

    /// What is wanted, as if all of it were allowed.
    pub(in crate::workspace) fn open(&self, own: &Path, problems: &mut Diagnostics) -> Permissions {
        let mut permissions = Permissions::default();
        self.directories(own, &mut permissions, problems);
        if let Some(At { value: network, .. }) = &self.network {
            let rules = |rules: &[At<_>]| rules.iter().map(|rule: &At<caxton_types::HostRule>| rule.value.clone()).collect();
            if network.denies_all().is_none() {
                permissions.hosts = rules(&network.allow);
                permissions.denied_hosts = rules(&network.deny);
            }
            permissions.sockets = network.sockets;
        }
        for At { value, place } in self.environment.iter().flat_map(|variables| &variables.value) {
            if permissions.environment.iter().any(|known| known.name == value.name) {
                problems.push(place.error(format!("the variable `{}` is granted twice", value.name)).key("permissions.environment"));
            }
            permissions.environment.push(EnvGrant { name: value.name.clone(), source: value.source.clone() });
        }
        permissions.memory = self.memory.as_ref().map(|memory| memory.value.clone()).unwrap_or_default();
        permissions.tools = self.tools.as_ref().map(|tools| tools.value.clone()).unwrap_or_default();
        permissions
    }

    /// The directories and files without what is denied: nothing is granted at or below a path that may not be read, and nothing to write at
    /// or below one that may not be written.
    fn directories(&self, own: &Path, permissions: &mut Permissions, problems: &mut Diagnostics) {
        let Some(At { value: storage, .. }) = &self.storage else { return };
        let denied = |path: &Path, kind: fn(&Directory) -> bool| {
            storage.deny.iter().any(|rule| kind(&rule.value) && path.starts_with(rule.value.path.on_host(own)))
        };
        let Permissions { directories, files, denied_paths, .. } = permissions;
        for rule in &storage.allow {
            let host = rule.value.path.on_host(own);
            if denied(&host, |rule| rule.read) {
                continue;
            }
            let guest = rule.value.guest.clone();
            let guest = match &rule.value.end {
                End::Files(pattern) => {
                    let guest = guest.map_or_else(|| rule.value.path.below_root(), |guest| guest.to_string());
                    let grant = FileGrant { host: host.join(&**pattern), guest: format!("{guest}/{pattern}").into() };
                    if files.contains(&grant) {
                        continue;
                    }
                    if files.iter().any(|known| known.guest == grant.guest) {
                        problems.push(same_place(rule, "files", &grant.guest));
                    }
                    files.push(grant);
                    continue;
                }
                End::Directory | End::File => guest.unwrap_or_else(|| rule.value.path.for_guest()),
            };
            let access = if denied(&host, |rule| rule.write) { Access::Read } else { rule.value.access() };
            if let Some(same) = directories.iter_mut().find(|known| known.guest == guest && known.host == host) {
                if access == Access::ReadWrite {
                    same.access = access;
                }
                continue;
            }
            if directories.iter().any(|known| known.guest == guest) {
                problems.push(same_place(rule, "directories", &guest));
            }
            directories.push(DirectoryGrant { host, guest, access });
        }
        // A file of a directory that is granted anyway says nothing new.
        let whole = directories.clone();
        directories.retain(|grant| {
            let covered = whole.iter().any(|other| grant.host != other.host && covers(other, &grant.host, &grant.guest, grant.access));
            !covered || !self.names_file(own, &grant.host)
        });
        files.retain(|grant| !whole.iter().any(|other| covers(other, &grant.host, &grant.guest, Access::Read)));
        for rule in &storage.deny {
            let path = rule.value.path.on_host(own);
            let in_directory = |grant: &DirectoryGrant| {
                path.starts_with(&grant.host) && (rule.value.read || grant.access == Access::ReadWrite) && grant.host != path
            };
            let is_file = |grant: &FileGrant| rule.value.read && grant.host.parent().is_some_and(|parent| path.starts_with(parent));
            if (directories.iter().any(in_directory) || files.iter().any(is_file)) && !denied_paths.contains(&path) {
                denied_paths.push(path);
            }
        }
    }

    /// Whether a rule names this path as one names a file.
    pub(in crate::workspace) fn names_file(&self, own: &Path, path: &Path) -> bool {
        let rules = self.storage.iter().flat_map(|storage| &storage.value.allow);
        rules.into_iter().any(|rule| rule.value.end == End::File && rule.value.path.on_host(own) == path)
    }
}

fn same_place(rule: &At<Directory>, what: &str, guest: &str) -> Diagnostic {
    let problem = rule.place.error(format!("two {what} are to be found at `{guest}`"));
    problem.key("permissions.storage.allow").help("give one of them another place with `guest`")
}

/// Whether a directory that is granted shows the same at the same place, and lets do as much.
fn covers(directory: &DirectoryGrant, host: &Path, guest: &str, access: Access) -> bool {
    let below = host.strip_prefix(&directory.host).ok();
    let is_there = below.is_some_and(|below| Path::new(&*directory.guest).join(below) == Path::new(guest));
    is_there && (access == Access::Read || directory.access == Access::ReadWrite)
}

impl Source {
    fn on_host(&self, own: &Path) -> PathBuf {
        match self {
            Self::Own(path) => own.join(path),
            Self::Host(path) => path.clone(),
        }
    }

    /// As in Wassette the tool finds a directory where its URI says.
    fn for_guest(&self) -> Box<str> {
        match self {
            Self::Own(path) if path.as_os_str().is_empty() => "/own".into(),
            Self::Own(_) | Self::Host(_) => self.below_root().into(),
        }
    }

    /// Its path as its URI says; empty where that is the tool's own directory.
    fn below_root(&self) -> String {
        match self {
            Self::Own(path) if path.as_os_str().is_empty() => String::new(),
            Self::Own(path) => format!("/{}", path.display()),
            Self::Host(path) => path.display().to_string(),
        }
    }
}

/// Why the operator does not allow a directory; the tool's own is always allowed.
fn beyond(rule: &At<Directory>, ceiling: &Ceiling) -> Option<Diagnostic> {
    let Source::Host(path) = &rule.value.path else { return None };
    let below = |allowed: &[PathBuf]| allowed.iter().any(|allowed| path.starts_with(allowed));
    if below(&ceiling.writable) || !rule.value.write && below(&ceiling.readable) {
        return None;
    }
    let (what, key) = if rule.value.write {
        ("reads and writes", "tools.sandbox.writable_directories")
    } else {
        ("reads", "tools.sandbox.readable_directories")
    };
    Some(exceeds(rule, &format!("{what} `{}`", path.display()), key))
}

fn exceeds<T>(rule: &At<T>, what: &str, key: &str) -> Diagnostic {
    let problem = rule.place.error(format!("the tool {what}, which this server grants to no tool"));
    problem.key("permissions").help(format!("whoever runs the server allows it with `{key}` in its configuration"))
}

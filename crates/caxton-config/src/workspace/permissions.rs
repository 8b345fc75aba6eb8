//! What a tool asks to touch: Wassette's `policy.yaml`, version 1.0, with keys of ours, or the same under `[permissions]` in `tool.toml`.
//!
//! Reading says what is wanted and where it is written; [`Wanted::grant`] says what of it is granted, within what the operator allows.

mod address;
mod files;
mod grant;
mod read;
#[cfg(test)]
mod tests;

pub use self::grant::Ceiling;
pub(super) use self::read::{MANIFEST, MEMORY, POLICY, TIMEOUT};

use super::call_limits::Written;
use crate::{Diagnostic, source::Place, tree::Node};
use caxton_types::{
    Access, EnvSource, HostRule, MemoryGrant, ToolGrant,
    unit::{ByteSize, Period},
};
use std::path::PathBuf;

/// A value with the place where it is written. Two are equal where their values are.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<T> At<T> {
    pub(super) fn new(node: &Node, value: T) -> Self {
        Self { value, place: node.place.clone() }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// What is asked for; a part that no file speaks of is nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    storage: Option<At<Storage>>,
    network: Option<At<Network>>,
    environment: Option<At<Vec<At<Variable>>>>,
    /// In the order of the scopes.
    memory: Option<At<Vec<MemoryGrant>>>,
    tools: Option<At<Vec<ToolGrant>>>,
    pub(super) memory_max: Option<At<ByteSize>>,
    pub(super) timeout: Option<At<Period>>,
    pub(super) call: Written,
    /// What is read and does nothing here.
    pub(super) warnings: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Storage {
    allow: Vec<At<Directory>>,
    deny: Vec<At<Directory>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Network {
    allow: Vec<At<HostRule>>,
    deny: Vec<At<HostRule>>,
    sockets: bool,
}

impl Network {
    /// The rule that denies every host: nothing that is allowed is granted then.
    fn denies_all(&self) -> Option<&At<HostRule>> {
        self.deny.iter().find(|rule| *rule.value.host == *address::EVERY)
    }
}

/// Which list of rules one stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Allow,
    Deny,
}

impl Side {
    const fn key(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// `{ uri, access }`.
#[derive(Debug, Clone, PartialEq)]
struct Directory {
    path: Source,
    end: End,
    /// Where the tool finds it, where that is said.
    guest: Option<Box<str>>,
    read: bool,
    write: bool,
}

/// What a URI names at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// A directory, unless there is a file.
    Directory,
    /// What looks like a file, by its extension; a directory, where there is one.
    File,
    /// The files in it whose names fit; the name has one `*`.
    Files(Box<str>),
}

/// Where a directory lies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// Below the tool's own directory.
    Own(PathBuf),
    /// On the host.
    Host(PathBuf),
}

/// `{ key, value | secret }`.
#[derive(Debug, Clone, PartialEq)]
struct Variable {
    name: Box<str>,
    source: EnvSource,
}

impl Directory {
    const fn access(&self) -> Access {
        if self.write { Access::ReadWrite } else { Access::Read }
    }
}

impl Wanted {
    /// Nothing but these bounds.
    pub(super) fn bounds(memory: Option<(ByteSize, &Node)>, timeout: Option<(Period, &Node)>, call: Written) -> Self {
        let memory_max = memory.map(|(size, node)| At::new(node, size));
        Self { memory_max, timeout: timeout.map(|(time, node)| At::new(node, time)), call, ..Self::default() }
    }

    /// What both files say together; where both speak of the same, they must say the same.
    pub(super) fn join(self, other: Self) -> Result<Self, Diagnostic> {
        fn one<T: PartialEq>(first: Option<At<T>>, second: Option<At<T>>, key: &str) -> Result<Option<At<T>>, Diagnostic> {
            match (first, second) {
                (Some(first), Some(second)) if first != second => {
                    let other = first.place.position().map_or_else(String::new, |at| format!(":{}", at.line));
                    let message = format!("`{key}` contradicts {}{other}, which says something else", first.place.source.name);
                    Err(second.place.error(message).key(key).help("say it in one of the two files"))
                }
                (first, second) => Ok(first.or(second)),
            }
        }
        let mut call = self.call;
        for (key, other) in other.call {
            let known = one(call.remove(key), Some(other), &format!("permissions.resources.{key}"))?;
            call.extend(known.map(|known| (key, known)));
        }
        let mut warnings = self.warnings;
        warnings.extend(other.warnings);
        Ok(Self {
            storage: one(self.storage, other.storage, "permissions.storage")?,
            network: one(self.network, other.network, "permissions.network")?,
            environment: one(self.environment, other.environment, "permissions.environment")?,
            memory: one(self.memory, other.memory, "permissions.memory")?,
            tools: one(self.tools, other.tools, "permissions.tools")?,
            memory_max: one(self.memory_max, other.memory_max, "permissions.resources.memory")?,
            timeout: one(self.timeout, other.timeout, "permissions.resources.timeout")?,
            call,
            warnings,
        })
    }
}

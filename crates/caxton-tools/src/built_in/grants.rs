//! What the operator granted by name, and how a call finds it.

use super::Refusal;
use caxton_types::{Access, Code, nearest, unit::ByteSize};
use std::path::PathBuf;

/// A directory or a database file that agents may be let into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// How calls name it.
    pub name: Box<str>,
    /// Where it is.
    pub path: PathBuf,
    /// What may be done there.
    pub access: Access,
    /// The most bytes that may lie there.
    pub len_max: ByteSize,
}

/// All of them by name, as the description of a tool has them.
pub(crate) fn listed(granted: &[Granted]) -> String {
    let named =
        |granted: &Granted| format!("`{}` ({})", granted.name, if granted.access == Access::Read { "read" } else { "read and write" });
    let named: Vec<_> = granted.iter().map(named).collect();
    if named.is_empty() { "none is granted yet".to_owned() } else { named.join(", ") }
}

/// What was granted of one kind.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) what: &'static str,
    pub(crate) argument: &'static str,
    pub(crate) key: &'static str,
}

impl Kind {
    /// The grant of this name, or the only one.
    pub(crate) fn find<'g, G: AsRef<Granted>>(&self, all: &'g [G], name: Option<&str>) -> Result<&'g G, Refusal> {
        let Self { what, argument, key } = self;
        if all.is_empty() {
            return Err(Refusal::new(Code::Denied, format!("no {what} is granted"))
                .hint(format!("the operator grants one in the server's configuration, under `{key}`: its `name`, `path` and `access` (`read` or `read_write`)")));
        }
        let names = || all.iter().map(|granted| &*granted.as_ref().name);
        let listed = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match (name, all) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Refusal::invalid(format!("`{argument}` is missing")).hint(format!("there are: {}", listed()))),
            (Some(name), all) => all.iter().find(|granted| *granted.as_ref().name == *name).ok_or_else(|| {
                let hint = nearest(name, names())
                    .map_or_else(|| format!("there are: {}", listed()), |nearest| format!("did you mean `{nearest}`?"));
                Refusal::new(Code::NotFound, format!("no {what} is granted under the name `{name}`")).hint(hint)
            }),
        }
    }

    /// Whether it may be changed.
    pub(crate) fn check_write(&self, granted: &Granted) -> Result<(), Refusal> {
        match granted.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(Refusal::new(Code::Denied, format!("`{}` may only be read", granted.name))
                .hint(format!("the operator may set its `access` to `read_write` under `{}`", self.key))),
        }
    }
}

impl AsRef<Self> for Granted {
    fn as_ref(&self) -> &Self {
        self
    }
}

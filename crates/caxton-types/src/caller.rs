//! Who asks, and what they may do.

use crate::{WorkspaceName, error::SecurityError};
use serde::{Deserialize, Serialize};

/// How a caller came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// Somebody at this machine, through the loopback interface.
    Local,
    /// An agent of the workspace.
    Agent,
    /// The server itself at its start.
    Boot,
    /// The server itself while it runs.
    System,
}

/// What a caller may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Read agents, conversations, events and status.
    Read,
    /// Send messages and upload attachments.
    Send,
    /// Deploy and remove agents and tools.
    Deploy,
    /// Change the configuration of the server.
    Configure,
    /// Write into memory that every workspace shares.
    WriteGlobal,
}

impl Action {
    /// Its name in events and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Deploy => "deploy",
            Self::Configure => "configure",
            Self::WriteGlobal => "write_global",
        }
    }
}

/// A set of [`Action`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Grants(u8);

impl Grants {
    /// Everything.
    pub const ALL: Self = Self(0b1_1111);

    /// Exactly these actions.
    pub fn of(actions: &[Action]) -> Self {
        Self(actions.iter().fold(0, |bits, action| bits | 1 << *action as u8))
    }

    /// Whether the action is in the set.
    pub const fn allows(self, action: Action) -> bool {
        self.0 & (1 << action as u8) != 0
    }
}

/// Who asks: carried by every entry into the server, also in-process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name it is known under.
    pub who: Box<str>,
    /// How it came to us.
    pub kind: CallerKind,
    /// The workspace it acts in.
    pub workspace: WorkspaceName,
    /// What it may do there.
    pub grants: Grants,
    /// Whether it proved who it is.
    pub verified: bool,
}

impl Caller {
    /// Whoever reaches the loopback interface while authentication is off: unverified, may do everything.
    pub fn local(workspace: WorkspaceName) -> Self {
        Self { who: "local".into(), kind: CallerKind::Local, workspace, grants: Grants::ALL, verified: false }
    }

    /// The server itself while it runs.
    pub fn system(workspace: WorkspaceName) -> Self {
        Self { who: "caxton".into(), kind: CallerKind::System, workspace, grants: Grants::ALL, verified: true }
    }

    /// An agent that acts inside its own turn.
    pub fn agent(name: &crate::AgentName, workspace: WorkspaceName) -> Self {
        Self {
            who: name.as_str().into(),
            kind: CallerKind::Agent,
            workspace,
            grants: Grants::of(&[Action::Read, Action::Send]),
            verified: true,
        }
    }

    /// Refuses where the caller may not do `action`.
    pub fn require(&self, action: Action) -> Result<(), SecurityError> {
        if self.grants.allows(action) {
            Ok(())
        } else {
            Err(SecurityError::Denied { who: self.who.clone(), action: action.as_str(), resource: self.workspace.to_string() })
        }
    }

    /// What is recorded of it.
    pub fn actor(&self) -> Actor {
        Actor { who: self.who.clone(), kind: self.kind, verified: self.verified }
    }
}

/// What an event records of the caller who caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The name it is known under.
    pub who: Box<str>,
    /// How it came to us.
    pub kind: CallerKind,
    /// Whether it proved who it is.
    pub verified: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Fault};

    #[test]
    fn a_grant_allows_what_it_names_and_nothing_else() {
        let all = [Action::Read, Action::Send, Action::Deploy, Action::Configure, Action::WriteGlobal];
        for action in all {
            assert!(Grants::ALL.allows(action));
            assert!(!Grants::default().allows(action));
            assert_eq!(all.into_iter().filter(|other| Grants::of(&[action]).allows(*other)).collect::<Vec<_>>(), [action]);
        }
        let agent = Caller::agent(&"sum".parse().unwrap(), WorkspaceName::default());
        assert_eq!(agent.require(Action::Send), Ok(()));
        assert_eq!(agent.require(Action::Deploy).unwrap_err().code(), Code::Denied);
    }
}

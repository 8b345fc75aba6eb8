//! Ids as they are typed: one of another kind is recognised, with the command that takes it.

use caxton_types::{ApprovalId, ConversationId, StepId, Timestamp, TurnId};
use std::{path::PathBuf, str::FromStr};

/// What an id of another kind is, and which command has to do with it.
fn other(text: &str, wanted: &str) -> Option<String> {
    let (what, command) = match text.split_once('_')?.0 {
        "trn" => ("a turn", format!("caxton turns show {text}")),
        "apr" => ("an approval", format!("caxton approvals show {text}")),
        "cnv" => ("a conversation", format!("caxton turns list --conversation {text}")),
        "msg" => ("a message", "caxton conversation list".to_owned()),
        "dep" => ("a deployment", "caxton log".to_owned()),
        _ => return None,
    };
    Some(format!("that is the id of {what}, and {wanted} is wanted (see `{command}`)"))
}

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $id:ident, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $id);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                text.parse().map(Self).map_err(|error: caxton_types::InvalidId| other(text, $wanted).unwrap_or_else(|| error.to_string()))
            }
        }
    };
}

reference!(/** A turn. */ TurnRef, TurnId, "that of a turn");
reference!(/** An approval. */ ApprovalRef, ApprovalId, "that of an approval");

/// What is to be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// This turn.
    Turn(TurnId),
    /// All turns of this conversation.
    Conversation(ConversationId),
    /// All turns of the newest conversation.
    Last,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('_') {
            Some(("cnv", _)) => text.parse().map(Self::Conversation).map_err(|error| error.to_string()),
            _ if text == "last" => Ok(Self::Last),
            _ => text.parse().map(|TurnRef(turn)| Self::Turn(turn)),
        }
    }
}

/// From where on a conversation is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// From this turn on.
    Turn(TurnId),
    /// What began at this time or later.
    Time(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(TurnId::PREFIX) {
            return text.parse().map(|TurnRef(turn)| Self::Turn(turn));
        }
        text.parse().map(Self::Time).map_err(|error: caxton_types::InvalidTimestamp| format!("{error}; or the id of a turn"))
    }
}

/// A step, as `caxton turns show` numbers it.
pub(crate) fn step(text: &str) -> Result<StepId, String> {
    text.trim().parse().map(StepId).map_err(|_| "a step is a number, as `caxton turns show TURN` lists them".to_owned())
}

/// `STEP=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutcomeOf {
    pub(crate) step: StepId,
    pub(crate) file: PathBuf,
}

impl FromStr for OutcomeOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or("expected STEP=FILE, such as 3=result.txt")?;
        Ok(Self { step: step(number)?, file: file.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_another_kind_are_recognised() {
        let error = "cnv_01k6z3q5x7e8r9t0v2w4y6z8a1".parse::<TurnRef>().unwrap_err();
        assert!(error.starts_with("that is the id of a conversation, and that of a turn is wanted"), "{error}");
        assert!("17".parse::<TurnRef>().unwrap_err().contains("is not a turn id"));
        assert!(matches!("cnv_01k6z3q5x7e8r9t0v2w4y6z8a1".parse(), Ok(Target::Conversation(_))));
        assert!(matches!("trn_01k6z3q5x7e8r9t0v2w4y6z8a4".parse(), Ok(Since::Turn(_))));
        assert!(matches!("2026-03-01T08:00:00Z".parse(), Ok(Since::Time(_))));
        assert_eq!("3=a=b".parse(), Ok(OutcomeOf { step: StepId(3), file: "a=b".into() }));
        assert!("3=".parse::<OutcomeOf>().is_err() && "x=y".parse::<OutcomeOf>().is_err());
    }
}

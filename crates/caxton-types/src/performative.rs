//! The performatives of FIPA-ACL.

use std::{fmt, str::FromStr};

/// What a message does (FIPA SC00037): asks, tells, proposes, refuses …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum Performative {
    AcceptProposal,
    Agree,
    Cancel,
    Cfp,
    Confirm,
    Disconfirm,
    Failure,
    Inform,
    InformDone,
    NotUnderstood,
    Propose,
    QueryIf,
    QueryRef,
    Refuse,
    RejectProposal,
    Request,
    Subscribe,
}

/// The text names no performative.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a performative{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct InvalidPerformative {
    text: String,
    nearest: Option<&'static str>,
}

impl Performative {
    /// Every performative with its name on the wire.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::AcceptProposal, "accept_proposal"),
        (Self::Agree, "agree"),
        (Self::Cancel, "cancel"),
        (Self::Cfp, "cfp"),
        (Self::Confirm, "confirm"),
        (Self::Disconfirm, "disconfirm"),
        (Self::Failure, "failure"),
        (Self::Inform, "inform"),
        (Self::InformDone, "inform_done"),
        (Self::NotUnderstood, "not_understood"),
        (Self::Propose, "propose"),
        (Self::QueryIf, "query_if"),
        (Self::QueryRef, "query_ref"),
        (Self::Refuse, "refuse"),
        (Self::RejectProposal, "reject_proposal"),
        (Self::Request, "request"),
        (Self::Subscribe, "subscribe"),
    ];

    /// The name on the wire, lower snake.
    #[expect(clippy::indexing_slicing, reason = "the list has every performative, in their order: a test proves it")]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it reports that something went wrong.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Refuse | Self::NotUnderstood)
    }

    /// Whether the sender of it waits for an answer.
    pub const fn expects_reply(self) -> bool {
        matches!(self, Self::Request | Self::QueryIf | Self::QueryRef | Self::Cfp | Self::Propose | Self::Subscribe)
    }
}

impl fmt::Display for Performative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Performative {
    type Err = InvalidPerformative;

    /// Accepts any case, `-` and spaces for `_`, and the short forms `accept`, `reject` and `query`.
    fn from_str(text: &str) -> Result<Self, InvalidPerformative> {
        let name = text.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        let name = match name.as_str() {
            "accept" => "accept_proposal",
            "reject" => "reject_proposal",
            "query" => "query_ref",
            "call_for_proposal" | "call_for_proposals" => "cfp",
            other => other,
        };
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(performative, _)| *performative).ok_or_else(|| InvalidPerformative {
            text: text.chars().take(40).collect(),
            nearest: crate::nearest(name, Self::ALL.iter().map(|(_, known)| *known)),
        })
    }
}

crate::id::serde_as_text!(Performative);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_and_one_is_written() {
        for (at, (performative, name)) in Performative::ALL.into_iter().enumerate() {
            assert_eq!(performative as usize, at);
            for spelling in [name.to_owned(), name.to_uppercase(), name.replace('_', "-"), name.replace('_', " ")] {
                assert_eq!(spelling.parse(), Ok(performative), "{spelling}");
            }
            assert_eq!(performative.to_string(), name);
        }
        assert_eq!("ACCEPT".parse(), Ok(Performative::AcceptProposal));
        assert_eq!("query".parse(), Ok(Performative::QueryRef));
    }

    #[test]
    fn the_nearest_is_suggested() {
        assert_eq!("reqest".parse::<Performative>().unwrap_err().to_string(), "`reqest` is not a performative; did you mean `request`?");
        assert_eq!("xyzzy".parse::<Performative>().unwrap_err().to_string(), "`xyzzy` is not a performative");
    }
}

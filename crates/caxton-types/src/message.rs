//! The FIPA-ACL message and its addresses.

use crate::{AgentName, ConversationId, Digest, MessageId, Performative, Timestamp, Topic, TraceContext, id::serde_as_text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, str::FromStr};

/// Who speaks: an agent, or somebody outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// An agent of the workspace.
    Agent(AgentName),
    /// A caller from outside, by the name that it was recognised under.
    Client(Box<str>),
}

impl Party {
    /// The name without its kind.
    pub fn name(&self) -> &str {
        match self {
            Self::Agent(name) => name.as_str(),
            Self::Client(who) => who,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Client(who) => write!(f, "client:{who}"),
        }
    }
}

impl FromStr for Party {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.parse()? {
            Address::Agent(name) => Ok(Self::Agent(name)),
            Address::Client(who) => Ok(Self::Client(who)),
            Address::Capability(_) | Address::Topic(_) | Address::All => Err(InvalidAddress::new(text)),
        }
    }
}

serde_as_text!(Party);

/// Where a message goes: `agent:NAME`, `capability:TEXT`, `topic:NAME`, `client:WHO` or `all`; a bare name is an agent's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// One agent by name.
    Agent(AgentName),
    /// Whoever sent from outside.
    Client(Box<str>),
    /// An agent that can do what the text says.
    Capability(Box<str>),
    /// Everyone who subscribed to the topic.
    Topic(Topic),
    /// Every agent of the workspace.
    All,
}

/// The text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: expected `agent:NAME`, `capability:TEXT`, `topic:NAME`, `all` or the name of an agent")]
pub struct InvalidAddress {
    text: String,
}

impl InvalidAddress {
    fn new(text: &str) -> Self {
        Self { text: text.chars().take(120).collect() }
    }
}

impl From<Party> for Address {
    fn from(party: Party) -> Self {
        match party {
            Party::Agent(name) => Self::Agent(name),
            Party::Client(who) => Self::Client(who),
        }
    }
}

/// The longest text behind `capability:` and `client:`.
const TEXT_LEN_MAX: usize = 256;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress::new(text);
        let free = |rest: &str| {
            let rest = rest.trim();
            (!rest.is_empty() && rest.len() <= TEXT_LEN_MAX && !rest.contains(char::is_control)).then(|| rest.into()).ok_or_else(invalid)
        };
        match text.split_once(':') {
            Some(("agent", name)) => {
                AgentName::from_str(name).or_else(|_| AgentName::from_display(name)).map(Self::Agent).map_err(|_| invalid())
            }
            Some(("capability", rest)) => free(rest).map(Self::Capability),
            Some(("client", rest)) => free(rest).map(Self::Client),
            Some(("topic", name)) => name.parse().map(Self::Topic).map_err(|_| invalid()),
            Some(_) => Err(invalid()),
            None if text == "all" => Ok(Self::All),
            None => AgentName::from_str(text).or_else(|_| AgentName::from_display(text)).map(Self::Agent).map_err(|_| invalid()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Client(who) => write!(f, "client:{who}"),
            Self::Capability(text) => write!(f, "capability:{text}"),
            Self::Topic(topic) => write!(f, "topic:{topic}"),
            Self::All => f.write_str("all"),
        }
    }
}

serde_as_text!(Address);

/// A file that travels with a message; its bytes are a blob of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// A plain file name, unique in its message.
    pub name: Box<str>,
    /// Its media type, such as `text/csv`.
    pub media_type: Box<str>,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

impl Attachment {
    /// Whether `name` may name an attachment: a plain file name of at most 128 bytes, not hidden and no path.
    pub fn is_valid_name(name: &str) -> bool {
        (1..=128).contains(&name.len()) && !name.starts_with('.') && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
    }
}

/// The simple view of a message that is derived from its performative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// Asks for something.
    Request,
    /// Answers something.
    Response,
    /// Tells something unasked.
    Notification,
    /// Reports that something went wrong.
    Error,
}

/// One FIPA-ACL message: the envelope that agents, clients and the journal share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Names the message.
    pub id: MessageId,
    /// What it does.
    pub performative: Performative,
    /// Who sends it.
    pub sender: Party,
    /// Where it goes.
    pub receiver: Address,
    /// What it says: a text, or any JSON.
    pub content: Value,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// What an answer should quote in its `in_reply_to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_with: Option<Box<str>>,
    /// Quotes the `reply_with` (or the id) of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<Box<str>>,
    /// The vocabulary of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ontology: Option<Box<str>>,
    /// The language of the content: `json`, `xml`, `text` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Box<str>>,
    /// The interaction protocol that the conversation follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Box<str>>,
    /// Files that travel with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// When it was accepted.
    pub sent_at: Timestamp,
}

impl Message {
    /// The content as text: a string as it is, anything else as JSON.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match &self.content {
            Value::String(text) => text.as_str().into(),
            other => other.to_string().into(),
        }
    }

    /// What an answer to this message quotes in its `in_reply_to`.
    pub fn reply_key(&self) -> Box<str> {
        self.reply_with.clone().unwrap_or_else(|| self.id.to_string().into())
    }

    /// The simple view of it.
    pub fn message_type(&self) -> MessageType {
        use Performative as P;
        match self.performative {
            P::Failure | P::NotUnderstood => MessageType::Error,
            P::Request | P::QueryIf | P::QueryRef | P::Cfp | P::Subscribe | P::Cancel => MessageType::Request,
            P::AcceptProposal
            | P::Agree
            | P::Confirm
            | P::Disconfirm
            | P::Inform
            | P::InformDone
            | P::Propose
            | P::Refuse
            | P::RejectProposal => {
                if self.in_reply_to.is_some() {
                    MessageType::Response
                } else {
                    MessageType::Notification
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_and_written() {
        let check = |text: &str, written: &str| assert_eq!(text.parse::<Address>().unwrap().to_string(), written);
        check("agent:data-analyzer", "agent:data-analyzer");
        check("data-analyzer", "agent:data-analyzer");
        check("DataAnalyzer", "agent:data-analyzer");
        check("capability: analyze data ", "capability:analyze data");
        check("topic:orders", "topic:orders");
        check("client:local", "client:local");
        check("all", "all");
        for bad in ["", "agent:", "capability:", "queue:x", "topic:X", "capability:a\nb", "!!"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn attachment_names_are_plain() {
        assert!(Attachment::is_valid_name("zones 2026.csv"));
        for bad in ["", ".hidden", "..", "a/b", "a\\b", "a\0", &"x".repeat(129)] {
            assert!(!Attachment::is_valid_name(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}

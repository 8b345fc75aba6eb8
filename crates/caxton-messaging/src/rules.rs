//! What a message must look like before it is accepted.

use caxton_types::{Address, Attachment, Code, Fault, Message, Performative};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most attachments of one message.
pub const ATTACHMENTS_MAX: usize = 16;
/// The longest free field of the envelope (`reply_with`, `ontology` …) in bytes.
pub const FIELD_LEN_MAX: usize = 256;

/// The rule that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("`content` is empty: say what is asked or told")]
    ContentEmpty,
    #[error("`{field}` has {len} bytes; at most {FIELD_LEN_MAX} are taken")]
    FieldTooLong { field: &'static str, len: usize },
    #[error("`attachments` has {0} entries; at most {ATTACHMENTS_MAX} are taken")]
    AttachmentsTooMany(usize),
    #[error("`{0}` cannot name an attachment: expected a plain file name of at most 128 bytes, without a path")]
    AttachmentName(Box<str>),
    #[error("two attachments are named `{0}`")]
    AttachmentTwice(Box<str>),
    #[error("`{0}` answers something: it needs `in_reply_to`")]
    AnswerWithoutQuestion(Performative),
    #[error("`{0}` cannot be addressed from outside yet: expected `agent:NAME` or `capability:TEXT`")]
    Unroutable(Address),
}

impl Fault for Malformed {
    fn code(&self) -> Code {
        Code::Invalid
    }
}

/// Checks every rule of the envelope that needs no knowledge of the workspace.
pub fn check(message: &Message) -> Result<(), Malformed> {
    check_fields(message)?;
    check_attachments(&message.attachments)?;
    match (message.performative, &message.in_reply_to) {
        (answer @ (Performative::Agree | Performative::Refuse | Performative::Failure | Performative::NotUnderstood), None) => {
            Err(Malformed::AnswerWithoutQuestion(answer))
        }
        _ => Ok(()),
    }?;
    match &message.receiver {
        Address::Agent(_) | Address::Capability(_) | Address::Client(_) => Ok(()),
        address @ (Address::Topic(_) | Address::All) => Err(Malformed::Unroutable(address.clone())),
    }
}

fn check_fields(message: &Message) -> Result<(), Malformed> {
    let empty = match &message.content {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    };
    if empty && message.performative != Performative::Cancel {
        return Err(Malformed::ContentEmpty);
    }
    let fields = [
        ("reply_with", &message.reply_with),
        ("in_reply_to", &message.in_reply_to),
        ("ontology", &message.ontology),
        ("language", &message.language),
        ("protocol", &message.protocol),
    ];
    for (field, value) in fields {
        let len = value.as_ref().map_or(0, |value| value.len());
        if len > FIELD_LEN_MAX {
            return Err(Malformed::FieldTooLong { field, len });
        }
    }
    Ok(())
}

fn check_attachments(attachments: &[Attachment]) -> Result<(), Malformed> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Malformed::AttachmentsTooMany(attachments.len()));
    }
    let mut names = BTreeSet::new();
    for attachment in attachments {
        if !Attachment::is_valid_name(&attachment.name) {
            return Err(Malformed::AttachmentName(attachment.name.chars().take(130).collect()));
        }
        if !names.insert(&attachment.name) {
            return Err(Malformed::AttachmentTwice(attachment.name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::{ConversationId, Digest, MessageId, Party, Timestamp, TraceContext};
    use serde_json::json;

    fn message(change: impl FnOnce(&mut Message)) -> Message {
        let mut message = Message {
            id: MessageId::from_uuid(Default::default()),
            performative: Performative::Request,
            sender: Party::Client("local".into()),
            receiver: "agent:sum".parse().unwrap(),
            content: json!("6*7?"),
            conversation: ConversationId::from_uuid(Default::default()),
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: vec![],
            trace: TraceContext::new(1, 1),
            sent_at: Timestamp::default(),
        };
        change(&mut message);
        message
    }

    fn file(name: &str) -> Attachment {
        Attachment { name: name.into(), media_type: "text/csv".into(), digest: Digest::of(b""), size: 0 }
    }

    #[test]
    fn each_rule_is_named_when_it_is_broken() {
        let refused = |change: fn(&mut Message)| check(&message(change)).unwrap_err().to_string();
        assert_eq!(check(&message(|_| ())), Ok(()));
        assert_eq!(check(&message(|m| m.content = json!({"a": 1}))), Ok(()));
        assert_eq!(refused(|m| m.content = json!(" \n")), "`content` is empty: say what is asked or told");
        assert_eq!(refused(|m| m.ontology = Some("x".repeat(257).into())), "`ontology` has 257 bytes; at most 256 are taken");
        assert_eq!(refused(|m| m.attachments = vec![file("a"); 17]), "`attachments` has 17 entries; at most 16 are taken");
        assert_eq!(refused(|m| m.attachments = vec![file("a"), file("a")]), "two attachments are named `a`");
        assert!(refused(|m| m.attachments = vec![file("../a")]).starts_with("`../a` cannot name an attachment"));
        assert_eq!(refused(|m| m.performative = Performative::Refuse), "`refuse` answers something: it needs `in_reply_to`");
        assert!(refused(|m| m.receiver = Address::All).starts_with("`all` cannot be addressed"));
    }
}

//! Schemas of the texts that the domain parses, so that the description promises exactly what is accepted.

use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AnyOfBuilder, Object, ObjectBuilder, Schema, Type},
    },
};

fn text(description: &str, pattern: Option<&str>, (length_min, length_max): (usize, usize), example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(pattern)
        .min_length(Some(length_min))
        .max_length(Some(length_max))
        .examples([example])
        .into()
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident { pattern: $pattern:expr, length: $length:expr, example: $example:literal })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text(concat!($($doc),+).trim(), $pattern, $length, $example)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

macro_rules! id_pattern {
    ($prefix:literal) => {
        Some(concat!("^(", $prefix, "[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"))
    };
}

texts! {
    /// Names a message; a bare UUID is read too.
    MessageId { pattern: id_pattern!("msg_"), length: (30, 36), example: "msg_01k9zc3m5ne6h8t2v4x6z8a0bc" }
    /// Names a conversation; a bare UUID is read too.
    ConversationId { pattern: id_pattern!("cnv_"), length: (30, 36), example: "cnv_01k9zc3m5ne6h8t2v4x6z8a0bc" }
    /// Names one turn of an agent; a bare UUID is read too.
    TurnId { pattern: id_pattern!("trn_"), length: (30, 36), example: "trn_01k9zc3m5ne6h8t2v4x6z8a0bc" }
    /// Names a deployment; a bare UUID is read too.
    DeploymentId { pattern: id_pattern!("dep_"), length: (30, 36), example: "dep_01k9zc3m5ne6h8t2v4x6z8a0bc" }
    /// Names a decision that a person is asked for; a bare UUID is read too.
    ApprovalId { pattern: id_pattern!("apr_"), length: (30, 36), example: "apr_01k9zc3m5ne6h8t2v4x6z8a0bc" }
    /// A person, as a login or a mail address.
    Person { pattern: Some("^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,127}$"), length: (1, 128), example: "ada@example.org" }
    /// Why something is decided.
    Reason { pattern: Some("^[^\\x00]*\\S[^\\x00]*$"), length: (1, 2000), example: "the customer confirmed it by phone" }
    /// The answer to a question: a text that is not blank.
    AnswerText { pattern: Some("^[^\\x00]*\\S[^\\x00]*$"), length: (1, 16000), example: "Ship it to the second address." }
    /// Names a tool: `server__tool`, as models write it, or `tool` alone where that says enough.
    ToolName { pattern: Some("^[A-Za-z0-9_-]{1,64}$"), length: (1, 64), example: "stats_calculator__describe" }
    /// Names an agent inside its workspace.
    AgentName { pattern: Some("^[a-z][a-z0-9-]{1,62}[a-z0-9]$"), length: (3, 64), example: "data-analyzer" }
    /// Names a workspace; `_system` is the workspace of server-level facts.
    WorkspaceName { pattern: Some("^([a-z][a-z0-9-]{1,62}[a-z0-9]|_system)$"), length: (3, 64), example: "default" }
    /// The label of a capability.
    CapabilityLabel { pattern: Some("^[a-z][a-z0-9._:-]{0,63}$"), length: (1, 64), example: "data-analysis" }
    /// A SHA-256 digest.
    Digest { pattern: Some("^[0-9a-f]{64}$"), length: (64, 64), example: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }
    /// Where a message goes: `agent:NAME`, `capability:TEXT`, or the bare name of an agent.
    Address {
        pattern: Some("^((agent:)?[a-z][a-z0-9-]{1,62}[a-z0-9]|capability:[A-Za-z0-9][A-Za-z0-9 ._-]{0,200})$"),
        length: (3, 256),
        example: "agent:data-analyzer"
    }
    /// Who speaks: `agent:NAME` or `client:WHO`.
    Party { pattern: Some("^(agent:[a-z][a-z0-9-]{1,62}[a-z0-9]|client:[A-Za-z0-9][A-Za-z0-9 ._-]{0,200})$"), length: (8, 256), example: "client:local" }
    /// A point in time, RFC 3339 in UTC.
    Timestamp {
        pattern: Some("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z$"),
        length: (20, 40),
        example: "2026-01-28T12:00:00.000000Z"
    }
    /// A day in UTC.
    Day { pattern: Some("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"), length: (10, 10), example: "2026-01-28" }
    /// A plain file name: no path, not hidden.
    FileName { pattern: Some("^[^./\\\\\\x00-\\x1f\\x7f-\\x9f][^/\\\\\\x00-\\x1f\\x7f-\\x9f]{0,31}$"), length: (1, 32), example: "zones.csv" }
    /// A path inside a workspace, with `/`, that stays inside it.
    FilePath {
        pattern: Some("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,60}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,60}){0,7}$"),
        length: (1, 512),
        example: "agents/data-analyzer.toml"
    }
    /// A media type.
    MediaType { pattern: Some("^[A-Za-z0-9][A-Za-z0-9.+-]{0,62}/[A-Za-z0-9*][A-Za-z0-9.+-]{0,62}$"), length: (1, 127), example: "text/csv" }
    /// Kinds of fact, separated by commas.
    Kinds { pattern: Some("^[a-z_]{1,40}(,[a-z_]{1,40}){0,15}$"), length: (1, 656), example: "message_accepted,turn_ended" }
    /// A dotted key of the configuration.
    ConfigKey { pattern: Some("^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$"), length: (1, 256), example: "observability.logging.level" }
}

macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident $choices:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($doc),+).trim()))
                    .enum_values(Some($choices))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

choices! {
    /// What kind of failure it is, the same on every protocol.
    Code caxton_types::Code::ALL.map(caxton_types::Code::as_str);
    /// What a message does (FIPA SC00037). Any spelling is read (`ACCEPT-PROPOSAL`), this one is written.
    Performative caxton_types::Performative::ALL.map(|(_, name)| name);
    /// The simple view of a message, derived from its performative; read where no performative is given.
    MessageType ["request", "response", "notification", "error"];
    /// How much an acknowledgement promises, from least to most.
    Durability ["memory", "normal", "full"];
    /// How a turn ended.
    TurnEnd ["completed", "refused", "failed", "exhausted", "budget_exhausted", "cancelled", "interrupted"];
    /// What a person is asked.
    ApprovalKind ["call", "repeat", "failover", "question", "elicitation"];
    /// Whose budget it is: the turn of one message, a conversation with all its agents, an agent or a workspace on one day (UTC).
    BudgetScope caxton_types::BudgetScope::ALL.map(caxton_types::BudgetScope::as_str);
    /// How a caller came to the server.
    CallerKind ["local", "agent", "boot", "system"];
    /// What became of a file in a deployment.
    FileChange ["added", "modified", "unchanged", "removed"];
}

/// How long it may be is `messaging.max_message_size`, which no document knows.
fn not_blank() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("\\S")).build()
}

/// What a message says: a text that is not blank, or any JSON but null.
#[derive(Debug)]
pub enum Content {}

impl PartialSchema for Content {
    fn schema() -> RefOr<Schema> {
        let kind = |kind| ObjectBuilder::new().schema_type(kind).build();
        AnyOfBuilder::new()
            .description(Some("What a message says: a text that is not blank, or any JSON but null."))
            .item(not_blank())
            .item(kind(Type::Object))
            .item(ObjectBuilder::new().schema_type(Type::Array).build())
            .item(kind(Type::Number))
            .item(kind(Type::Boolean))
            .into()
    }
}

impl ToSchema for Content {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Content")
    }
}

/// A text that is not blank.
#[derive(Debug)]
pub enum Words {}

impl PartialSchema for Words {
    fn schema() -> RefOr<Schema> {
        not_blank().into()
    }
}

impl ToSchema for Words {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Words")
    }
}

/// Any bytes.
#[derive(Debug)]
pub enum Bytes {}

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream").into()
    }
}

impl ToSchema for Bytes {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Bytes")
    }
}

//! Names that people choose: checked once, then trusted.

use crate::id::serde_as_text;
use std::{fmt, str::FromStr, sync::Arc};

/// The text breaks the rule of the name it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct InvalidName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

const SLUG_RULE: &str = "3 to 64 of `a-z`, `0-9` and `-`, starting with a letter, not ending in `-`";
const TOOL_RULE: &str = "1 to 64 of `a-z`, `A-Z`, `0-9`, `_` and `-`, starting with a letter";
const LABEL_RULE: &str = "1 to 64 of `a-z`, `0-9`, `-`, `_`, `.` and `:`, starting with a letter";

fn is_slug(text: &str) -> bool {
    (3..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_tool_part(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !text.contains("__")
}

fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.:".contains(&b))
}

/// `DataAnalyzer`, `data_analyzer` and `Data Analyzer` become `data-analyzer`; nothing usable becomes an empty text.
fn kebab(text: &str) -> String {
    let mut out = String::new();
    let mut previous_lower = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && previous_lower {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
            previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        } else {
            if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            previous_lower = false;
        }
    }
    while out.ends_with('-') {
        out.pop();
    }
    out
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident, $what:literal, $rule:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        // Cloned far more often than made.
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { text: text.chars().take(80).collect(), what: $what, rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        serde_as_text!($name);
    };
}

name!(
    /// Names an agent inside its workspace: 3-64 of `a-z 0-9 -`, starting with a letter, not ending in `-`.
    AgentName, is_slug, "an agent name", SLUG_RULE
);
name!(
    /// Names a topic that agents subscribe to; same rule as an agent's name.
    Topic, is_slug, "a topic", SLUG_RULE
);
name!(
    /// The label of a capability, such as `data-analysis` or `billing:v2`.
    CapabilityLabel, is_label, "a capability", LABEL_RULE
);

const WORKSPACE_RULE: &str = SLUG_RULE;

fn is_workspace(text: &str) -> bool {
    is_slug(text) || text == WorkspaceName::SYSTEM
}

name!(
    /// Names a workspace; `_system` is the workspace of server-level facts.
    WorkspaceName, is_workspace, "a workspace name", WORKSPACE_RULE
);

impl WorkspaceName {
    /// The workspace of server-level facts.
    pub const SYSTEM: &'static str = "_system";
    /// The workspace that unscoped addresses mean.
    pub const DEFAULT: &'static str = "default";

    /// The workspace of server-level facts.
    pub fn system() -> Self {
        Self(Self::SYSTEM.into())
    }

    /// Whether this is the workspace of server-level facts.
    pub fn is_system(&self) -> bool {
        &*self.0 == Self::SYSTEM
    }
}

impl Default for WorkspaceName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl AgentName {
    /// The name that a display name such as `DataAnalyzer` resolves to.
    pub fn from_display(display: &str) -> Result<Self, InvalidName> {
        kebab(display).parse().map_err(|error: InvalidName| InvalidName { text: display.chars().take(80).collect(), ..error })
    }
}

impl CapabilityLabel {
    /// The label that a phrase such as `analyze data` stands for.
    pub fn from_phrase(phrase: &str) -> Result<Self, InvalidName> {
        let mut slug = kebab(phrase);
        slug.truncate(64);
        slug.parse().map_err(|error: InvalidName| InvalidName { text: phrase.chars().take(80).collect(), ..error })
    }
}

/// Names one tool: `server/tool`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolId {
    server: Box<str>,
    tool: Box<str>,
}

impl ToolId {
    /// The longest name a model is shown, bounded by the providers.
    pub const MODEL_NAME_LEN_MAX: usize = 64;

    /// Joins a server's name and a tool's.
    pub fn new(server: &str, tool: &str) -> Result<Self, InvalidName> {
        let id = Self { server: server.into(), tool: tool.into() };
        if is_tool_part(server) && is_tool_part(tool) && id.model_name().len() <= Self::MODEL_NAME_LEN_MAX {
            Ok(id)
        } else {
            Err(InvalidName { text: id.to_string().chars().take(140).collect(), what: "a tool id (`server/tool`)", rule: TOOL_RULE })
        }
    }

    /// The server that offers the tool.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The tool's name at its server.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// Whether a model that names a tool so means this one: `server__tool` or `server/tool`.
    pub fn is_called(&self, name: &str) -> bool {
        let (server, tool) = (self.server(), self.tool());
        // Lengths first: of many tools all but one are not meant.
        let between = match name.len().checked_sub(server.len() + tool.len()) {
            Some(1) => "/",
            Some(2) => "__",
            _ => return false,
        };
        name.strip_prefix(server).and_then(|rest| rest.strip_prefix(between)) == Some(tool)
    }

    /// What a model sees: `server__tool`.
    pub fn model_name(&self) -> String {
        format!("{}__{}", self.server, self.tool)
    }
}

impl fmt::Display for ToolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.tool)
    }
}

impl FromStr for ToolId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (server, tool) = text.split_once('/').unwrap_or((text, ""));
        Self::new(server, tool)
    }
}

serde_as_text!(ToolId);

/// An entry of an agent's allowlist: a whole server, or one of its tools.
///
/// A bare name means a server; where no server has it, the one tool that does (decided when the agent is deployed).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ToolRef {
    /// `server`, or the bare name of a tool that only one server offers.
    Name(Box<str>),
    /// `server/tool`.
    Tool(ToolId),
}

impl FromStr for ToolRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains('/') {
            text.parse().map(Self::Tool)
        } else if is_tool_part(text) {
            Ok(Self::Name(text.into()))
        } else {
            Err(InvalidName { text: text.chars().take(80).collect(), what: "a tool (`server` or `server/tool`)", rule: TOOL_RULE })
        }
    }
}

impl fmt::Display for ToolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Tool(id) => id.fmt(f),
        }
    }
}

serde_as_text!(ToolRef);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agent_names_follow_their_rule() {
        for good in ["abc", "data-analyzer", "a1-b2", &"a".repeat(64)] {
            assert!(good.parse::<AgentName>().is_ok(), "{good}");
        }
        for bad in ["", "ab", "1abc", "abc-", "Abc", "a_b", "a/b", "äbc", &"a".repeat(65)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn display_names_resolve_to_names() {
        let check = |display: &str, name: &str| assert_eq!(AgentName::from_display(display).unwrap().as_str(), name);
        check("DataAnalyzer", "data-analyzer");
        check("Data Analysis Agent", "data-analysis-agent");
        check("order_processor", "order-processor");
        check("HTTPClient2", "httpclient2");
        assert_eq!(AgentName::from_display("!!").unwrap_err().to_string(), format!("`!!` is not an agent name: {SLUG_RULE}"));
    }

    #[test]
    fn a_tool_is_called_by_its_whole_name() {
        let id: ToolId = "csv/mean".parse().unwrap();
        for name in ["csv__mean", "csv/mean"] {
            assert!(id.is_called(name), "{name}");
        }
        for name in
            ["", "mean", "csv_mean", "csv_/mean", "csv//mean", "csv__mea", "csv/_mean", "csw__mean", "csvä_mean", "csv__meän", "xcsv__mean"]
        {
            assert!(!id.is_called(name), "{name}");
        }
    }

    #[test]
    fn tool_ids_and_refs() {
        let id: ToolId = "csv-stats/describe".parse().unwrap();
        assert_eq!((id.server(), id.tool(), id.model_name().as_str()), ("csv-stats", "describe", "csv-stats__describe"));
        assert_eq!("csv-stats/describe".parse::<ToolRef>().unwrap(), ToolRef::Tool(id));
        assert_eq!("http_client".parse::<ToolRef>().unwrap(), ToolRef::Name("http_client".into()));
        for bad in ["", "a b", "a/", "/b", "a/b/c", "a__b/c", &format!("{}/{}", "a".repeat(40), "b".repeat(40))] {
            assert!(bad.parse::<ToolId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            let _ = (text.parse::<AgentName>(), text.parse::<ToolRef>(), AgentName::from_display(&text), CapabilityLabel::from_phrase(&text));
        }

        #[test]
        fn what_displays_parses_again(server in "[a-z][a-z0-9-]{0,20}", tool in "[a-z][a-z0-9]{0,20}") {
            let id = ToolId::new(&server, &tool).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}

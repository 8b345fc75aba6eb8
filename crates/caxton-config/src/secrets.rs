//! The secrets file: tokens and provider keys that only its owner may read.

use crate::{
    Diagnostic, Diagnostics, Secret, scalar,
    source::Source,
    tree::{self, Format, Node, Value},
};
use caxton_types::nearest;
use std::collections::BTreeMap;

/// What the secrets file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Tokens by the name of who carries them.
    pub tokens: BTreeMap<Box<str>, Secret>,
    /// Keys of model providers by the provider's name.
    pub api_keys: BTreeMap<Box<str>, Secret>,
    /// What other people's MCP servers are given, by names that their entries in the configuration use.
    pub mcp: BTreeMap<Box<str>, Secret>,
    /// What tools of workspaces may be given: `NAME` in every workspace, `WORKSPACE/NAME` in one.
    pub tools: BTreeMap<Box<str>, Secret>,
}

const SECTIONS: [&str; 4] = ["tokens", "api_keys", "mcp", "tools"];

impl Secrets {
    /// Reads the file's text; `mode` are its permission bits, where the system has them.
    pub fn parse(name: &str, text: &str, mode: Option<u32>) -> Result<Self, Diagnostics> {
        if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
            let message = format!("others may read this secrets file (mode {:04o})", mode & 0o7777);
            return Err(Diagnostic::error(message).file(name).help(format!("chmod 600 {name}")).into());
        }
        let source = Source::hidden(name, text);
        let root = tree::parse(&source, Format::of(name).unwrap_or(Format::Yaml))?;
        let mut secrets = Self::default();
        let mut problems = Diagnostics::new();
        for (section, entry) in root.entries().into_iter().flatten() {
            let values = match &**section {
                "tokens" => &mut secrets.tokens,
                "api_keys" => &mut secrets.api_keys,
                "mcp" => &mut secrets.mcp,
                "tools" => &mut secrets.tools,
                other => {
                    let unknown = entry.key.error(format!("unknown key `{other}`")).key(other);
                    problems.push(unknown.meant(nearest(other, SECTIONS)));
                    continue;
                }
            };
            problems.extend(read(section, &entry.node, values));
        }
        problems.or(secrets)
    }
}

/// Messages never quote a value.
fn read(section: &str, node: &Node, values: &mut BTreeMap<Box<str>, Secret>) -> Vec<Diagnostic> {
    let Some(map) = node.entries() else {
        let wrong = !matches!(node.value, Value::Null);
        return wrong
            .then(|| node.place.error(format!("`{section}`: expected names with their secrets")).key(section))
            .into_iter()
            .collect();
    };
    let mut problems = Vec::new();
    for (name, entry) in map {
        match scalar::text(&entry.node) {
            Ok(text) => drop(values.insert(name.clone(), Secret::new(text))),
            Err(wrong) => {
                let key = format!("{section}.{name}");
                problems.push(entry.node.place.error(format!("`{key}`: {wrong}")).key(key));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "tokens:\n  admin: secret-admin-token\napi_keys:\n  openai: sk-1\n  anthropic: \"sk-ant-1\"\n";

    #[test]
    fn only_its_owner_may_read_it() {
        let secrets = Secrets::parse("secrets.yaml", TEXT, Some(0o100_600)).unwrap();
        assert_eq!(secrets.api_keys["openai"].expose(), "sk-1");
        assert_eq!(secrets.tokens.len(), 1);
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            assert!(Secrets::parse("secrets.yaml", TEXT, Some(mode)).is_err(), "{mode:o}");
        }
        let error = Secrets::parse("/etc/caxton/secrets.yaml", TEXT, Some(0o100_644)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/etc/caxton/secrets.yaml: others may read this secrets file (mode 0644)\n  help: chmod 600 /etc/caxton/secrets.yaml"
        );
    }

    #[test]
    fn nothing_prints_a_secret() {
        let secrets = Secrets::parse("secrets.yaml", TEXT, None).unwrap();
        let text = format!("{secrets:?} {}", secrets.api_keys["openai"]);
        assert!(!text.contains("sk-") && !text.contains("secret-admin"), "{text}");
        for bad in ["api_keys:\n  openai: [sk-1]\n", "api_key:\n  openai: sk-1\n", "api_keys: sk-1\n", "api_keys:\n  openai: sk-1: x\n"] {
            let error = Secrets::parse("secrets.yaml", bad, None).unwrap_err().to_string();
            assert!(!error.contains("sk-"), "{error}");
        }
    }
}

//! Which files of a workspace count, and as what.

/// The most files of one workspace.
pub const FILES_MAX: usize = 200_000;
/// The largest text that is read.
pub const TEXT_SIZE_MAX: u64 = crate::source::TEXT_LEN_MAX as u64;
/// The largest component.
pub const WASM_SIZE_MAX: u64 = 64_000_000;

const PATH_LEN_MAX: usize = 512;

/// Directories at the top that hold no agent: `agents` and `tools` have their own rules, the others are not deployed.
const NO_AGENTS: [&str; 9] = ["agents", "tools", "tests", "target", "examples", "docs", "src", "templates", "node_modules"];

/// What a file of a workspace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'p> {
    /// `caxton.toml`.
    Settings,
    /// An agent's file.
    Agent,
    /// The README beside an `agent.toml`.
    Readme,
    /// A file below an agent's `prompts/`.
    Prompt,
    /// `tools/NAME/tool.wasm`.
    Wasm(&'p str),
    /// `tools/NAME/tool.toml`.
    Manifest(&'p str),
    /// `tools/NAME/policy.yaml`.
    Policy(&'p str),
}

/// Whether a deployment carries this file: what the loader reads, and nothing else.
pub fn is_deployed(path: &str) -> bool {
    item(path).is_some()
}

pub(super) fn item(path: &str) -> Option<Item<'_>> {
    let sound = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(|c: char| c.is_control() || c == '\\');
    let parts: Vec<_> = path.split('/').collect();
    if path.len() > PATH_LEN_MAX || !parts.iter().all(sound) {
        return None;
    }
    match parts.as_slice() {
        ["caxton.toml"] => Some(Item::Settings),
        ["agents", file] if file.strip_suffix(".toml").is_some_and(|name| !name.is_empty()) => Some(Item::Agent),
        ["agents", "prompts", ..] if parts.len() > 2 => Some(Item::Prompt),
        ["agents", _, rest @ ..] => beside_agent(rest),
        ["tools", name, "tool.wasm"] => Some(Item::Wasm(name)),
        ["tools", name, "tool.toml"] => Some(Item::Manifest(name)),
        ["tools", name, "policy.yaml"] => Some(Item::Policy(name)),
        [top, rest @ ..] if !NO_AGENTS.contains(top) => beside_agent(rest),
        _ => None,
    }
}

fn beside_agent<'p>(rest: &[&str]) -> Option<Item<'p>> {
    match rest {
        ["agent.toml"] => Some(Item::Agent),
        ["README.md"] => Some(Item::Readme),
        ["prompts", _, ..] => Some(Item::Prompt),
        _ => None,
    }
}

/// The directory of a file, without the slash at its end.
pub(super) fn dir_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_deployment_carries_what_the_loader_reads() {
        for path in [
            "caxton.toml",
            "agents/sum.toml",
            "agents/sum/agent.toml",
            "agents/sum/README.md",
            "agents/sum/prompts/system.md",
            "agents/sum/prompts/de/system.md",
            "agents/prompts/shared.md",
            "sum/agent.toml",
            "sum/prompts/system.md",
            "tools/csv/tool.wasm",
            "tools/csv/tool.toml",
            "tools/csv/policy.yaml",
        ] {
            assert!(is_deployed(path), "{path}");
        }
        for path in [
            "",
            "README.md",
            "agent.toml",
            "caxton.yaml",
            ".git/config",
            "agents/.hidden.toml",
            "agents/sum/.secret/agent.toml",
            "agents/sum/tests/agent.toml",
            "agents/sum/examples/a.md",
            "agents/../agents/sum.toml",
            "/agents/sum.toml",
            "agents//sum.toml",
            "agents\\sum.toml",
            "tests/agent.toml",
            "target/agent.toml",
            "tools/csv/src/lib.rs",
            "tools/csv/target/tool.wasm",
            "tools/tool.wasm",
            "secrets.yaml",
        ] {
            assert!(!is_deployed(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_that_leaves_the_workspace_is_deployed(path in "[a-z./]{0,40}(agent.toml|tool.wasm)?") {
            if is_deployed(&path) {
                prop_assert!(path.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            }
        }
    }
}

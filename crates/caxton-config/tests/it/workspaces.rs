//! Whole workspaces.

use caxton_config::workspace::{self, AttachmentAccess, FileContent, Offered, ToolManifest, Workspace};
use caxton_types::{ApprovalRule, Digest, Execution, ToolPolicy};
use std::collections::BTreeMap;

const AGENT: &str = "name = \"NAME\"\nsystem_prompt = \"Help.\"\n";

fn files(list: &[(&str, &str)]) -> BTreeMap<String, FileContent> {
    list.iter().map(|(path, text)| ((*path).to_owned(), FileContent::new(text.as_bytes()))).collect()
}

fn load(list: &[(&str, &str)]) -> Workspace {
    workspace::load(&files(list)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_layout_is_read() {
    let named = |name: &str| AGENT.replace("NAME", name);
    let (one, two, three) = (named("One One"), named("Two Two"), named("Three"));
    let filed = "name = \"Filed\"\n[prompts]\nsystem_file = \"prompts/system.md\"\n";
    let workspace = load(&[
        ("agents/one.toml", &one),
        ("agents/two/agent.toml", &two),
        ("agents/two/README.md", "# Two\n"),
        ("three/agent.toml", &three),
        ("agents/filed/agent.toml", filed),
        ("agents/filed/prompts/system.md", "From a file."),
        ("examples/agent.toml", "not read"),
        ("README.md", "not read"),
        ("caxton.toml", "[workspace]\nname = \"my-workspace\"\n[remotes.production]\nurl = \"https://caxton.example.com\"\n"),
        ("tools/csv/tool.wasm", "\0asm…"),
        (
            "tools/csv/tool.toml",
            "description = \"CSV\"\n[permissions]\nattachments = \"none\"\n[limits]\nmemory = \"16MiB\"\ntimeout = \"5s\"\n",
        ),
        ("tools/csv/policy.yaml", "version: \"1.0\"\npermissions: {}\n"),
        ("tools/half/tool.toml", ""),
    ]);
    let agents: Vec<_> = workspace.agents.iter().map(|agent| (agent.spec.name.as_str(), &*agent.path)).collect();
    assert_eq!(
        agents,
        [
            ("filed", "agents/filed/agent.toml"),
            ("one-one", "agents/one.toml"),
            ("two-two", "agents/two/agent.toml"),
            ("three", "three/agent.toml")
        ]
    );
    assert_eq!(workspace.agents[0].spec.prompts.system.to_string(), "From a file.");
    assert_eq!(workspace.agents[2].spec.documentation.as_deref(), Some("# Two\n"));
    assert_eq!(workspace.settings.name.as_ref().unwrap().as_str(), "my-workspace");
    assert_eq!(&*workspace.settings.remotes["production"].url, "https://caxton.example.com");
    let [tool] = workspace.tools.as_slice() else { panic!("{:?}", workspace.tools) };
    assert_eq!((&*tool.name, &*tool.path, tool.wasm.digest), ("csv", "tools/csv", Digest::of("\0asm…".as_bytes())));
    assert_eq!((tool.manifest.attachments, tool.manifest.memory.unwrap().get()), (AttachmentAccess::None, 16 << 20));
    assert_eq!(workspace.warnings.len(), 1, "{:?}", workspace.warnings);
}

#[test]
fn a_component_may_be_known_by_its_digest() {
    let digest = Digest::of(b"elsewhere");
    let mut files = files(&[("agents/one.toml", &AGENT.replace("NAME", "One"))]);
    files.insert("tools/csv/tool.wasm".into(), FileContent::known(digest, 9));
    assert_eq!(workspace::load(&files).unwrap().tools[0].wasm.digest, digest);
    files.insert("agents/two.toml".into(), FileContent::known(digest, 9));
    assert_eq!(workspace::load(&files).unwrap_err().to_string(), "agents/two.toml: the content of the file is missing");
}

#[test]
fn a_tools_author_says_how_it_is_handled() {
    let text = "[policy]\nexecution = \"at_most_once\"\napproval = \"when-writing\"\n[tools.look]\nexecution = \"idempotent\"\n";
    let manifest = ToolManifest::parse(text, "tools/bank/tool.toml").unwrap();
    let all = ToolPolicy { execution: Some(Execution::AtMostOnce), approval: Some(ApprovalRule::WhenWriting) };
    assert_eq!(manifest.policy_of("pay"), all);
    assert_eq!(manifest.policy_of("look"), ToolPolicy { execution: Some(Execution::Idempotent), ..all });
    assert!(manifest.check_tools(&["look", "pay"]).is_ok());
    let error = manifest.check_tools(&["lock", "pay"]).unwrap_err().to_string();
    assert!(error.starts_with("tools/bank/tool.toml:4:8: the component has no tool `look`"), "{error}");
    assert!(error.ends_with("did you mean `lock`?"), "{error}");
}

#[test]
fn tools_resolve_by_server_by_name_and_in_full() {
    let text = format!(
        "{}[tools]\nrequired = [\"own\", \"own/anything\", \"http_client\", \"http_client/request\", \"put\"]\noptional = [\"nowhere\"]\n",
        AGENT.replace("NAME", "One")
    );
    let workspace = load(&[("agents/one.toml", &text), ("tools/own/tool.wasm", "\0asm")]);
    let offered =
        [Offered { server: "http_client", tools: Some(vec!["request"]) }, Offered { server: "b", tools: Some(vec!["get", "put"]) }];
    let unknown = workspace::resolve_tools(&workspace, &offered);
    assert!(unknown.is_empty(), "{unknown:?}");
    let unknown = workspace::resolve_tools(&workspace, &[]);
    let names: Vec<_> = unknown.iter().map(|unknown| unknown.tool.to_string()).collect();
    assert_eq!(names, ["http_client", "http_client/request", "put"]);
    assert_eq!(unknown[0].diagnostic.position.unwrap().line, 4);
}

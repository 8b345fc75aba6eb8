use super::*;
use std::process::Command;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The files below `dir`, without git's own.
    fn files(&self, dir: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path().join(dir)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path.file_name().unwrap() != ".git" {
                    open.push(path);
                } else if path.is_file() {
                    found.push(path.strip_prefix(self.path().join(dir)).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

fn run_git(dir: &Path, words: &[&str]) -> String {
    let output = Command::new("git").current_dir(dir).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn template() -> &'static Template {
    Template::named("data-analyzer").unwrap()
}

fn shown(error: Error, folder: &Folder) -> String {
    error.to_string().replace(&folder.path().display().to_string(), "[folder]")
}

#[test]
fn a_workspace_is_a_repository_with_one_commit_and_nothing_open() {
    let folder = Folder::new();
    let made = workspace("lamp-shop", folder.path()).unwrap();
    let root = folder.path().join("lamp-shop");
    assert_eq!(
        folder.files("lamp-shop"),
        [".gitignore", "README.md", "agents/.gitkeep", "caxton.toml", "tests/.gitkeep", "tools/.gitkeep"]
    );
    assert_eq!(run_git(&root, &["log", "--format=%s"]), "Begin a Caxton workspace\n");
    assert_eq!(run_git(&root, &["status", "--porcelain"]), "");
    assert_eq!(run_git(&root, &["rev-parse", "HEAD"]).trim(), made.commit.unwrap());
    let state = git::state(&root).unwrap();
    assert!(!state.dirty);
    assert_eq!(Place::find(&root).unwrap().name().unwrap().as_str(), "lamp-shop");
}

#[test]
fn inside_a_workspace_an_agent_gets_its_folder_and_its_tool() {
    let folder = Folder::new();
    workspace("lamp-shop", folder.path()).unwrap();
    let root = folder.path().join("lamp-shop");
    agent("order-desk", template(), Some(&"order-processing".parse().unwrap()), &root.join("tests")).unwrap();
    let agent_toml = fs::read_to_string(root.join("agents/order-desk/agent.toml")).unwrap();
    assert!(agent_toml.contains("order-processing"), "{agent_toml}");
    let files = folder.files("lamp-shop/agents/order-desk");
    assert!(["README.md", "agent.toml", "prompts/system.md"].iter().all(|path| files.contains(&(*path).to_owned())), "{files:?}");
    assert_eq!(folder.files("lamp-shop/tools"), [".gitkeep", "csv-stats/tool.toml", "csv-stats/tool.wasm"]);
    assert!(git::state(&root).unwrap().dirty);

    let files = Place::find(&root).unwrap().files().unwrap();
    assert!(files.keys().all(|path| is_deployed(path)));
    let loaded = crate::place::load(&files).unwrap();
    assert_eq!(crate::place::warnings(&loaded), []);
    assert!(crate::place::missing_tools(&loaded).is_empty());
    assert_eq!(loaded.agents.iter().map(|agent| agent.spec.name.as_str()).collect::<Vec<_>>(), ["order-desk"]);
    assert_eq!(&*loaded.agents[0].spec.display_name, "Order Desk");
    assert_eq!(loaded.tools.len(), 1);
}

#[test]
fn every_template_loads_without_a_lint_and_names_only_tools_that_are_there() {
    for template in &templates::ALL {
        let folder = Folder::new();
        workspace("lamp-shop", folder.path()).unwrap();
        let root = folder.path().join("lamp-shop");
        agent("order-desk", template, None, &root).unwrap();
        let loaded = crate::place::load(&Place::find(&root).unwrap().files().unwrap()).unwrap();
        assert_eq!(crate::place::warnings(&loaded), [], "{}", template.name);
        assert!(crate::place::missing_tools(&loaded).is_empty(), "{}", template.name);
        let spec = &loaded.agents[0].spec;
        assert_eq!(spec.capabilities[0].label.as_str(), template.capability);
        assert_eq!(spec.description.as_deref(), Some(template.about));
        assert!(spec.prompts.user.is_some() && spec.memory.enabled && spec.documentation.is_some());
    }
}

#[test]
fn outside_a_workspace_the_folder_around_the_agent_can_be_deployed() {
    let folder = Folder::new();
    let made = agent("MyAnalyzer", template(), None, folder.path()).unwrap();
    assert_eq!((made.name.as_str(), made.dir.as_path()), ("my-analyzer", folder.path().join("my-analyzer").as_path()));
    assert_eq!(folder.files("tools"), ["csv-stats/tool.toml", "csv-stats/tool.wasm"]);
    let place = Place::of(None, folder.path()).unwrap();
    let loaded = crate::place::load(&place.files().unwrap()).unwrap();
    assert_eq!(&*loaded.agents[0].spec.display_name, "MyAnalyzer");
    assert!(crate::place::missing_tools(&loaded).is_empty());
}

#[test]
fn nothing_is_written_over() {
    let folder = Folder::new();
    let root = folder.path().join("lamp-shop");
    workspace("lamp-shop", folder.path()).unwrap();
    agent("order-desk", template(), None, &root).unwrap();
    fs::write(root.join("tools/csv-stats/tool.toml"), "# mine\n").unwrap();
    let before = folder.files("lamp-shop");
    let again = agent("order-desk", template(), None, &root).unwrap_err();
    let inside = workspace("bulb-shop", &root).unwrap_err();
    let over = workspace("lamp-shop", folder.path()).unwrap_err();
    assert_eq!(folder.files("lamp-shop"), before);
    let errors = [again, inside, over].map(|error| shown(error, &folder));
    insta::assert_snapshot!(errors.join("\n\n"));

    let second = agent("second-desk", template(), None, &root).unwrap();
    assert_eq!(second.notes, ["left as they are, though they differ from the template's: csv-stats/tool.toml"]);
    assert_eq!(fs::read_to_string(root.join("tools/csv-stats/tool.toml")).unwrap(), "# mine\n");
}

#[test]
fn names_that_cannot_be_are_refused() {
    let folder = Folder::new();
    let label = "order.processing:v2".parse().unwrap();
    let errors = [
        workspace("Lamp Shop", folder.path()).unwrap_err(),
        workspace("_system", folder.path()).unwrap_err(),
        workspace("../escape", folder.path()).unwrap_err(),
        agent("a\"b", template(), None, folder.path()).unwrap_err(),
        agent("x", template(), None, folder.path()).unwrap_err(),
        agent("docs", template(), None, folder.path()).unwrap_err(),
        agent("order-desk", template(), Some(&label), folder.path()).unwrap_err(),
    ];
    insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n\n"));
    assert_eq!(folder.files(""), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_deployed_says_what_it_lacks() {
    let folder = Folder::new();
    let none = Place::of(None, folder.path()).unwrap_err();
    let gone = Place::of(Some(Path::new("gone")), folder.path()).unwrap_err();
    let no_repository = git::state(folder.path()).unwrap_err();
    run_git(folder.path(), &["init", "--quiet"]);
    let no_commit = git::state(folder.path()).unwrap_err();
    let errors = [none, gone, no_repository, no_commit].map(|error| shown(error, &folder));
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn display_names_lead_back_to_the_name() {
    for name in ["order-desk", "a1-b2", "abc", "x-2024-report"] {
        assert_eq!(AgentName::from_display(&title(name)).unwrap().as_str(), name);
    }
}

#[test]
fn a_tool_comes_with_the_sdk_of_its_language() {
    let folder = Folder::new();
    workspace("lamp-shop", folder.path()).unwrap();
    let root = folder.path().join("lamp-shop");
    let made = tool("word-count", ToolTemplate::named("tool-c").unwrap(), &root).unwrap();
    assert_eq!(made.files[0], Path::new("tools/word-count/README.md"));
    assert_eq!(folder.files("lamp-shop/tools/word-count"), ["README.md", "caxton.h", "tool.c", "tool.toml"]);
    assert!(fs::read_to_string(root.join("tools/word-count/README.md")).unwrap().starts_with("# word-count\n"));
    let outside = folder.path().join("elsewhere");
    fs::create_dir(&outside).unwrap();
    for template in &templates::TOOLS {
        tool(template.name, template, &outside).unwrap();
        assert!(outside.join(template.name).join("tool.toml").is_file());
    }
    assert_eq!(tool("tool-c", ToolTemplate::named("tool-c").unwrap(), &outside).unwrap_err().code(), Some(Code::Conflict));
    assert_eq!(tool("Word Count", ToolTemplate::named("tool-c").unwrap(), &outside).unwrap_err().code(), Some(Code::Invalid));
}

//! Every message as it is printed: `NAME.err` beside what causes it. `UPDATE_GOLDEN=1` writes them anew.

use crate::world::{World, world};
use caxton_config::{
    agent,
    workspace::{self, FileContent, LoadedTool, Offered, permission_words},
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn cases(area: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(area);
    let mut cases: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_none_or(|extension| extension != "err"));
    cases.sort();
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| case.file_stem()).collect();
    assert_eq!(names.len(), cases.len(), "one golden file per case");
    assert!(!cases.is_empty());
    cases
}

fn check(case: &Path, found: &str) {
    let golden = case.with_extension("err");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(found, expected, "{}", case.display());
}

/// The files below a directory, by path with `/`.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Comments of the base file set the scene: `# env: NAME=VALUE`, `# set: KEY=VALUE`, `# profile: NAME`, `# mode: FILE MODE`.
fn scene(files: &BTreeMap<String, Vec<u8>>, base: &str) -> World {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut scene = files.iter().fold(world(), |world, (name, bytes)| world.file(name, &text(bytes)));
    for line in text(&files[base]).lines() {
        let Some((word, value)) = line.strip_prefix("# ").and_then(|line| line.split_once(": ")) else {
            continue;
        };
        scene = match word {
            "env" => value.split_once('=').map(|(name, value)| scene.clone().env(name, value)).unwrap(),
            "set" => scene.set(value),
            "profile" => scene.options(|options| options.profile = Some(value.into())),
            "environment" => scene.options(|options| options.env = Some(value.into())),
            "mode" => {
                let (name, mode) = value.split_once(' ').unwrap();
                let text = text(&files[name]);
                scene.file_mode(name, &text, u32::from_str_radix(mode, 8).unwrap())
            }
            _ => scene,
        };
    }
    scene
}

#[test]
fn the_servers_configuration() {
    for case in cases("config") {
        let (files, base) = if case.is_dir() {
            (tree(&case), "caxton.yaml".to_owned())
        } else {
            let base = format!("caxton.{}", case.extension().unwrap().to_str().unwrap());
            (BTreeMap::from([(base.clone(), fs::read(&case).unwrap())]), base)
        };
        let found = match scene(&files, &base).options(|options| options.config = Some(base.into())).load() {
            Err(error) => format!("{error}\n"),
            Ok(loaded) => loaded.warnings.iter().fold("fine\n".to_owned(), |text, warning| format!("{text}{warning}\n")),
        };
        check(&case, &found);
    }
}

#[test]
fn agents() {
    for case in cases("agent") {
        let name = case.file_name().unwrap().to_str().unwrap();
        let found = match agent::parse(&fs::read_to_string(&case).unwrap(), name) {
            Err(error) => format!("{error}\n"),
            Ok(parsed) => parsed.lints.iter().fold("fine\n".to_owned(), |text, lint| format!("{text}{lint}\n")),
        };
        check(&case, &found);
    }
}

#[test]
fn workspaces() {
    let offered = [
        Offered { server: "http_client", tools: Some(vec!["request"]) },
        Offered { server: "a", tools: Some(vec!["get"]) },
        Offered { server: "b", tools: Some(vec!["get", "put"]) },
    ];
    for case in cases("workspace") {
        let files = tree(&case).into_iter().map(|(path, bytes)| (path, FileContent::new(bytes))).collect();
        let mut found = String::new();
        match workspace::load(&files) {
            Err(error) => writeln!(found, "{error}").unwrap(),
            Ok(workspace) => {
                found.push_str("fine\n");
                let lints = workspace.agents.iter().flat_map(|agent| &agent.lints);
                let unknown = workspace::resolve_tools(&workspace, &offered).into_iter().map(|unknown| unknown.diagnostic);
                let models =
                    workspace::resolve_models(&workspace, &["chat", "reasoning"].into()).into_iter().map(|unknown| unknown.diagnostic);
                for diagnostic in workspace.warnings.iter().chain(lints).cloned().chain(unknown).chain(models) {
                    writeln!(found, "{diagnostic}").unwrap();
                }
            }
        }
        check(&case, &found);
    }
}

/// Policies in the shapes that Wassette's own have: what is wanted, in words, and what is said of it.
#[test]
fn policies() {
    let agent = "name = \"sum\"\nsystem_prompt = \"Add.\"\n";
    for case in cases("policy") {
        let policy = fs::read(&case).unwrap();
        let files = [("agents/sum.toml", agent.into()), ("tools/feeds/policy.yaml", policy), ("tools/feeds/tool.wasm", b"\0asm".to_vec())];
        let files = files.into_iter().map(|(path, bytes)| (path.to_owned(), FileContent::new(bytes))).collect();
        let mut found = String::new();
        match workspace::load(&files) {
            Err(error) => writeln!(found, "{error}").unwrap(),
            Ok(workspace) => {
                for LoadedTool { manifest, .. } in &workspace.tools {
                    let memory = manifest.memory.map(|memory| format!("memory {memory}"));
                    for word in permission_words(&manifest.wanted()).into_iter().chain(memory) {
                        writeln!(found, "{word}").unwrap();
                    }
                }
                workspace.warnings.iter().for_each(|warning| writeln!(found, "{warning}").unwrap());
            }
        }
        check(&case, &found);
    }
}

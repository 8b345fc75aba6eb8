//! Each rule on a house in order and on one that breaks it.
use super::*;
use crate::repo::Repo;
use std::fs;
use tempfile::TempDir;

/// A small house in order, with `change` written over it.
fn house(change: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let manifest = |dependencies: &str| format!("[lints]\nworkspace = true\n\n[dependencies]\n{dependencies}");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("ARCHITECTURE.md", "`caxton-types`, `caxton-store` and `caxton`");
    write("crates/caxton-types/Cargo.toml", &manifest("serde = \"1\"\n"));
    write("crates/caxton-types/src/lib.rs", "//! Words.\n//!\n//! Invariant: no I/O.\n#![warn(missing_docs)]\n");
    write("crates/caxton-store/Cargo.toml", &manifest("caxton-types.workspace = true\n"));
    write("crates/caxton-store/src/lib.rs", "//! Rows. Invariant: one writer.\n");
    write("crates/caxton/Cargo.toml", &manifest("caxton-store.workspace = true\n"));
    write("crates/caxton/src/main.rs", "fn main() {}\n");
    write("docs/adr/README.md", "- [First](0001-first.md)\n");
    write("docs/adr/0001-first.md", "# First\n");
    for (path, text) in change {
        write(path, text);
    }
    root
}

/// The findings without their reasons.
fn findings(change: &[(&str, &str)]) -> Vec<String> {
    let root = house(change);
    let found = check(&Repo::at(root.path())).unwrap();
    found.iter().map(|finding| format!("{}:{}: {}", finding.path.display(), finding.line, finding.what)).collect()
}

/// The findings in one source file of the store.
fn findings_in(source: &str) -> Vec<String> {
    let path = "crates/caxton-store/src/rows.rs";
    findings(&[(path, source)]).iter().map(|found| found.replace(&format!("{path}:"), "")).collect()
}

fn manifest(dependencies: &str) -> String {
    format!("[lints]\nworkspace = true\n{dependencies}\n")
}

#[test]
fn a_house_in_order_has_no_findings() {
    assert_eq!(findings(&[]), Vec::<String>::new());
}

#[test]
fn a_finding_names_its_place_and_the_next_step() {
    let finding = Finding::new("a/mod.rs", 1, "`mod.rs`", "name the file after its module");
    assert_eq!(finding.to_string(), "a/mod.rs:1: `mod.rs` — name the file after its module");
}

#[test]
fn dependencies_run_from_right_to_left() {
    let check = |name: &str, dependencies: &str, expected: &[&str]| {
        let path = format!("crates/{name}/Cargo.toml");
        let architecture = format!("caxton-types caxton-store caxton {name}");
        let found = findings(&[(&path, &manifest(dependencies)), ("ARCHITECTURE.md", &architecture)]);
        let expected: Vec<String> = expected.iter().map(|what| format!("{path}:{what}")).collect();
        assert_eq!(found, expected, "{name}: {dependencies}");
    };
    check("caxton-types", "[dependencies]\ncaxton-config = \"1\"", &["4: `caxton-types` (domain) uses `caxton-config` (domain)"]);
    check("caxton-config", "[dependencies]\ncaxton-types = \"1\"", &[]);
    check("caxton-llm", "[dependencies]\ncaxton-store = { path = \"\" }", &["4: `caxton-llm` (engine) uses `caxton-store` (engine)"]);
    check("caxton-memory", "[dependencies]\ncaxton-exchange.workspace = true", &[]);
    check(
        "caxton-memory",
        "[dependencies]\ncaxton-tools.workspace = true",
        &["4: `caxton-memory` (service) uses `caxton-tools` (service)"],
    );
    check("caxton-memory", "[dev-dependencies]\ncaxton-server = \"1\"", &["4: `caxton-memory` (service) uses `caxton-server` (edge)"]);
    check("caxton-client", "[dependencies]\ncaxton-server = \"1\"", &["4: `caxton-client` (edge) uses `caxton-server` (edge)"]);
    check("caxton-cli", "[dependencies]\ncaxton-server = \"1\"\ncaxton-client = \"1\"", &[]);
    check(
        "caxton-api",
        "[target.'cfg(unix)'.dependencies]\ndb = { package = \"caxton-store\" }",
        &["4: `caxton-api` (wire) uses `caxton-store` (engine)"],
    );
    check("caxton-api", "[dependencies]\ncaxton-new = \"1\"", &["4: `caxton-api` uses `caxton-new`, which has no layer"]);
    check("caxton-new", "", &["1: `caxton-new` has no layer"]);
}

#[test]
fn the_test_kit_is_for_end_to_end_tests() {
    let kit = |name: &str, kind: &str| {
        let path = format!("crates/{name}/Cargo.toml");
        findings(&[(&path, &manifest(&format!("[{kind}]\ncaxton-testkit.workspace = true")))]).len()
    };
    assert_eq!(kit("caxton", "dev-dependencies"), 0);
    assert_eq!(kit("caxton", "dependencies"), 1);
    assert_eq!(kit("caxton-store", "dev-dependencies"), 1);
}

#[test]
fn xtask_uses_no_crate_of_ours() {
    let found = findings(&[("xtask/Cargo.toml", "[dependencies]\nserde = \"1\"\ncaxton-types = \"1\"\n")]);
    assert_eq!(found, ["xtask/Cargo.toml:3: xtask uses `caxton-types`"]);
}

#[test]
fn long_files_and_shapeless_names_are_found() {
    let long = "//\n".repeat(501);
    assert_eq!(findings_in(&long), ["501: 501 lines, 500 are the most"]);
    assert_eq!(findings_in(&"//\n".repeat(500)), Vec::<String>::new());
    assert_eq!(findings(&[("crates/caxton/src/a/mod.rs", "")]), ["crates/caxton/src/a/mod.rs:1: `mod.rs`"]);
    assert_eq!(findings(&[("examples/x/utils.rs", "")]), ["examples/x/utils.rs:1: `utils.rs`"]);
    assert_eq!(findings(&[("target/debug/mod.rs", "dbg!(1)")]), Vec::<String>::new());
}

#[test]
fn unfinished_code_is_found_and_talk_about_it_is_not() {
    assert_eq!(findings_in("fn a() {\n    todo!()\n}"), ["2: `todo!`"]);
    assert_eq!(findings_in("fn a() { std::unimplemented!(\"x\") }"), ["1: `unimplemented!`"]);
    assert_eq!(findings_in("let a = dbg!(b);"), ["1: `dbg!`"]);
    for innocent in [
        "// todo!()",
        "/* a /* todo!() */ dbg!(a) */",
        "/// Like `todo!()`.",
        "const A: &str = \"todo!() \\\" dbg!(1)\";",
        "const A: &str = r#\"todo!(\"a\")\"#;",
        "fn todo() {}",
        "my_todo!()",
        "let quote = '\"'; let other = '\\''; fn f<'a>(x: &'a str) {}",
    ] {
        assert_eq!(findings_in(innocent), Vec::<String>::new(), "{innocent}");
    }
}

#[test]
fn tests_that_are_switched_off_are_found() {
    assert_eq!(findings_in("#[test]\n#[ignore = \"slow\"]\nfn a() {}"), ["2: `#[ignore]`"]);
    assert_eq!(findings_in("#[should_panic(expected = \"x\")]"), ["1: `#[should_panic]`"]);
    assert_eq!(findings_in("#[cfg_attr(windows, ignore)]"), ["1: `#[ignore]`"]);
    assert_eq!(findings_in("#[serde(ignore)]\n#[ignored]"), Vec::<String>::new());
}

#[test]
fn sleeps_are_found_in_tests_only() {
    let inside = |code: &str| format!("fn main() {{}}\n#[cfg(test)]\nmod tests {{\n    {code}\n}}\nfn after() {{}}\n");
    let found = ["4: a sleep in a test"];
    assert_eq!(findings_in(&inside("std::thread::sleep(a);")), found);
    assert_eq!(findings_in(&inside("tokio::time::sleep(a).await;")), found);
    assert_eq!(findings_in(&inside("sleep(a).await;")), found);
    assert_eq!(findings_in(&inside("use tokio::time::sleep;")), found);
    for innocent in ["agent.sleep();", "fn sleep() {}", "// sleep(1)", "let sleep = 1;", "nap::sleep(1);"] {
        assert_eq!(findings_in(&inside(innocent)), Vec::<String>::new(), "{innocent}");
    }
    let product = "fn tick() { std::thread::sleep(a); }\n#[cfg(test)]\nmod tests;\nfn tock() { time::sleep(a); }";
    assert_eq!(findings_in(product), Vec::<String>::new());
    assert_eq!(findings_in("#[cfg(not(test))]\nfn a() { thread::sleep(b); }"), Vec::<String>::new());
    let test = "fn a() {\n    thread::sleep(b);\n}";
    for path in ["crates/caxton-store/src/rows/tests.rs", "crates/caxton/tests/it/main.rs"] {
        assert_eq!(findings(&[(path, test)]), [format!("{path}:2: a sleep in a test")]);
    }
}

#[test]
fn a_crate_says_what_it_guarantees() {
    let store = "crates/caxton-store/src/lib.rs";
    assert_eq!(findings(&[(store, "mod rows;\n")]), [format!("{store}:1: no `//!` at its head")]);
    assert_eq!(findings(&[(store, "//! Rows.\n")]), [format!("{store}:1: its head names no `Invariant`")]);
    let types = "crates/caxton-types/src/lib.rs";
    assert_eq!(findings(&[(types, "//! Invariant: none.\n")]), [format!("{types}:1: no `#![warn(missing_docs)]`")]);
    let bare = "crates/caxton-store/Cargo.toml";
    assert_eq!(findings(&[(bare, "[dependencies]\n")]), [format!("{bare}:1: no `[lints] workspace = true`")]);
}

#[test]
fn the_map_names_every_crate() {
    let found = findings(&[("ARCHITECTURE.md", "`caxton-types`, `caxton-storeroom`, `caxton`")]);
    assert_eq!(found, ["ARCHITECTURE.md:1: does not name `caxton-store`"]);
}

#[test]
fn decisions_are_listed() {
    let found = findings(&[("docs/adr/0002-second.md", "# Second\n")]);
    assert_eq!(found, ["docs/adr/0002-second.md:1: not listed in docs/adr/README.md"]);
}

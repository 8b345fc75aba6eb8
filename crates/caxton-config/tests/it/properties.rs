//! What holds for any text, and the laws of laying files over each other.

use crate::world::world;
use caxton_config::{
    Secrets, agent,
    workspace::{self, FileContent, ToolManifest, WorkspaceSettings},
};
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Write as _;

/// Text that looks a little like configuration.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "server",
        "port",
        ":",
        "=",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "\\",
        "${",
        "}",
        "{{",
        "}}",
        "&a ",
        "*a",
        "name",
        "system_prompt",
        "[parameters]",
        "tools",
        "llm",
        "providers",
        "é",
        "#",
        "1",
        "true",
        "~",
        "\t",
        "\r\n",
        "|",
        ">",
        "!x ",
        "? ",
        "---",
        ",",
        ".",
        "\u{feff}",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(words, 0..60).prop_map(|words| words.concat())]
}

/// A file with some of the keys that can lie over each other.
fn layer() -> impl Strategy<Value = String> {
    let port = prop::option::of(0..9u16).prop_map(|port| port.map(|port| format!("server: {{port: {port}}}\n")));
    let agents = prop::option::of(1..9u16).prop_map(|count| count.map(|count| format!("runtime: {{max_agents: {count}}}\n")));
    let hosts = prop::option::of(prop::collection::vec("[a-c]", 0..3))
        .prop_map(|hosts| hosts.map(|hosts| format!("tools: {{http_client: {{allowed_hosts: {hosts:?}}}}}\n")));
    (port, agents, hosts).prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

fn load(base: &str, profile: &str, overlay: &str) -> Value {
    let world = world().file("caxton.yaml", base).file("config-p.yaml", profile).file("config-e.yaml", overlay);
    let world = world.options(|options| (options.profile, options.env) = (Some("p".into()), Some("e".into())));
    world.loaded().get(None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_a_parser_panic(text in text()) {
        for name in ["caxton.yaml", "caxton.toml"] {
            let _ = world().file(name, &text).options(|options| options.config = Some(name.into())).load().map_err(|error| error.to_string());
        }
        let _ = agent::parse_with(&text, "agent.toml", &|_| Some(text.clone())).map_err(|error| error.to_string());
        let _ = (ToolManifest::parse(&text, "tool.toml"), WorkspaceSettings::parse(&text, "caxton.toml"), Secrets::parse("s.yaml", &text, None));
        let _ = world().set(&text).load();
        let files = [("agents/a.toml", &text), ("tools/t/tool.toml", &text), ("tools/t/policy.yaml", &text), ("caxton.toml", &text)];
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), FileContent::new(text.clone().into_bytes()))).collect();
        let _ = workspace::load(&files).map_err(|error| error.to_string());
    }

    #[test]
    fn a_prompt_with_any_text_is_placed_inside_its_file(before in "[a-zé\\n ]{0,20}", name in "[a-z]{1,8}x") {
        let text = format!("name = \"Abc\"\nsystem_prompt = '''{before}{{{{{name}}}}}'''\n");
        if let Err(error) = agent::parse(&text, "agent.toml") {
            let position = error.iter().next().unwrap().position.unwrap();
            let line = text.lines().nth(position.line as usize - 1).unwrap();
            prop_assert!(line.chars().skip(position.column as usize - 1).collect::<String>().starts_with("{{"), "{error}");
        }
    }

    #[test]
    fn the_last_layer_wins_and_an_empty_one_changes_nothing(a in layer(), b in layer()) {
        prop_assert_eq!(load(&a, &b, ""), load(&a, "", &b));
        prop_assert_eq!(load(&a, &a, &a), load(&a, "", ""));
        prop_assert_eq!(load(&a, "", &b), load("", &a, &b));
        prop_assert_eq!(load(&a, &b, &b), load(&a, &b, ""));
    }
}

#[test]
fn aliases_cannot_multiply_without_bound() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    assert!(world().file("caxton.yaml", &text).error().contains("more than 100000 values"));
    let deep = "[".repeat(100_000);
    assert!(world().file("caxton.yaml", &deep).load().is_err());
    assert!(
        world().file("caxton.toml", &format!("a = {deep}")).options(|options| options.config = Some("caxton.toml".into())).load().is_err()
    );
    assert!(world().file("caxton.yaml", &" ".repeat(2 << 20)).error().contains("larger than 1 MiB"));
}

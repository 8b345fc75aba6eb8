use super::{Parsed, parse};
use crate::{
    args::{Command as Cmd, MessageCommand, ServerCommand},
    help::{self, GROUPS},
};
use clap::Command;
use std::{collections::BTreeMap, ffi::OsString, fmt::Write as _};

/// What the words of a line come to: the command, a page, or the error as it is shown.
fn read(line: &str) -> Result<Parsed, String> {
    parse(words(line)).map_err(|error| error.to_string())
}

fn error_of(line: &str) -> String {
    read(line).err().unwrap_or_else(|| panic!("`{line}` is no mistake"))
}

/// Splits as a shell does, as far as the examples need it.
fn words(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words.into_iter().map(OsString::from).collect()
}

/// Every command with the path that leads to it.
fn all(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
    found.push((path.to_owned(), command.clone()));
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        all(sub, &format!("{path} {}", sub.get_name()), found);
    }
}

fn every_command() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    all(&help::command(), "caxton", &mut found);
    found
}

#[test]
fn the_tree_is_sound() {
    help::command().debug_assert();
}

#[test]
fn every_command_stands_in_one_group() {
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    GROUPS.iter().flat_map(|(_, names)| *names).for_each(|name| *count.entry(name).or_default() += 1);
    let command = help::command();
    for sub in command.get_subcommands() {
        assert_eq!(count.remove(sub.get_name()), Some(1), "{}", sub.get_name());
    }
    assert!(count.is_empty(), "{count:?}");
}

#[test]
fn every_command_and_argument_says_what_it_is() {
    for (path, command) in every_command() {
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
        }
    }
}

#[test]
fn every_example_of_a_help_page_is_understood() {
    let mut count = 0;
    for (path, command) in every_command() {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = text.lines().filter_map(|line| line.strip_prefix("  "));
        for example in examples.flat_map(|line| line.split(" && ").flat_map(|part| part.split(" | "))).map(str::trim) {
            let example = example.split("   ").next().unwrap_or_default();
            if example.starts_with("caxton ") {
                assert!(matches!(read(example), Ok(Parsed::Command(_))), "{path}: {example}: {}", error_of(example));
                count += 1;
            }
        }
    }
    assert!(count > 25, "{count} examples");
}

#[test]
fn long_and_short_forms_are_one() {
    let serve = |line| match read(line) {
        Ok(Parsed::Command(line)) => match line.command {
            Cmd::Serve(args) | Cmd::Server { command: ServerCommand::Start(args) } => format!("{args:?}"),
            other => panic!("{other:?}"),
        },
        _ => panic!("{line}"),
    };
    assert_eq!(serve("caxton serve --port 0 --dry-run"), serve("caxton server start --port 0 --dry-run"));
    assert_eq!(serve("caxton-cli serve"), serve("/usr/local/bin/caxton serve"));
}

#[test]
fn global_flags_stand_anywhere() {
    for line in ["caxton --json status", "caxton status --json", "caxton config get server --set server.port=9001 --json"] {
        let Ok(Parsed::Command(line)) = read(line) else { panic!("{line}") };
        assert!(line.global.json);
    }
}

#[test]
fn attachments_do_not_swallow_the_question() {
    let Ok(Parsed::Command(line)) = read("caxton ask analyzer --attach a.csv --attach b.csv 'How many?'") else { panic!() };
    let Cmd::Ask(ask) = line.command else { panic!() };
    assert_eq!((ask.attach.len(), ask.text.as_deref()), (2, Some("How many?")));
    let Ok(Parsed::Command(line)) = read("caxton message send --to analyzer --content hi --performative QUERY-REF") else { panic!() };
    let Cmd::Message { command: MessageCommand::Send(send) } = line.command else { panic!() };
    assert_eq!(send.performative.as_str(), "query_ref");
}

#[test]
fn mistyped_commands_are_suggested() {
    let lines = [
        "caxton agents list",
        "caxton agent lst",
        "caxton depoly ../shop --json",
        "caxton --json stats",
        "caxton ask-agent analyzer \"How many rows?\"",
        "caxton xyzzy",
        "caxton agent xyzzy",
        "caxton-cli templates list",
        "caxton deploy --messge x",
        "caxton serve --port 99999",
        "caxton ask",
        "caxton ask queue:x hello",
        "caxton message send --to analyzer",
        "caxton message send --to analyzer --content x --performative reqest",
        "caxton trace --conversation-id 17",
        "caxton trace --conversation-id cnv_01k6z3q5x7e8r9t0v2w4y6z8a1 --last yesterday",
        "caxton trace --conversation-id cnv_01k6z3q5x7e8r9t0v2w4y6z8a1 --lines --tree",
        "caxton init shop --capability x",
    ];
    let text: Vec<String> = lines.iter().map(|line| format!("$ {line}\n{}\n", error_of(line))).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_first_page_of_help() {
    insta::assert_snapshot!(help::command().term_width(100).render_help());
}

/// `docs/cli.md` ends with what this prints, so that the pages cannot differ from the program.
#[test]
fn the_reference_in_the_documentation_is_that_of_the_program() {
    let mut text = String::new();
    for (path, command) in every_command().into_iter().skip(1).filter(|(_, command)| !command.has_subcommands()) {
        let page = command.bin_name(&path).term_width(110).render_help().to_string();
        let own = page.split("\nEverywhere:").next().unwrap_or_default();
        let after = page.split_once("\nExamples:").map(|(_, after)| format!("\nExamples:{after}")).unwrap_or_default();
        let lines: Vec<&str> = own.lines().chain(after.lines()).map(str::trim_end).collect();
        let _ = write!(text, "### {path}\n```text\n{}\n```\n\n", lines.join("\n").trim_end());
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let whole = std::fs::read_to_string(file).unwrap();
    let (head, reference) = whole.split_once("## Reference\n").unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, format!("{head}## Reference\n\n{}\n", text.trim_end())).unwrap();
    } else {
        assert!(reference.trim() == text.trim(), "docs/cli.md is not what the program says: run this test with UPDATE_DOCS=1");
    }
}

//! The pages of the documentation are run: every command of a `console` block, in order, with the output that stands below it.

use super::Desk;
use anyhow::{Context as _, Result, bail, ensure};
use std::{fs, path::Path, process::Stdio};

/// Stands between the outputs of two commands.
const MARK: &str = "~~~ next ~~~";

/// One command and what is shown of its output; a line `…` stands for any lines, `…` in a line for any text.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn commands(page: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line.strip_prefix("$ ")) {
            (false, _) => inside = line == "```console",
            (true, _) if line == "```" => inside = false,
            (true, Some(command)) => all.push(Shown { command: command.to_owned(), output: Vec::new() }),
            (true, None) => {
                if let Some(shown) = all.last_mut() {
                    shown.output.push(line.to_owned());
                }
            }
        }
    }
    all
}

/// Whether the text is what the pattern shows.
fn fits(pattern: &[String], text: &[&str]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((first, rest)) if first == "…" => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
        Some((first, rest)) => text.split_first().is_some_and(|(line, below)| line_fits(first, line) && fits(rest, below)),
    }
}

fn line_fits(pattern: &str, line: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('…') else { return pattern.trim_end() == line.trim_end() };
    let Some(rest) = line.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_fits(tail, &rest[at..]))
}

/// Runs the page in one shell, so that `cd` holds; the server that it starts is there already.
async fn run(page: &str) -> Result<()> {
    let file = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let shown = commands(&fs::read_to_string(file)?);
    ensure!(shown.len() > 8, "{page} has {} commands", shown.len());
    let desk = Desk::new().await?;
    fs::create_dir(desk.path("bin"))?;
    std::os::unix::fs::symlink(crate::binary::caxton(), desk.path("bin/caxton"))?;
    fs::write(desk.path("home/.gitconfig"), "[user]\nname = Ada\nemail = ada@localhost\n")?;
    let script: Vec<String> = shown
        .iter()
        .map(|shown| if shown.command == "caxton serve" { ":" } else { &shown.command })
        .map(|command| format!("{{ {command}\n}} || {{ echo \"failed with $?\"; exit 1; }}; echo '{MARK}'; echo '{MARK}' >&2"))
        .collect();
    let path =
        std::env::join_paths([desk.path("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())))?;
    let mut command = desk.command(Path::new("sh"), "");
    let output = command.env("PATH", path).args(["-c", &script.join("\n")]).stdin(Stdio::null()).output()?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    let mark = format!("{MARK}\n");
    let mut outputs = out.split(&mark);
    for Shown { command, output } in &shown {
        let said = outputs.next().with_context(|| format!("{page}: `{command}` did not run\n{err}"))?;
        let lines: Vec<&str> = said.lines().collect();
        if lines.last().is_some_and(|line| line.starts_with("failed with")) {
            bail!("{page}: `{command}` {said}\n{err}");
        }
        ensure!(output.is_empty() || fits(output, &lines), "{page}: `{command}` says\n{said}\nand not\n{}", output.join("\n"));
    }
    Ok(())
}

#[tokio::test]
async fn the_quickstart_works_as_it_is_written() -> Result<()> {
    run("quickstart.md").await
}

#[tokio::test]
async fn turns_are_decided_on_and_replayed_as_it_is_written() -> Result<()> {
    run("turns.md").await
}

#[tokio::test]
async fn tests_and_cassettes_work_as_they_are_described() -> Result<()> {
    run("testing.md").await
}

#[tokio::test]
async fn the_commands_of_the_reference_work_as_they_are_written() -> Result<()> {
    run("cli.md").await
}

#[tokio::test]
async fn grants_are_asked_for_and_refused_as_they_are_described() -> Result<()> {
    run("grants.md").await
}

#[test]
fn patterns_stand_for_what_differs() {
    let pattern = |text: &str| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert!(fits(&pattern("a\n…\nb … d"), &["a", "x", "y", "b c d"]));
    assert!(fits(&pattern("…"), &[]));
    assert!(!fits(&pattern("a\n…\nb"), &["a", "b", "c"]));
    assert!(!fits(&pattern("a…c"), &["ab"]));
    assert_eq!(
        commands("x\n```console\n$ a\n1\n2\n$ b\n```\n```sh\n$ c\n```\n").iter().map(|shown| shown.output.len()).collect::<Vec<_>>(),
        [2, 0]
    );
}

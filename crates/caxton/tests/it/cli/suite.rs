//! `caxton test` and cassettes: offline, loud, and with an exit code for each way in which it can end.

use super::Desk;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _};

const TEMPLATES: [&str; 3] = ["data-analyzer", "task-automator", "content-generator"];

/// A workspace with one agent of each template, and no server anywhere.
fn shop() -> Result<Desk> {
    let desk = Desk::without_server()?;
    desk.good("", &["init", "shop"])?;
    for template in TEMPLATES {
        desk.good("shop", &["init", &format!("my-{template}"), "--template", template])?;
    }
    Ok(desk)
}

#[test]
fn every_template_ships_with_a_test_that_passes() -> Result<()> {
    let desk = shop()?;
    let report = desk.json("shop", &["test", "--junit", "report.xml"])?;
    assert_eq!(report["failed"], 0, "{report}");
    for template in TEMPLATES {
        let file = format!("agents/my-{template}/tests/basic.toml");
        let cases = report["cases"].as_array().context("a list")?.iter().filter(|case| case["file"] == *file).count();
        assert!(cases >= 2, "{template}: {report}");
    }
    assert!(fs::read_to_string(desk.path("shop/report.xml"))?.contains("<testsuite name=\"agents/my-data-analyzer/tests/basic.toml\""));
    let out = desk.good("shop", &["test", "agents/my-data-analyzer", "--jobs", "1", "--no-color"])?;
    assert!(out.contains("\n  ✓ counts the rows of a table ") && out.contains("\n2 cases: 2 passed, 0 failed"), "{out}");
    Ok(())
}

#[test]
fn one_that_passes_and_one_that_fails_end_with_1_and_a_report() -> Result<()> {
    let desk = shop()?;
    fs::write(
        desk.path("shop/tests/rows.toml"),
        r#"
suite = "integration"

[[case]]
name = "counts"
agent = "my-data-analyzer"
input = "How many rows are there?"
attachments = ["../agents/my-data-analyzer/tests/small.csv"]
model = "offline"
expect = { contains = "6" }

[[case]]
name = "counts wrongly"
agent = "my-data-analyzer"
input = "How many rows are there?"
attachments = ["../agents/my-data-analyzer/tests/small.csv"]

[[case.model]]
calls = [{ tool = "csv-stats/stats", arguments = { file = "small.csv", operation = "count", column = "city" } }]
[[case.model]]
text = "There are 6 rows."

[case.expect]
contains = "seven"
calls = [{ tool = "csv-stats/stats", arguments = { column = "country" } }]
budget = { model_calls = 1 }

[[case]]
name = "asks once more"
agent = "my-task-automator"
input = "Is it up?"

[[case.model]]
calls = [{ tool = "http_client/request", arguments = { url = "https://example.com" } }]

[[case.tool]]
name = "http_client/request"
text = "200"

[[case]]
name = "calls outside"
agent = "my-task-automator"
input = "Is it up?"

[[case.model]]
calls = [{ tool = "http_client/request", arguments = { url = "https://example.com" } }]
[[case.model]]
text = "It is up."
"#,
    )?;
    let ran = desk.run("shop", &["test", "--suite", "integration", "--junit", "report.xml"])?;
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(masked(&desk, &ran.out));
    let one = desk.run("shop", &["test", "--filter", "counts"])?;
    assert!(one.code == 1 && one.out.contains("3 cases: 2 passed, 1 failed"), "{}", one.out);
    let xml = fs::read_to_string(desk.path("shop/report.xml"))?;
    assert!(
        xml.contains("tests=\"4\" failures=\"3\"") && xml.contains("<failure message=\"the reply does not contain `seven`:\""),
        "{xml}"
    );
    Ok(())
}

fn masked(desk: &Desk, text: &str) -> String {
    let time = |line: &str| match line.rsplit_once(' ').and_then(|(head, _)| head.rsplit_once(' ')) {
        Some((head, number)) if line.ends_with("ms") && number.parse::<u32>().is_ok() => format!("{head} [time]"),
        _ => match line.split_once(" failed (") {
            Some((head, _)) => format!("{head} failed ([time])"),
            None => line.to_owned(),
        },
    };
    desk.masked(text).lines().map(time).collect::<Vec<_>>().join("\n")
}

#[test]
fn files_that_are_wrong_end_with_2_and_the_place() -> Result<()> {
    let desk = shop()?;
    let check = |text: &str, expected: &str| -> Result<()> {
        fs::write(desk.path("shop/tests/bad.toml"), text)?;
        let ran = desk.run("shop", &["test"])?;
        ensure!(ran.code == 2 && ran.err.contains(expected), "{}\n{}{}", ran.code, ran.out, ran.err);
        Ok(())
    };
    check("[[case]]\nname = \"a\"\nagnet = \"x\"\ninput = \"x\"\nmodel = \"offline\"\n", "tests/bad.toml:3:1: unknown key `case.1.agnet`")?;
    check(
        "[[case]]\nname = \"a\"\nagent = \"my-data-analyser\"\ninput = \"x\"\nmodel = \"offline\"\n",
        "did you mean `my-data-analyzer`?",
    )?;
    check(
        "[[case]]\nname = \"a\"\ninput = \"x\"\nmodel = \"offline\"\n",
        "tests/bad.toml:1:1: the case does not say which agent is asked",
    )?;
    check("[[case]]\nname = \"a\"\ncassette = \"gone.json\"\n", "tests/bad.toml:3:12: there is no cassette `gone.json`")?;
    let case = "[[case]]\nname = \"a\"\nagent = \"my-data-analyzer\"\ninput = \"x\"\nmodel = \"offline\"\n";
    check(&format!("{case}attachments = [\"gone.csv\"]\n"), "tests/bad.toml:6:16: there is no file `gone.csv`")?;
    let ran = desk.run("shop", &["test", "--suite", "nightly", "agents"])?;
    assert!(ran.code == 2 && ran.err.contains("the suites of this workspace: default"), "{}", ran.err);
    assert_eq!(desk.run("", &["test"])?.code, 3, "no workspace");
    Ok(())
}

const KEY: &str = "sk-test-0123456789abcdefXYZ";

/// Keys that somebody told an agent do not get into a file, and the file still does what the journal says.
#[tokio::test]
async fn a_cassette_tells_no_secret() -> Result<()> {
    let desk = Desk::with_agent().await?;
    // Keys that do not stand in their order stay so in the prompt, and must in the file.
    let content = format!(r#"{{"zeta": "My key is {KEY}", "alpha": "I am Ada Lovelace"}}"#);
    desk.run("shop", &["message", "send", "--to", "analyzer", "--content-json", &content, "--wait", "1m"])?;
    let ran = desk.run("shop", &["cassette", "export", "last", "--redact", "Ada Lovelace"])?;
    assert_eq!(ran.code, 0, "{}", ran.err);
    ensure!(!ran.out.contains(KEY) && !ran.out.contains("Lovelace") && ran.out.contains("[redacted-1"), "{}", ran.out);
    assert!(ran.err.contains("1 turn, 2 texts redacted"), "{}", ran.err);
    fs::write(desk.path("shop/story.json"), ran.out)?;
    let replayed = desk.json("shop", &["replay", "--cassette", "story.json"])?;
    assert_eq!((replayed[0]["equal"].clone(), replayed[0]["end"].clone()), (true.into(), "refused".into()), "{replayed}");
    let short = desk.run("shop", &["cassette", "export", "last", "--redact", "Ada"])?;
    assert!(short.code == 2 && short.err.contains("`Ada` is too short to be redacted"), "{}", short.err);
    Ok(())
}

/// A conversation is exported, run again, tested against a changed agent, doctored and recorded anew.
#[tokio::test]
async fn a_cassette_is_a_test_until_it_is_touched() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let small = "agents/analyzer/tests/small.csv";
    desk.good("shop", &["ask", "analyzer", "How many rows are there?", "--attach", small])?;
    desk.good("shop", &["cassette", "export", "last", "--output", "tests/rows.json"])?;
    let cassette = fs::read_to_string(desk.path("shop/tests/rows.json"))?;
    let turn = desk.json("shop", &["turns", "list"])?[0]["id"].as_str().context("an id")?.to_owned();
    let again = desk.good("shop", &["cassette", "export", &turn])?;
    assert_eq!(again, cassette, "the same turn gives the same file");
    let replayed = desk.good("shop", &["replay", "--cassette", "tests/rows.json"])?;
    assert!(replayed.contains("equal"), "{replayed}");

    fs::write(
        desk.path("shop/tests/rows.toml"),
        "[[case]]\nname = \"counts again\"\ncassette = \"rows.json\"\nexpect = { contains = \"6\", calls = [{ tool = \"csv-stats/stats\" }] }\n",
    )?;
    let ran = desk.run("shop", &["test"])?;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);

    let prompt = desk.path("shop/agents/analyzer/prompts/system.md");
    let told = fs::read_to_string(&prompt)?;
    fs::write(&prompt, told.replace("a data analyst", "a careful data analyst"))?;
    let ran = desk.run("shop", &["test", "tests/rows.toml"])?;
    assert_eq!(ran.code, 1);
    for part in [
        "`analyzer` goes another way than the cassette",
        "step 1: the record says `ask`, now it is `ask`",
        "/settings/system",
        "a careful data",
    ] {
        assert!(ran.out.contains(part), "{}", ran.out);
    }
    let recorded = desk.run("shop", &["test", "tests/rows.toml", "--record"])?;
    assert!(recorded.code == 1 && recorded.out.contains("name them under `attachments`"), "{}{}", recorded.out, recorded.err);
    let case = fs::read_to_string(desk.path("shop/tests/rows.toml"))?;
    fs::write(desk.path("shop/tests/rows.toml"), format!("{case}attachments = [\"../{small}\"]\n"))?;
    desk.good("shop", &["test", "tests/rows.toml", "--record"])?;
    desk.good("shop", &["test"])?;
    let refreshed = fs::read_to_string(desk.path("shop/tests/rows.json"))?;
    assert!(refreshed.contains("a careful data"), "{refreshed}");

    fs::write(desk.path("shop/tests/rows.json"), refreshed.replace("There", "Here").replace("careful", "careless"))?;
    let ran = desk.run("shop", &["test", "tests/rows.toml"])?;
    assert!(ran.code == 1 && ran.out.contains("the cassette was changed after it was recorded"), "{}", ran.out);
    let ran = desk.run("shop", &["replay", "--cassette", "tests/rows.json"])?;
    assert!(ran.code == 2 && ran.err.contains("caxton test --record"), "{}", ran.err);
    Ok(())
}

/// Whoever it is for: a model, a tool or somebody else's server.
#[test]
fn no_secret_of_the_configuration_gets_into_a_cassette() -> Result<()> {
    let desk = shop()?;
    let secrets = desk.path("secrets.yaml");
    fs::write(&secrets, "tools:\n  ledger: mean of height\n")?;
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600))?;
    fs::write(desk.path("caxton.yaml"), format!("security:\n  secrets_file: {}\n", secrets.display()))?;
    let case =
        "[[case]]\nname = \"mean\"\ninput = \"What is the mean of height?\"\nattachments = [\"small.csv\"]\ncassette = \"mean.json\"\n";
    fs::write(desk.path("shop/agents/my-data-analyzer/tests/mean.toml"), case)?;
    desk.good("shop", &["test", "--filter", "mean", "--record", "--config", "../caxton.yaml"])?;
    let recorded = fs::read_to_string(desk.path("shop/agents/my-data-analyzer/tests/mean.json"))?;
    assert!(recorded.contains("What is the ") && !recorded.contains("mean of height"), "{recorded}");
    Ok(())
}

/// A cassette is recorded from nothing but an agent and an input.
#[test]
fn a_cassette_is_recorded_where_there_was_none() -> Result<()> {
    let desk = shop()?;
    fs::write(
        desk.path("shop/agents/my-data-analyzer/tests/mean.toml"),
        "[[case]]\nname = \"mean\"\ninput = \"What is the mean of height?\"\nattachments = [\"small.csv\"]\ncassette = \"cassettes/mean.json\"\nexpect = { contains = \"337.5\" }\n",
    )?;
    assert_eq!(desk.run("shop", &["test"])?.code, 2);
    desk.good("shop", &["test", "--filter", "mean", "--record"])?;
    let first = fs::read_to_string(desk.path("shop/agents/my-data-analyzer/tests/cassettes/mean.json"))?;
    let report = desk.json("shop", &["test"])?;
    assert_eq!(report["failed"], Value::from(0), "{report}");
    ensure!(first.contains("\"format\":\"caxton-cassette/1\""), "{first}");
    Ok(())
}

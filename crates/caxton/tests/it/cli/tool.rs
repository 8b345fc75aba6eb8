//! `caxton tool …`: tools called and tested by people.

use super::Desk;
use anyhow::{Result, ensure};
use std::fs;

const CASES: &str = r#"
[[case]]
name = "counts people"
tool = "stats"
arguments = { file = "cities.csv", operation = "sum", column = "people" }
attachments = ["cities.csv"]
expect = { contains = "10" }

[[case]]
name = "a column that is not there"
tool = "csv-stats/stats"
arguments = { file = "cities.csv", operation = "sum", column = "height" }
attachments = ["cities.csv"]
expect = { error = true, contains = "height" }
"#;
const WRONG: &str = r#"
[[case]]
name = "counts too many"
tool = "stats"
arguments = { file = "cities.csv", operation = "sum", column = "people" }
attachments = ["cities.csv"]
expect = { contains = "eleven" }

[[case]]
name = "fails after all"
tool = "stats"
arguments = { file = "cities.csv", operation = "sum", column = "height" }
attachments = ["cities.csv"]

[[case]]
name = "does not fit"
tool = "stats"
arguments = { operation = "sum" }
expect = { error = true, contains = "cannot take these arguments" }

[[case]]
name = "no such tool"
tool = "stat"
arguments = {}

[[case]]
name = "no tool at all"
arguments = {}
"#;

#[test]
fn tests_of_a_tool_pass_or_tell_what_is_not_as_expected() -> Result<()> {
    let desk = Desk::without_server()?;
    desk.good("", &["init", "shop"])?;
    desk.good("shop", &["init", "analyzer", "--template", "data-analyzer"])?;
    let none = desk.run("shop", &["tool", "test"])?;
    ensure!(none.code != 0 && none.err.contains("there are no tests of tools here"), "{}", none.err);
    let dir = desk.path("shop/tools/csv-stats/tests");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("cities.csv"), "city,people\nOslo,7\nBergen,3\n")?;
    fs::write(dir.join("counts.toml"), CASES)?;
    let out = desk.good("shop", &["tool", "test", "csv-stats", "--no-color"])?;
    ensure!(
        out.starts_with("tools/csv-stats/tests/counts.toml\n  ✓ counts people ") && out.contains("\n2 cases: 2 passed, 0 failed"),
        "{out}"
    );

    fs::write(dir.join("wrong.toml"), WRONG)?;
    let ran = desk.run("shop", &["tool", "test", "--no-color"])?;
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for expected in [
        "\n7 cases: 3 passed, 4 failed",
        "\n✗ counts too many tools/csv-stats/tests/wrong.toml:2\n    the result does not contain `eleven`",
        "\n✗ fails after all tools/csv-stats/tests/wrong.toml:9\n    the call failed, and should not:\n",
        "\n✗ no such tool tools/csv-stats/tests/wrong.toml:21\n    the component has no tool `stat`; it has `describe`, `stats`, `rows`\n",
        "\n✗ no tool at all tools/csv-stats/tests/wrong.toml:26\n    the case does not say which `tool` is called; the component has ",
    ] {
        ensure!(ran.out.contains(expected), "{expected:?} is not in\n{}", ran.out);
    }
    let report = desk.run("shop", &["tool", "test", "--json"])?;
    let report: serde_json::Value = serde_json::from_str(&report.out)?;
    assert_eq!((&report["passed"], &report["failed"]), (&3.into(), &4.into()), "{report}");

    let unknown = desk.run("shop", &["tool", "test", "csv-stat"])?;
    ensure!(
        unknown.code != 0 && unknown.err.contains("no tool `csv-stat`") && unknown.err.contains("did you mean `csv-stats`?"),
        "{}",
        unknown.err
    );
    fs::write(dir.join("wrong.toml"), "[[case]]\nname = \"x\"\nargumentz = {}\n")?;
    let unread = desk.run("shop", &["tool", "test"])?;
    ensure!(unread.code == 2 && unread.err.contains("wrong.toml:3"), "{} {}", unread.code, unread.err);
    Ok(())
}

#[tokio::test]
async fn a_tool_is_called_with_what_fits_and_says_what_would_have() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let table = r#"{"text": "city,people\nOslo,7\nBergen,3\n"}"#;
    let out = desk.good("shop", &["tool", "call", "csv_parser/read", "--args", table])?;
    ensure!(out.contains("Oslo") && out.contains("Bergen"), "{out}");
    let called = desk.json("shop", &["tool", "call", "data-reader/read", "--args", table])?;
    assert_eq!((&called["tool"], &called["is_error"]), (&"data_reader/read".into(), &false.into()), "{called}");
    fs::write(desk.path("shop/cities.csv"), "city,people\nOslo,7\nBergen,3\n")?;
    fs::write(desk.path("shop/sum.json"), r#"{"file": "cities.csv", "operation": "sum", "column": "people"}"#)?;
    let sum = ["tool", "call", "stats", "--args", "@sum.json", "--attach", "cities.csv"];
    ensure!(desk.good("shop", &sum)?.contains("= 10"), "the bare name of a tool is enough");

    let wrong = desk.run("shop", &["tool", "call", "csv-stats/stats", "--args", r#"{"operation": "add"}"#])?;
    ensure!(wrong.code == 2 && wrong.err.contains("`csv-stats/stats` cannot take these arguments"), "{} {}", wrong.code, wrong.err);
    ensure!(wrong.err.contains("caxton tool inspect csv-stats/stats"), "{}", wrong.err);
    let failed = desk.run("shop", &["tool", "call", "data_reader/read", "--args", r#"{"attachment": "no.csv"}"#])?;
    ensure!(failed.code != 0 && failed.err.contains("no attachment is named `no.csv`"), "{} {}{}", failed.code, failed.out, failed.err);
    fs::write(desk.path("shop/large.json"), format!(r#"{{"text": "{}"}}"#, "x".repeat(1 << 20)))?;
    let large = desk.run("shop", &["tool", "call", "data_reader/read", "--args", "@large.json"])?;
    ensure!(large.code != 0 && large.err.contains("`large.json` has 1048588 bytes; arguments may have 1MiB at most"), "{}", large.err);
    ensure!(large.err.contains("--attach FILE"), "{}", large.err);
    let unknown = desk.run("shop", &["tool", "call", "csv-stat/stats"])?;
    ensure!(unknown.code != 0 && unknown.err.contains("did you mean `csv-stats/stats`?"), "{}", unknown.err);
    let inspected = desk.json("shop", &["tool", "inspect", "csv-parser/profile"])?;
    assert_eq!(inspected["tool"]["id"], "data_reader/profile");
    Ok(())
}

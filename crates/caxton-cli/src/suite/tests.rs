use super::{calls, judge, junit, report::Verdict, stage};
use caxton_config::suite::Call;
use caxton_types::{ModelReply, Money, StopReason, TokenUsage, ToolCall};
use serde_json::{Value, json};
use std::time::Duration;

fn wanted(tool: &str, arguments: Value) -> Call {
    Call { tool: tool.into(), arguments }
}

fn made(tool: &str, arguments: Value) -> ToolCall {
    ToolCall { call_id: "call_0".into(), tool: tool.into(), arguments }
}

#[test]
fn calls_are_compared_in_their_order() {
    let (describe, stats) =
        (made("csv-stats__describe", json!({"file": "a.csv"})), made("csv-stats__stats", json!({"file": "a.csv", "column": "x"})));
    let all = [&describe, &stats];
    let check = |expected: &[Call], beyond: bool, misses: &[&str]| assert_eq!(calls::misses(expected, &all, beyond), misses);
    let any = |tool: &str| wanted(tool, json!({}));
    check(&[any("csv-stats/describe"), wanted("stats", json!({"column": "x"}))], false, &[]);
    check(&[any("csv-stats__stats")], true, &[]);
    check(
        &[any("csv-stats/describe")],
        false,
        &[r#"call 2 is `csv-stats/stats` with {"column":"x","file":"a.csv"}, and none was expected there"#],
    );
    check(&[], true, &[]);
    check(&[any("stats"), any("describe")], true, &["`describe` was not called after the calls before it"]);
    check(&[any("describe"), any("stats"), any("rows")], false, &["`rows` was not called"]);
    check(
        &[any("describe"), wanted("csv-stats/stats", json!({"column": "y", "limit": 1}))],
        false,
        &[
            r#"call 2 is `csv-stats/stats` with {"column":"x","file":"a.csv"}, and not `csv-stats/stats` with {"column":"y","limit":1}"#,
            r#"  at /column: "y" is expected, and "x" is there"#,
            "  at /limit: 1 is expected, and nothing is there",
        ],
    );
}

#[test]
fn an_object_may_hold_more_than_is_expected() {
    let check = |expected: Value, found: Value, misses: usize| {
        assert_eq!(calls::differences(&expected, &found, "").len(), misses, "{expected} and {found}");
    };
    check(json!({"a": 6}), json!({"a": 6.0, "b": 1}), 0);
    check(json!({"a": {"b": [1, {"c": 2}]}}), json!({"a": {"b": [1, {"c": 2, "d": 3}]}}), 0);
    check(json!([1]), json!([1, 2]), 1);
    check(json!({"a": null}), json!({}), 1);
    check(json!("6"), json!(6), 1);
}

#[test]
fn answers_cost_what_their_vendor_lists() {
    let reply = |provider: &str, model: &str| ModelReply {
        text: String::new(),
        tool_calls: vec![],
        stop: StopReason::End,
        usage: TokenUsage { input: 1_000_000, output: 0 },
        provider: provider.into(),
        model: model.into(),
        failovers: vec![],
    };
    let models = stage::vendors().unwrap();
    let check = |replies: &[&ModelReply], dollars: u64| judge::too_dear(replies, Money::from_micros(dollars * 1_000_000), &models);
    let (dear, free) = (reply("openai", "gpt-4o"), reply("offline", "offline"));
    assert_eq!(check(&[&dear, &free], 3), None);
    assert_eq!(check(&[&dear, &dear], 3).unwrap(), "cost: it was $5.00, $3.00 at most was expected");
    assert_eq!(check(&[&reply("script", "script")], 3).unwrap(), "what it cost is not known: there is no price of `script/script` here");
}

#[test]
fn the_report_for_build_servers_is_well_formed() {
    let verdict = |file: &str, name: &str, misses: &[&str]| Verdict {
        file: file.into(),
        line: 3,
        suite: "default".into(),
        name: name.into(),
        passed: misses.is_empty(),
        took_ms: 12.3456,
        misses: misses.iter().map(ToString::to_string).collect(),
    };
    let verdicts = [
        verdict("tests/a.toml", "counts <all> & \"every\" row", &[]),
        verdict("tests/a.toml", "fails", &["the reply is \u{1b}[1m\"<b>\"\u{0}\n  ]]> & more", "second"]),
        verdict("tests/b.toml", "passes", &[]),
    ];
    let xml = junit::write(&verdicts, Duration::from_millis(40));
    let document = roxmltree::Document::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("tests"), root.attribute("failures")), ("testsuites", Some("3"), Some("1")));
    let suites: Vec<_> = root.children().filter(roxmltree::Node::is_element).map(|suite| suite.attribute("name").unwrap()).collect();
    assert_eq!(suites, ["tests/a.toml", "tests/b.toml"]);
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases[0].attribute("name"), Some("counts <all> & \"every\" row"));
    assert_eq!((cases[0].attribute("classname"), cases[0].attribute("line")), (Some("default.tests/a.toml"), Some("3")));
    let failure = cases[1].first_element_child().unwrap();
    assert_eq!(failure.attribute("message"), Some("the reply is \u{fffd}[1m\"<b>\"\u{fffd}"));
    assert_eq!(failure.text(), Some("the reply is \u{fffd}[1m\"<b>\"\u{fffd}\n  ]]> & more\nsecond"));
}

use super::*;
use serde_json::json;

const WHOLE: &str = r#"
suite = "integration"

[[case]]
name = "counts the rows"
agent = "analyzer"
input = "How many rows are there?"
attachments = ["small.csv"]
model = "offline"

[case.expect]
contains = "6"
calls = [{ tool = "csv-stats/stats", arguments = { file = "small.csv" } }]
budget = { tokens = 5000, cost = "0.01" }

[[case]]
name = "reports a status"
input = { url = "https://example.com/status" }
performative = "query_ref"

[[case.model]]
calls = [{ tool = "http_client/request", arguments = { method = "GET" } }]
[[case.model]]
text = "It is up."

[[case.tool]]
name = "http_client/request"
structured = { status = 200 }

[case.expect]
end = "completed"
matches = ["^It is", "up"]
json = { "" = "It is up." }
lacks = ["down"]
beyond = true

[[case]]
name = "does the same again"
cassette = "again.json"
"#;

#[test]
fn a_whole_file_is_read() {
    let suite = parse(WHOLE, "tests/a.toml").unwrap();
    assert_eq!((&*suite.name, suite.cases.len()), ("integration", 3));
    let [counts, reports, again] = suite.cases.as_slice() else { panic!("three cases") };
    assert_eq!((counts.line, &*counts.name), (4, "counts the rows"));
    assert!(matches!(counts.model, Model::Offline));
    assert_eq!(counts.expect.budget, Ceiling { tokens: Some(5000), cost: Some(Money::from_micros(10_000)), ..Ceiling::default() });
    assert_eq!(counts.expect.contains, ["6".into()]);
    assert!(!counts.expect.beyond);
    let Model::Script(lines) = &reports.model else { panic!("a script") };
    assert_eq!(lines[0].calls, [Call { tool: "http_client/request".into(), arguments: json!({"method": "GET"}) }]);
    assert_eq!(lines[1], Line { text: "It is up.".into(), calls: vec![] });
    let stub = Stub {
        tool: "http_client/request".into(),
        text: r#"{"status":200}"#.into(),
        structured: Some(json!({"status": 200})),
        is_error: false,
    };
    assert_eq!(reports.tools, [stub]);
    assert_eq!((reports.performative, reports.expect.end), (Performative::QueryRef, Some(TurnEnd::Completed)));
    assert!(reports.expect.calls.is_none() && reports.expect.matches.len() == 2);
    assert!(matches!(&again.model, Model::Cassette(file) if &*file.value == "again.json"));
}

#[test]
fn mistakes_are_placed() {
    let check = |lines: &str, expected: &str| {
        let text = format!("[[case]]\nname = \"a\"\ninput = \"x\"\nmodel = \"offline\"\n{lines}\n");
        let found = parse(&text, "tests/a.toml").unwrap_err().to_string();
        assert!(found.contains(expected), "{found}\nand not\n{expected}");
    };
    check("agnet = \"a\"", "tests/a.toml:5:1: unknown key `case.1.agnet`");
    check("agnet = \"a\"", "did you mean `agent`?");
    check("[case.expect]\nend = \"done\"", "tests/a.toml:6:7: `case.1.expect.end`: `done` is not one of `completed`");
    check("[case.expect]\nmatches = \"(\"", "tests/a.toml:6:11: `case.1.expect.matches`: regex parse error");
    check("[case.expect]\njson = { mean = 1 }", "`mean` is no JSON Pointer");
    check("[case.expect]\ncontain = \"6\"", "did you mean `contains`?");
    check("cassette = \"b.json\"", "has both a `model` and a `cassette`");
    check("[[case]]\nname = \"a\"\ninput = \"x\"\nmodel = \"offline\"", "two cases are named `a`");
    check("[[case]]\nname = \"b\"\nmodel = \"offline\"", "`case.2` has no `input`");
    check("[[case]]\ninput = \"x\"", "tests/a.toml:5:1: `case.2` has no `name`");
    check("[[case.tool]]\nname = \"a/b\"", "needs one of `text`, `structured` and `error`");
    check("[case.expect]\nbudget = { tokens = -1 }", "expected a whole number from 0");
}

#[test]
fn a_case_says_what_answers_for_the_model() {
    let error = parse("[[case]]\nname = \"a\"\ninput = \"x\"\n", "a.toml").unwrap_err().to_string();
    assert!(error.contains("a.toml:1:1: `case.1` does not say what answers for the model"), "{error}");
    let error = parse("[[case]]\nname = \"a\"\ninput = \"x\"\nmodel = \"gpt\"\n", "a.toml").unwrap_err().to_string();
    assert!(error.contains("`gpt` is not one of `offline`"), "{error}");
    let error = parse("suite = \"x\"\n", "a.toml").unwrap_err().to_string();
    assert!(error.contains("the file has no cases"), "{error}");
}

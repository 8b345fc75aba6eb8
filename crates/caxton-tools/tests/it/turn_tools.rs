//! The tools that the turn itself performs.

use crate::support::Bench;
use caxton_tools::{Error, Options, Tools, TurnTool, Until};
use caxton_types::{Code, Fault as _, Timestamp, ToolCall, WorkspaceName, unit::Period};
use serde_json::{Value, json};
use std::time::Duration;

fn parse(bench: &Bench, tool: &str, arguments: Value) -> Option<Result<TurnTool, Error>> {
    let allowed = bench.tools.available(&WorkspaceName::default());
    let call = ToolCall { call_id: "c1".into(), tool: tool.into(), arguments };
    TurnTool::parse(Tools::find(&allowed, &call).unwrap(), &call)
}

#[tokio::test]
async fn their_arguments_are_read() {
    let bench = Bench::new(Options::default());
    let check = |tool: &str, arguments: Value, expected: TurnTool| assert_eq!(parse(&bench, tool, arguments).unwrap().unwrap(), expected);
    let (day, hour) = (Period::from_secs(86_400), Period::from_secs(3600));
    let question = |options: &[&str], within| TurnTool::AskHuman {
        question: "Which?".into(),
        options: options.iter().map(ToString::to_string).collect(),
        within,
    };
    check("human__ask", json!({"question": "Which?"}), question(&[], day));
    check("human/ask", json!({"question": "Which?", "options": ["a", "b"], "within": "1h"}), question(&["a", "b"], hour));
    let request = |to: &str, within| TurnTool::AskAgent { to: to.parse().unwrap(), text: "6*7?".into(), within };
    check("agents__ask", json!({"to": "sum", "text": "6*7?"}), request("agent:sum", Period::from_secs(300)));
    check("agents__ask", json!({"to": "capability:add", "text": "6*7?", "within": "1h"}), request("capability:add", hour));
    check("time__wait", json!({"for": "1h"}), TurnTool::Wait(Until::After(hour)));
    let moment: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    check("time__wait", json!({"until": "2026-01-31T13:00:00+01:00"}), TurnTool::Wait(Until::At(moment)));
    assert!(parse(&bench, "http_client__request", json!({"url": "http://localhost/"})).is_none());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_explained_to_the_model() {
    let bench = Bench::new(Options::default());
    let check = |tool: &str, arguments: Value, expected: &str| {
        let error = parse(&bench, tool, arguments).unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{error}");
        assert!(error.to_string().contains("cannot take these arguments") && error.to_string().contains(expected), "{error}");
    };
    check("human__ask", json!({}), "question");
    check("human__ask", json!({"question": ""}), "/question");
    check("human__ask", json!({"question": "x".repeat(4001)}), "/question");
    check("human__ask", json!({"question": "Which?", "options": vec!["a"; 21]}), "/options");
    check("human__ask", json!({"question": "Which?", "within": "31d"}), "at `/within`: expected more than 0s and at most 30d, found 31d");
    check("human__ask", json!({"question": "Which?", "wihtin": "1d"}), "wihtin");
    check("agents__ask", json!({"to": "sum"}), "text");
    for to in ["topic:x", "all", "client:x", "a b c d:"] {
        check("agents__ask", json!({"to": to, "text": "x"}), "expected the name of an agent or `capability:LABEL`");
    }
    check("agents__ask", json!({"to": "sum", "text": "x", "within": "8d"}), "at most 7d");
    check("time__wait", json!({}), "give either `for` or `until`");
    check("time__wait", json!({"for": "1s", "until": "2026-01-31T12:00:00Z"}), "give either `for` or `until`");
    check("time__wait", json!({"for": "0s"}), "more than 0s");
    check("time__wait", json!({"for": "soon"}), "`soon` is not a length of time");
    check("time__wait", json!({"until": "tomorrow"}), "`tomorrow` is not a point in time");
}

#[test]
fn a_wait_is_over_at_its_time_and_no_longer_than_thirty_days() {
    let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    let at = |text: &str| Until::At(text.parse().unwrap()).left(now);
    assert_eq!(at("2026-01-31T12:00:05Z"), Ok(Duration::from_secs(5)));
    assert_eq!(at("2026-01-31T11:00:00Z"), Ok(Duration::ZERO));
    assert!(at("2026-03-31T12:00:00Z").unwrap_err().contains("more than 30d from now"));
    assert_eq!(Until::After(Period::from_secs(5)).left(now), Ok(Duration::from_secs(5)));
}

#[tokio::test]
async fn they_are_listed_and_are_not_called_as_others_are() {
    let bench = Bench::new(Options::default());
    let ids: Vec<_> = bench.tools.built_in().into_iter().map(|tool| tool.id.to_string()).collect();
    for id in ["agents/ask", "human/ask", "time/wait"] {
        assert!(ids.contains(&id.to_owned()), "{ids:?}");
    }
    let error = bench.call("time__wait", json!({"for": "1s"}), &[]).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Code::Invalid, "`time/wait` is performed by the turn that calls it, and by nobody else")
    );
    let error = bench.call_as(&[], "time__wait", json!({"for": "1s"}), &[], Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.code(), Code::Denied);
}

#[tokio::test]
async fn what_is_built_in_is_what_workspaces_are_checked_against() {
    let bench = Bench::new(Options::default());
    let known = caxton_config::workspace::built_in().into_iter();
    let mut known: Vec<_> =
        known.flat_map(|offered| offered.tools.unwrap().into_iter().map(move |tool| format!("{}/{tool}", offered.server))).collect();
    known.sort();
    let mut offered: Vec<_> = bench.tools.built_in().into_iter().map(|tool| tool.id.to_string()).collect();
    offered.sort();
    assert_eq!(offered, known);
}

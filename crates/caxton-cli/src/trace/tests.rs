use super::{Story, lines, tree};
use crate::console::Painter;
use caxton_types::{Event, Fact};
use serde_json::{Value, json};

/// Writes events as the journal keeps them, one millisecond count after the other.
struct Journal {
    events: Vec<Event>,
}

const CONVERSATION: &str = "cnv_01k6z3q5x7e8r9t0v2w4y6z8a1";
const REQUEST: &str = "msg_01k6z3q5x7e8r9t0v2w4y6z8a2";
const REPLY: &str = "msg_01k6z3q5x7e8r9t0v2w4y6z8a3";
const TURN: &str = "trn_01k6z3q5x7e8r9t0v2w4y6z8a4";

impl Journal {
    fn new() -> Self {
        Self { events: Vec::new() }
    }

    fn add(mut self, clock: &str, agent: Option<&str>, step: Option<u32>, fact: Value) -> Self {
        let turn = (step.is_some() || fact["type"].as_str().unwrap().starts_with("turn_")).then_some(TURN);
        let event = json!({
            "seq": self.events.len() + 1, "at": format!("2026-03-01T{clock}Z"), "v": 1,
            "caller": {"who": "local", "kind": "local", "verified": false},
            "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "conversation": CONVERSATION, "agent": agent, "turn": turn, "step": step, "fact": fact,
        });
        self.events.push(serde_json::from_value(event).unwrap());
        self
    }

    fn step(self, [from, to]: [&str; 2], agent: &str, step: u32, intent: Value, outcome: Value, metering: Value) -> Self {
        let effect = intent["effect"].clone();
        self.add(from, Some(agent), Some(step), json!({"type": "step_intended", "effect": effect, "intent": {"inline": intent}})).add(
            to,
            Some(agent),
            Some(step),
            json!({"type": "step_ended", "effect": effect, "outcome": {"inline": outcome}, "metering": metering}),
        )
    }

    fn story(self) -> Story {
        Story::of(self.events)
    }
}

fn message(id: &str, performative: &str, from: &str, to: &str, content: &str) -> Value {
    json!({
        "type": "message_accepted", "route": "direct",
        "message": {
            "id": id, "performative": performative, "sender": from, "receiver": to, "content": content, "conversation": CONVERSATION,
            "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "sent_at": "2026-03-01T08:00:00Z",
        },
    })
}

/// What an analysis with recall, a tool and memory leaves behind.
fn analysis() -> Story {
    let mut request = message(REQUEST, "request", "client:local", "agent:analyzer", "What is the mean of latitude?");
    request["message"]["attachments"] = json!([{"name": "zones.csv", "media_type": "text/csv", "digest": "ab".repeat(32), "size": 22857}]);
    let call =
        json!({"call_id": "c1", "tool": "csv-stats__stats", "arguments": {"file": "zones.csv", "operation": "mean", "column": "latitude"}});
    let usage = |input, output| json!({"input": input, "output": output});
    let answered = |text: &str, calls: Value, usage: Value| {
        let stop = if calls.as_array().unwrap().is_empty() { "end" } else { "tool_calls" };
        json!({"outcome": "answered", "text": text, "tool_calls": calls, "stop": stop, "usage": usage, "provider": "offline", "model": "rules"})
    };
    let settings = json!({"model": "chat", "system": "…", "request": "What is the mean of latitude?", "tools": [], "max_tokens": 1024});
    let answer = "The mean of latitude is 17.955 (418 rows of zones.csv).";
    Journal::new()
        .add("08:01:02.120", None, None, request)
        .add("08:01:02.121", Some("analyzer"), None, json!({"type": "turn_began", "message": REQUEST, "revision": 1, "spec": "cd".repeat(32)}))
        .step(
            ["08:01:02.121", "08:01:02.122"], "analyzer", 1,
            json!({"effect": "recall", "query": "What is the mean of latitude?", "scope": "workspace", "agent": "analyzer", "limit": 10, "min_similarity": 0.3}),
            json!({"outcome": "recalled", "found": []}),
            json!({"wall_us": 412}),
        )
        .step(
            ["08:01:02.122", "08:01:02.124"], "analyzer", 2,
            json!({"effect": "ask", "settings": settings, "dialogue": []}),
            answered("", json!([call]), usage(310, 24)),
            json!({"wall_us": 1830}),
        )
        .step(
            ["08:01:02.124", "08:01:02.128"], "analyzer", 3,
            json!({"effect": "call", "call_id": "c1", "tool": "csv-stats__stats", "arguments": call["arguments"]}),
            json!({"outcome": "called", "text": "mean of latitude = 17.955029904306215 (418 rows)"}),
            json!({"wall_us": 3140, "memory_peak": 1_310_720, "cpu_us": 2900}),
        )
        .step(
            ["08:01:02.128", "08:01:02.129"], "analyzer", 4,
            json!({"effect": "ask", "dialogue": []}),
            answered(answer, json!([]), usage(402, 31)),
            json!({"wall_us": 640}),
        )
        .step(
            ["08:01:02.129", "08:01:02.130"], "analyzer", 5,
            json!({"effect": "remember", "entity": "zones.csv", "kind": "answer", "text": answer, "scope": "workspace", "agent": "analyzer"}),
            json!({"outcome": "remembered"}),
            json!({"wall_us": 210}),
        )
        .add("08:01:02.131", Some("analyzer"), None, message(REPLY, "inform", "agent:analyzer", "client:local", answer))
        .add(
            "08:01:02.131",
            Some("analyzer"),
            None,
            json!({"type": "turn_ended", "end": "completed", "reply": REPLY, "usage": usage(712, 55), "wall_us": 10_040}),
        )
        .story()
}

#[test]
fn the_lines_of_seed_001_are_printed_as_they_stand_there() {
    let story = Journal::new()
        .add("03:23:45.123", None, None, message(REQUEST, "propose", "agent:order-processor", "agent:inventory-checker", "17 lamps"))
        .add(
            "03:23:45.567",
            Some("inventory-checker"),
            None,
            json!({"type": "turn_began", "message": REQUEST, "revision": 1, "spec": "cd".repeat(32)}),
        )
        .step(
            ["03:23:45.568", "03:23:50.568"],
            "inventory-checker",
            1,
            json!({"effect": "call", "call_id": "c1", "tool": "database_query__query", "arguments": {}}),
            json!({"outcome": "failed", "code": "deadline", "reason": "no answer within 5s"}),
            json!({"wall_us": 5_000_000}),
        )
        .story();
    insta::assert_snapshot!(lines(&story).join("\n"));
}

#[test]
fn an_analysis_in_lines() {
    insta::assert_snapshot!(lines(&analysis()).join("\n"));
}

#[test]
fn an_analysis_as_a_tree() {
    insta::assert_snapshot!(tree(&analysis(), Painter(false)));
}

#[test]
fn what_is_not_over_yet_and_what_went_wrong_is_seen() {
    let failing = json!({"code": "denied", "reason": "`analyzer` may not call `http_client/get`"});
    let story = Journal::new()
        .add("08:00:00.000", None, None, message(REQUEST, "request", "client:local", "agent:analyzer", "a\nb"))
        .add(
            "08:00:00.001",
            Some("analyzer"),
            None,
            json!({"type": "turn_began", "message": REQUEST, "revision": 2, "spec": "cd".repeat(32)}),
        )
        .step(
            ["08:00:00.002", "08:00:00.003"],
            "analyzer",
            1,
            json!({"effect": "call", "call_id": "c1", "tool": "http_client__get", "arguments": {"url": "http://x"}}),
            json!({"outcome": "failed", "code": "denied", "reason": failing["reason"]}),
            json!({"wall_us": 90}),
        )
        .add(
            "08:00:00.004",
            Some("analyzer"),
            Some(2),
            json!({"type": "step_intended", "effect": "ask", "intent": {"blob": {"digest": "ab".repeat(32), "size": 9000}}}),
        )
        .add("08:00:00.009", Some("analyzer"), None, json!({"type": "message_dead_lettered", "message": REPLY, "failure": failing}))
        .story();
    insta::assert_snapshot!(tree(&story, Painter(false)));
    insta::assert_snapshot!(lines(&story).join("\n"));
}

/// A call that a person approves after a stop, another one that still waits, and a model that fails over.
fn waiting() -> Story {
    const APPROVAL: &str = "apr_01k6z3q5x7e8r9t0v2w4y6z8a5";
    let call = |step: u32, tool: &str| {
        let intent = json!({"effect": "call", "call_id": format!("c{step}"), "tool": tool, "arguments": {"id": step}});
        json!({"type": "step_intended", "effect": "call", "intent": {"inline": intent}})
    };
    let asked =
        |kind: &str| json!({"type": "approval_asked", "approval": APPROVAL, "kind": kind, "subject": "ab".repeat(32), "within": "1d"});
    let spend = |tokens: u64| json!({"tokens": tokens, "money": tokens * 2});
    Journal::new()
        .add("08:00:00.000", None, None, message(REQUEST, "request", "client:local", "agent:analyzer", "Pay them all."))
        .add(
            "08:00:00.001",
            Some("analyzer"),
            None,
            json!({
                "type": "turn_began", "message": REQUEST, "revision": 2, "spec": "cd".repeat(32),
                "origin": {"turn": "trn_01k6z3q5x7e8r9t0v2w4y6z8a9", "at": 1},
            }),
        )
        .add(
            "08:00:00.002",
            Some("analyzer"),
            Some(1),
            json!({"type": "step_intended", "effect": "ask", "intent": {"inline": {"effect": "ask", "dialogue": []}}}),
        )
        .add(
            "08:00:00.003",
            Some("analyzer"),
            Some(1),
            json!({"type": "model_failed_over", "from": "openai", "to": "anthropic", "code": "unavailable", "reason": "HTTP 500"}),
        )
        .add("08:00:00.003", Some("analyzer"), Some(1), json!({"type": "budget_overrun", "reserved": spend(400), "reported": spend(500)}))
        .add("08:00:00.004", Some("analyzer"), Some(2), call(2, "bank__pay"))
        .add("08:00:00.004", Some("analyzer"), Some(2), asked("call"))
        .add(
            "08:00:01.000",
            Some("analyzer"),
            Some(2),
            json!({"type": "approval_delegated", "approval": APPROVAL, "to": "ada", "reason": "her account"}),
        )
        .add(
            "08:00:02.000",
            Some("analyzer"),
            Some(2),
            json!({"type": "approval_decided", "approval": APPROVAL, "ruling": "approved", "reason": "confirmed by phone"}),
        )
        .add("08:00:02.001", Some("analyzer"), Some(2), json!({"type": "step_started", "attempt": 1}))
        .add("08:00:09.000", Some("analyzer"), Some(2), json!({"type": "step_started", "attempt": 2}))
        .add("08:00:09.001", Some("analyzer"), Some(3), call(3, "bank__pay"))
        .add("08:00:09.001", Some("analyzer"), Some(3), asked("repeat"))
        .add("08:00:09.002", Some("analyzer"), Some(4), call(4, "agents__ask"))
        .add("08:00:09.002", Some("analyzer"), Some(4), json!({"type": "wait_began", "on": {"reply": REPLY}, "within": "5m"}))
        .add("08:00:09.003", Some("analyzer"), Some(5), call(5, "human__ask"))
        .add("08:00:09.003", Some("analyzer"), Some(5), asked("question"))
        .add(
            "08:00:10.000",
            Some("analyzer"),
            Some(5),
            json!({"type": "approval_decided", "approval": APPROVAL, "ruling": {"answered": "the second"}}),
        )
        .add(
            "08:00:11.000",
            Some("analyzer"),
            None,
            json!({"type": "turn_cancelled", "failure": {"code": "cancelled", "reason": "called off by local: asked twice"}}),
        )
        .story()
}

#[test]
fn waits_decisions_attempts_and_failovers_are_seen() {
    insta::assert_snapshot!(tree(&waiting(), Painter(false)));
    insta::assert_snapshot!(lines(&waiting()).join("\n"));
}

#[test]
fn every_kind_of_fact_is_told_or_passed_over() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../caxton-types/journal/fixtures/v1");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let Ok(event) = serde_json::from_str::<Event>(&text) else { continue };
        let is_told = !matches!(event.new.fact, Fact::ServerStopped {});
        let story = Story::of(vec![event]);
        assert!(is_told || lines(&story).is_empty());
        assert!(!tree(&story, Painter(true)).is_empty());
    }
}

#[test]
fn cost_failovers_and_overruns_are_told() {
    let usage = json!({"input": 4000, "output": 300});
    let answered = json!({
        "outcome": "answered", "text": "42", "stop": "end", "usage": usage, "provider": "claude", "model": "sonnet",
    });
    let spent = json!({"tokens": 4300, "money": 16_500, "steps": 1});
    let story = Journal::new()
        .add("08:00:00.000", None, None, message(REQUEST, "request", "client:local", "agent:analyzer", "6*7?"))
        .add("08:00:00.001", Some("analyzer"), None, json!({"type": "turn_began", "message": REQUEST, "revision": 1, "spec": "cd".repeat(32)}))
        .add(
            "08:00:00.002",
            Some("analyzer"),
            Some(1),
            json!({"type": "step_intended", "effect": "ask", "intent": {"inline": {"effect": "ask", "dialogue": []}}, "reserved": {"tokens": 4200}}),
        )
        .add(
            "08:00:00.008",
            Some("analyzer"),
            Some(1),
            json!({"type": "model_failed_over", "from": "openai/gpt", "to": "claude/sonnet", "code": "unavailable", "reason": "503: overloaded"}),
        )
        .add("08:00:00.009", Some("analyzer"), Some(1), json!({"type": "budget_overrun", "reserved": {"tokens": 4200}, "reported": spent}))
        .add(
            "08:00:00.009",
            Some("analyzer"),
            Some(1),
            json!({"type": "step_ended", "effect": "ask", "outcome": {"inline": answered}, "metering": {"wall_us": 7000}, "spent": spent}),
        )
        .add(
            "08:00:00.010",
            Some("analyzer"),
            None,
            json!({"type": "turn_ended", "end": "completed", "usage": usage, "spent": spent, "wall_us": 9000}),
        )
        .story();
    insta::assert_snapshot!(tree(&story, Painter(false)));
    insta::assert_snapshot!(lines(&story).join("\n"));
}

#[test]
fn what_tools_ask_of_memory_and_of_other_tools_is_told() {
    let called = |tool: &str, outcome: Value| json!({"type": "tool_called", "tool": tool, "by": "weekly/report", "arguments": {"inline": {}}, "outcome": {"inline": outcome}, "metering": {"wall_us": 1200}});
    let failed = json!({"outcome": "failed", "code": "denied", "reason": "no such city"});
    let observation = json!({"entity": "weekly/report", "kind": "tool", "text": "done", "scope": "workspace", "agent": "analyzer"});
    let story = Journal::new()
        .add("08:00:00.000", None, None, message(REQUEST, "request", "client:local", "agent:analyzer", "The week?"))
        .add("08:00:00.001", Some("analyzer"), None, json!({"type": "turn_began", "message": REQUEST, "revision": 1, "spec": "cd".repeat(32)}))
        .add(
            "08:00:00.002",
            Some("analyzer"),
            Some(1),
            json!({"type": "step_intended", "effect": "call", "intent": {"inline": {"effect": "call", "call_id": "c1", "tool": "weekly__report", "arguments": {}}}}),
        )
        .add("08:00:00.009", Some("analyzer"), Some(1), json!({"type": "observation_stored", "observation": observation}))
        .add("08:00:00.009", Some("analyzer"), Some(1), called("csv-stats/stats", json!({"outcome": "called", "text": "10"})))
        .add("08:00:00.009", Some("analyzer"), Some(1), called("http_client/request", failed))
        .story();
    let told = tree(&story, Painter(false));
    for line in [
        "remembers something in the scope workspace",
        "called csv-stats/stats 1.2 ms",
        "called http_client/request, which failed: no such city",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let told = lines(&story).join("\n");
    assert!(told.contains(r#"status="called" what="http_client/request""#), "{told}");
}

//! What the wire types read, and what they refuse.

use caxton_api::{AttachmentRef, EventView, MessageState, MessageView, Problem, SendMessage};
use caxton_types::{Code, Event, Fact, Message, MessageType, Performative};
use serde_json::{Value, json};

fn read(value: Value) -> Result<SendMessage, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn the_envelope_of_the_architecture_overview_is_read() {
    let message = read(json!({
        "performative": "request", "sender": "agent_123", "receiver": "agent_456",
        "content": {"action": "process_data", "parameters": {}},
        "conversation_id": "cnv_01k9zc3m5ne6h8t2v4x6z8a0bc", "reply_with": "msg_001", "in_reply_to": null,
        "ontology": "caxton-v1", "language": "json", "protocol": "fipa-request"
    }))
    .unwrap();
    assert_eq!(message.receiver.to_string(), "agent:agent-456");
    assert_eq!(message.sender.as_ref().unwrap().to_string(), "agent:agent-123");
    assert_eq!(message.performative(), Performative::Request);
    assert_eq!(message.in_reply_to, None);
}

#[test]
fn the_simple_type_stands_in_for_a_performative() {
    let check = |message_type: &str, performative: Performative| {
        let message = read(json!({"receiver": "sum", "content": 1, "message_type": message_type, "reply_to": "m1"})).unwrap();
        assert_eq!(message.performative(), performative, "{message_type}");
        assert_eq!(message.in_reply_to.as_deref(), Some("m1"));
    };
    check("request", Performative::Request);
    check("response", Performative::Inform);
    check("notification", Performative::Inform);
    check("error", Performative::Failure);
    let both = read(json!({"receiver": "sum", "content": 1, "message_type": "error", "performative": "QUERY-IF"})).unwrap();
    assert_eq!(both.performative(), Performative::QueryIf);
}

#[test]
fn what_is_no_message_is_refused_with_the_place() {
    let check = |value: Value, part: &str| {
        let error = read(value).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    check(json!({"content": "x"}), "missing field `receiver`");
    check(json!({"receiver": "sum"}), "missing field `content`");
    check(json!({"receiver": "queue:x", "content": "x"}), "is not an address");
    check(json!({"receiver": "sum", "content": "x", "performative": "reqest"}), "did you mean `request`?");
    check(json!({"receiver": "sum", "content": "x", "colour": 1}), "unknown field `colour`");
    check(json!({"receiver": "sum", "content": "x", "attachments": [{"name": "a", "digest": "beef"}]}), "is not a SHA-256 digest");
}

#[test]
fn a_message_shows_its_simple_view_and_its_trace() {
    let message: Message = serde_json::from_value(json!({
        "id": "msg_01k9zc3m5ne6h8t2v4x6z8a0bc", "performative": "inform", "sender": "agent:sum", "receiver": "client:local",
        "content": "42", "conversation": "cnv_01k9zc3m5ne6h8t2v4x6z8a0bc", "in_reply_to": "m1",
        "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "sent_at": "2026-01-28T12:00:00Z"
    }))
    .unwrap();
    let view = MessageView::new(message, None, 7, MessageState::Done);
    assert_eq!(view.message_type, MessageType::Response);
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(json["span_id"], "00f067aa0ba902b7");
    assert_eq!(json["timestamp"], "2026-01-28T12:00:00.000000Z");
    assert!(json.get("to").is_none() && json.get("attachments").is_none(), "what is not there is not written");
    assert_eq!(serde_json::from_value::<MessageView>(json).unwrap(), view);
}

#[test]
fn events_survive_the_way_to_the_client_and_back() {
    let event: Event = serde_json::from_value(json!({
        "seq": 3, "at": "2026-01-28T12:00:00Z", "v": 1, "caller": {"who": "local", "kind": "local", "verified": false},
        "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "agent": "sum", "step": 2,
        "fact": {"type": "server_started", "version": "0.1.0", "pid": 1}
    }))
    .unwrap();
    let view = EventView::try_from(event.clone()).unwrap();
    assert_eq!((view.kind.as_str(), view.step), ("server_started", Some(2)));
    let sent = serde_json::to_string(&view).unwrap();
    assert_eq!(Event::try_from(serde_json::from_str::<EventView>(&sent).unwrap()).unwrap(), event);
    assert!(matches!(event.new.fact, Fact::ServerStarted { pid: 1, .. }));
}

#[test]
fn every_code_makes_a_problem_of_its_status() {
    for code in Code::ALL {
        let problem = Problem::new(code, "something");
        assert_eq!((problem.status, problem.kind), (code.http(), format!("urn:caxton:problem:{code}")));
        assert!((400..600).contains(&problem.status));
    }
}

#[test]
fn attachments_read_the_digest_under_both_names() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let named = |key: &str| serde_json::from_value::<AttachmentRef>(json!({"name": "a.csv", key: digest})).unwrap();
    assert_eq!(named("digest"), named("blob"));
}

//! How calls are handled, by what is said and by what is known of them.

use crate::support::Bench;
use caxton_tools::{Handling, Options, Tools};
use caxton_types::{ApprovalRule, Execution, ToolDefinition, ToolPolicy};
use serde_json::{Value, json};

fn definition(bench: &Bench, id: &str) -> ToolDefinition {
    bench.tools.built_in().into_iter().find(|tool| tool.id.to_string() == id).unwrap()
}

#[tokio::test]
async fn http_client_is_handled_by_its_method() {
    let bench = Bench::new(Options::default());
    let writing = ToolPolicy { execution: None, approval: Some(ApprovalRule::WhenWriting) };
    let tool = ToolDefinition { policy: writing, ..definition(&bench, "http_client/request") };
    let check = |arguments: Value, execution, needs_approval| {
        assert_eq!(Tools::handling(&tool, &arguments), Handling { execution, needs_approval }, "{arguments}");
    };
    check(json!({"url": "http://x/"}), Execution::Idempotent, false);
    check(json!({"method": "GET"}), Execution::Idempotent, false);
    check(json!({"method": "HEAD"}), Execution::Idempotent, false);
    check(json!({"method": "PUT"}), Execution::Idempotent, true);
    check(json!({"method": "DELETE"}), Execution::Idempotent, true);
    check(json!({"method": "POST"}), Execution::AtMostOnce, true);
    check(json!({"method": "PATCH"}), Execution::AtMostOnce, true);
    check(json!({"method": 1}), Execution::AtMostOnce, true);
}

#[tokio::test]
async fn what_is_said_goes_before_what_is_known() {
    let bench = Bench::new(Options::default());
    let said = ToolPolicy { execution: Some(Execution::AskHuman), approval: Some(ApprovalRule::Always) };
    for id in ["http_client/request", "human/ask"] {
        let tool = ToolDefinition { policy: said, ..definition(&bench, id) };
        assert_eq!(Tools::handling(&tool, &json!({})), Handling { execution: Execution::AskHuman, needs_approval: true }, "{id}");
    }
    let never = ToolPolicy { execution: None, approval: Some(ApprovalRule::WhenWriting) };
    let handling = |id| Tools::handling(&ToolDefinition { policy: never, ..definition(&bench, id) }, &json!({}));
    assert_eq!(handling("time/wait"), Handling { execution: Execution::Idempotent, needs_approval: false });
    assert_eq!(handling("agents/ask"), Handling { execution: Execution::AtMostOnce, needs_approval: true });
}

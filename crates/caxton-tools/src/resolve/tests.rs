use super::*;
use caxton_types::{ApprovalRule, Execution};
use serde_json::{Value, json};

fn tools(ids: &[&str]) -> Vec<ToolDefinition> {
    let definition = |id: &&str| ToolDefinition {
        id: id.parse().unwrap(),
        description: String::new(),
        input_schema: json!({}),
        output_schema: None,
        annotations: Default::default(),
        policy: ToolPolicy::default(),
        digest: None,
    };
    ids.iter().map(definition).collect()
}

fn agent(tools: &[&str], policies: Value) -> AgentSpec {
    let spec = json!({
        "name": "analyst", "display_name": "Analyst", "version": "1.0.0", "prompts": {"system": "Help."},
        "tools": tools, "tool_policies": policies
    });
    serde_json::from_value(spec).unwrap()
}

fn resolved(spec: &AgentSpec, available: &[ToolDefinition]) -> Resolution {
    of_agent(spec, &known(available), Some)
}

/// The servers `web` and `net` are ones of others.
fn known(tools: &[ToolDefinition]) -> Known<'_> {
    Known { tools: tools.iter().collect(), others: vec!["web", "net"], labels: vec![("browsing", "http_client")] }
}

#[test]
fn no_server_of_others_gets_calls_that_were_meant_for_somebody_else() {
    let available =
        tools(&["http_client/request", "desk/web", "desk/look", "web/request", "web/look", "web/search", "net/search", "net/scan"]);
    let check = |name: &str, away: &str, expected: &[&str]| {
        let spec = agent(&[name], json!({}));
        let resolution = of_agent(&spec, &known(&available), |tool| (tool.id.server() != away).then_some(tool));
        assert_eq!(resolution.tools.iter().map(|tool| tool.id.to_string()).collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(resolution.missing.is_empty(), !expected.is_empty(), "{name}");
    };
    check("request", "", &["http_client/request"]);
    check("look", "", &["desk/look"]);
    check("scan", "", &["net/scan"]);
    check("search", "", &[]);
    check("search", "web", &[]);
    check("web", "", &["web/request", "web/look", "web/search"]);
    check("web", "web", &[]);
}

#[test]
fn an_allowlist_names_servers_tools_and_unambiguous_bare_tools() {
    let available = tools(&[
        "csv-stats/describe",
        "csv-stats/stats",
        "charts/draw",
        "paint/draw",
        "clock/wait",
        "http_client/request",
        "human/ask",
        "agents/ask",
        "time/wait",
    ]);
    let check = |entry: &str, expected: &[&str]| {
        let resolution = resolved(&agent(&[entry], json!({})), &available);
        assert_eq!(resolution.tools.iter().map(|tool| tool.id.to_string()).collect::<Vec<_>>(), expected, "{entry}");
        assert_eq!(resolution.missing.is_empty(), !expected.is_empty(), "{entry}");
    };
    check("csv-stats", &["csv-stats/describe", "csv-stats/stats"]);
    check("csv-stats/stats", &["csv-stats/stats"]);
    check("describe", &["csv-stats/describe"]);
    check("request", &["http_client/request"]);
    check("time", &["time/wait"]);
    check("wait", &["clock/wait"]);
    check("draw", &[]);
    check("ask", &[]);
    check("unknown", &[]);
}

#[test]
fn a_built_in_tool_has_other_names_and_a_workspaces_own_goes_first() {
    let check = |available: &[ToolDefinition], entry: &str, expected: &[&str]| {
        let found = resolved(&agent(&[entry], json!({})), available).tools.iter().map(|tool| tool.id.to_string()).collect::<Vec<_>>();
        assert_eq!(found, expected, "{entry}");
    };
    let mut available = tools(&["data_reader/read", "data_reader/profile", "http_client/request"]);
    for entry in ["data_reader", "data-reader", "csv_parser", "csv-parser"] {
        check(&available, entry, &["data_reader/read", "data_reader/profile"]);
    }
    check(&available, "csv-parser/read", &["data_reader/read"]);
    check(&available, "http-client", &["http_client/request"]);
    let spec = agent(&["csv-parser"], json!({"data-reader": {"approval": "always"}, "csv_parser/read": {"approval": "never"}}));
    let rules: Vec<_> = resolved(&spec, &available).tools.iter().map(|tool| tool.policy.approval.unwrap()).collect();
    assert_eq!(rules, [ApprovalRule::Never, ApprovalRule::Always]);
    available.extend(tools(&["data-reader/rows", "csv/csv_parser"]));
    check(&available, "data-reader", &["data-reader/rows"]);
    check(&available, "data-reader/read", &[]);
    check(&available, "csv_parser", &["csv/csv_parser"]);
    check(&available, "data_reader", &["data_reader/read", "data_reader/profile"]);
}

#[test]
fn people_and_programs_name_a_tool_as_agents_files_do_where_that_is_one() {
    let mut available = tools(&["data_reader/read", "data_reader/profile", "http_client/request", "file_system/read"]);
    let check = |available: &[ToolDefinition], names: &[&str], expected: &[&str]| {
        for name in names {
            let found = named(&known(available), name);
            assert_eq!(found.iter().map(|tool| tool.id.to_string()).collect::<Vec<_>>(), expected, "{name}");
        }
    };
    let spellings = ["data_reader/read", "data-reader/read", "csv_parser/read", "csv-parser__read", "data_reader__read"];
    check(&available, &spellings, &["data_reader/read"]);
    check(&available, &["http-client", "http_client", "request", "browsing", "http-client__request"], &["http_client/request"]);
    check(&available, &["", "read", "csv_parser/rows", "__", "/", "csv_parser__", "data reader/read"], &[]);
    check(&available, &["csv_parser", "data_reader"], &["data_reader/read", "data_reader/profile"]);
    available.extend(tools(&["csv-parser/read", "desk/profile"]));
    check(&available, &["csv-parser/read", "csv-parser"], &["csv-parser/read"]);
    check(&available, &["profile"], &["desk/profile"]);
    for (name, server) in [("desk/profile", "desk"), ("my_desk__a/b", "my_desk"), ("desk", "desk"), ("", "")] {
        assert_eq!(server_of(name), server, "{name}");
    }
}

#[test]
fn the_agents_word_goes_before_the_authors_and_one_tool_before_its_server() {
    let mut available = tools(&["bank/pay", "bank/look"]);
    for tool in &mut available {
        tool.policy = ToolPolicy { execution: Some(Execution::Idempotent), approval: Some(ApprovalRule::Always) };
    }
    let check = |policies: Value, pay: (Execution, ApprovalRule), look: (Execution, ApprovalRule)| {
        let resolution = resolved(&agent(&["bank"], policies.clone()), &available);
        let said: Vec<_> = resolution.tools.iter().map(|tool| (tool.policy.execution.unwrap(), tool.policy.approval.unwrap())).collect();
        assert_eq!(said, [pay, look], "{policies}");
    };
    let (author, never) = ((Execution::Idempotent, ApprovalRule::Always), ApprovalRule::Never);
    check(json!({}), author, author);
    check(json!({"bank": {"approval": "never"}}), (author.0, never), (author.0, never));
    check(json!({"pay": {"execution": "ask_human"}}), (Execution::AskHuman, author.1), author);
    check(
        json!({"bank": {"approval": "never", "execution": "at_most_once"}, "look": {"approval": "when-writing"}, "bank/look": {"execution": "ask_human"}}),
        (Execution::AtMostOnce, never),
        (Execution::AskHuman, ApprovalRule::WhenWriting),
    );
}

#[test]
fn a_call_names_its_tool_as_models_or_as_people_write_it() {
    let allowed = tools(&["csv-stats/stats", "csv/stats"]);
    let named = |tool: &str| {
        let call = ToolCall { call_id: "c1".into(), tool: tool.into(), arguments: json!({}) };
        called(&allowed, &call).map(|tool| tool.id.to_string())
    };
    assert_eq!(named("csv-stats__stats").as_deref(), Some("csv-stats/stats"));
    assert_eq!(named("csv/stats").as_deref(), Some("csv/stats"));
    for other in ["", "csv", "csv__", "csv_stats", "csv-stats__stat", "csv-stats__statss", "csv-stats/__stats"] {
        assert_eq!(named(other), None, "{other}");
    }
}

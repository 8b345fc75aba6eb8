//! Both wire formats against a third party's mock server (npm `@copilotkit/aimock`), whose folder `CAXTON_AIMOCK` names.

use crate::offline;
use caxton_llm::{ApiKey, Models, Options, ProviderKind, ProviderOptions};
use caxton_types::{ChatMessage, ModelReply, ModelRequest, StopReason, ToolAnnotations, ToolDefinition, ToolId};
use parking_lot::Mutex;
use serde_json::json;
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

struct Aimock {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Aimock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the mock is installed. Missing it is a failure in CI, and elsewhere said.
fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("CAXTON_AIMOCK").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CAXTON_AIMOCK must name the folder of @copilotkit/aimock: run `cargo xtask test`");
        eprintln!("skipped: CAXTON_AIMOCK does not name the folder of @copilotkit/aimock; `cargo xtask test` installs it");
    }
    folder
}

fn start(fixtures: &serde_json::Value) -> Option<Aimock> {
    let program = installed()?.join("dist/cli.js");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fixtures.json");
    std::fs::write(&file, json!({ "fixtures": fixtures }).to_string()).unwrap();
    let mut command = Command::new("node");
    command.arg(program).args(["-p", "0", "-f"]).arg(&file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().expect("node runs");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url = lines
        .find_map(|line| line.unwrap().split_once("listening on ").map(|(_, url)| url.trim().to_owned()))
        .expect("it says where it listens");
    // Keeps reading, so that the mock never waits for somebody to read its log.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Aimock { process, url, _folder: folder })
}

/// The same question to two providers: only the configuration differs.
fn providers(mock: &Aimock) -> [Models; 2] {
    let kinds = [
        ProviderKind::OpenAi { base_url: Some(format!("{}/v1", mock.url)) },
        ProviderKind::Anthropic { base_url: Some(format!("{}/v1/", mock.url)) },
    ];
    kinds.map(|kind| {
        let provider = ProviderOptions {
            api_key: Some(ApiKey::new("test-key")),
            backoff: Duration::from_millis(1),
            ..ProviderOptions::new("main", kind, "some-model")
        };
        Models::new(Options { providers: vec![provider], ..Options::default() }).unwrap()
    })
}

fn weather() -> ToolDefinition {
    ToolDefinition {
        id: ToolId::new("forecast", "weather").unwrap(),
        description: "The weather in a city".into(),
        input_schema: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        output_schema: None,
        annotations: ToolAnnotations::default(),
        policy: caxton_types::ToolPolicy::default(),
        digest: None,
    }
}

fn ask(models: &Models, text: &str, further: Vec<ChatMessage>) -> (ModelReply, Vec<String>) {
    let mut dialogue = vec![ChatMessage::User { text: text.into() }];
    dialogue.extend(further);
    let request =
        ModelRequest { settings: Arc::new(offline::settings(text, &[weather()], &[])), dialogue: dialogue.into(), sent_before: 0 };
    let pieces = Arc::new(Mutex::new(vec![]));
    let sink = Arc::clone(&pieces);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(models.ask(&request, Some(Arc::new(move |piece: &str| sink.lock().push(piece.to_owned()))))).unwrap();
    let pieces = std::mem::take(&mut *pieces.lock());
    (reply, pieces)
}

#[test]
fn text_streams_in_pieces_and_usage_is_counted() {
    let text = "This answer is somewhat longer than one piece of it.";
    let fixtures = json!([{"match": {"userMessage": "hello"}, "response": {"content": text, "usage": {
        "prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7}}}]);
    let Some(mock) = start(&fixtures) else { return };
    for models in providers(&mock) {
        let (reply, pieces) = ask(&models, "hello", vec![]);
        assert_eq!((reply.text.as_str(), reply.stop), (text, StopReason::End));
        assert!(pieces.len() > 1 && pieces.concat() == text, "{pieces:?}");
        assert_eq!((reply.usage.input, reply.usage.output), (11, 7));
    }
}

#[test]
fn tools_are_called_and_their_results_taken() {
    let call = |city: &str| json!({"name": "forecast__weather", "arguments": json!({ "city": city }).to_string()});
    let fixtures = json!([
        {"match": {"userMessage": "weather", "hasToolResult": false}, "response": {"toolCalls": [call("Paris"), call("Rome")]}},
        {"match": {"userMessage": "weather", "hasToolResult": true}, "response": {"content": "Sunny in both."}},
    ]);
    let Some(mock) = start(&fixtures) else { return };
    for models in providers(&mock) {
        let (reply, _) = ask(&models, "weather", vec![]);
        assert_eq!(reply.stop, StopReason::ToolCalls);
        let asked: Vec<_> = reply.tool_calls.iter().map(|call| (call.tool.as_str(), call.arguments.clone())).collect();
        assert_eq!(asked, [("forecast__weather", json!({"city": "Paris"})), ("forecast__weather", json!({"city": "Rome"}))]);
        assert_ne!(reply.tool_calls[0].call_id, reply.tool_calls[1].call_id);
        let results = reply.tool_calls.iter().map(|call| ChatMessage::Tool {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            text: "sunny".into(),
            is_error: false,
        });
        let mut further = vec![ChatMessage::Assistant { text: reply.text.clone(), tool_calls: reply.tool_calls.clone() }];
        further.extend(results);
        let (reply, _) = ask(&models, "weather", further);
        assert_eq!((reply.text.as_str(), reply.stop), ("Sunny in both.", StopReason::End));
    }
}

#[test]
fn a_limited_provider_is_asked_again() {
    for at in 0..2 {
        let fixtures = json!([
            {"match": {"userMessage": "limited", "sequenceIndex": 0}, "response": {
                "error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}, "status": 429}},
            {"match": {"userMessage": "limited", "sequenceIndex": 1}, "response": {"content": "Now it works."}},
        ]);
        let Some(mock) = start(&fixtures) else { return };
        assert_eq!(ask(&providers(&mock)[at], "limited", vec![]).0.text, "Now it works.");
    }
}

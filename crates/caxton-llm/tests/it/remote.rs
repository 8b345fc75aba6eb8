//! What providers behind HTTP do wrong, and what becomes of it.

use crate::{
    offline,
    stub::{Answer, Stub, begins, breaks_off, refusal, says},
};
use caxton_llm::{ApiKey, DeltaSink, Error, Models, Options, ProviderKind, ProviderOptions};
use caxton_types::{ChatMessage, Code, Fault, ModelReply, ModelRequest, ModelSettings, ToolCall};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const KEY: &str = "sk-secret-0123456789";

fn options(url: &str) -> ProviderOptions {
    ProviderOptions {
        api_key: Some(ApiKey::new(KEY)),
        backoff: Duration::from_millis(1),
        attempts_max: 3,
        ..ProviderOptions::new("main", ProviderKind::OpenAi { base_url: Some(url.into()) }, "model-high")
    }
}

fn models(provider: ProviderOptions) -> Result<Models, Error> {
    Models::new(Options { providers: vec![provider], ..Options::default() })
}

fn request(settings: ModelSettings) -> ModelRequest {
    let dialogue = vec![ChatMessage::User { text: settings.request.clone() }];
    ModelRequest { settings: Arc::new(settings), dialogue: dialogue.into(), sent_before: 0 }
}

fn hello() -> ModelRequest {
    request(offline::settings("hello", &[], &[]))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn ask(provider: ProviderOptions, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
    let models = models(provider).unwrap();
    run(models.ask(&hello(), deltas))
}

/// Asks a server that gives these answers; what came of it, and how often it was asked.
fn answered(answers: Vec<Answer>) -> (Result<ModelReply, Error>, usize) {
    let stub = Stub::start(answers);
    let result = ask(options(&stub.url), None);
    (result, stub.requests().len())
}

#[test]
fn an_answer_has_text_usage_and_the_names_of_who_gave_it() {
    let stub = Stub::start(vec![says("Hi.")]);
    let told = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&told);
    let reply = ask(options(&stub.url), Some(Arc::new(move |piece: &str| sink.lock().push_str(piece)))).unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.input, reply.usage.output), ("Hi.", 3, 2));
    assert_eq!((reply.provider.as_str(), reply.model.as_str()), ("main", "model-high"));
    assert_eq!(*told.lock(), "Hi.");
    let sent = stub.requests().remove(0);
    assert!(
        sent.starts_with("POST /v1/chat/completions ") && sent.to_lowercase().contains(&format!("authorization: bearer {KEY}")),
        "{sent}"
    );
    let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["model"], "model-high", "the name is sent as it is configured");
    assert_eq!(body.get("reasoning_effort"), None);
}

#[test]
fn a_busy_or_failing_provider_is_asked_again() {
    let busy =
        || refusal("429 Too Many Requests", "retry-after-ms: 2\r\n", r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#);
    let (result, asked) = answered(vec![busy(), refusal("503 Service Unavailable", "", "overloaded"), says("ok")]);
    assert_eq!((result.unwrap().text.as_str(), asked), ("ok", 3));
    let (result, asked) = answered(vec![breaks_off("o"), Answer::Whole(String::new()), says("ok")]);
    assert_eq!((result.unwrap().text.as_str(), asked), ("ok", 3));
    let (result, asked) = answered(vec![busy(), busy(), busy()]);
    let error = result.unwrap_err();
    assert_eq!((error.code(), asked), (Code::Exhausted, 3));
    assert_eq!(error.to_string(), "the model provider `main` limits its rate: slow down");
}

#[test]
fn what_cannot_get_better_is_tried_once() {
    let check = |answer: Answer, code: Code, part: &str| {
        let (result, asked) = answered(vec![answer]);
        let error = result.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(part) && asked == 1, "{error} {asked}");
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains(KEY), "{error:?}");
    };
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}","code":"invalid_api_key"}}}}"#);
    check(refusal("401 Unauthorized", "", &echo), Code::Unavailable, "refuses the key");
    check(refusal("400 Bad Request", "", &echo), Code::Invalid, "(key)");
    check(refusal("404 Not Found", "", r#"{"error":{"message":"no such model"}}"#), Code::Invalid, "no such model");
    check(refusal("429 Too Many Requests", "", r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#), Code::Exhausted, "used up");
    check(refusal("402 Payment Required", "", r#"{"error":{"message":"pay"}}"#), Code::Exhausted, "used up");
    let broke = r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#;
    check(refusal("400 Bad Request", "", broke), Code::Exhausted, "used up");
    let midway = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: {\"error\":{\"message\":\"no such tool\",\"type\":\"invalid_request_error\"}}\n\n";
    check(Answer::Whole(midway.into()), Code::Invalid, "no such tool");
    check(refusal("503 Service Unavailable", "x-should-retry: false\r\n", "gone"), Code::Unavailable, "gone");
    let long = r#"{"error":{"message":"This model's maximum context length is 8 tokens","code":"context_length_exceeded"}}"#;
    check(refusal("400 Bad Request", "", long), Code::TooLarge, "too long");
    check(refusal("429 Too Many Requests", "Retry-After: 3600\r\n", "{}"), Code::Exhausted, "limits its rate");
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Stub::start(vec![says("stolen")]);
    let (result, _) = answered(vec![refusal("307 Temporary Redirect", &format!("Location: {}/chat/completions\r\n", other.url), "")]);
    assert!(result.unwrap_err().to_string().contains("redirects"));
    assert_eq!(other.requests().len(), 0, "the key went nowhere else");
}

#[test]
fn silence_is_a_timeout_at_the_beginning_and_in_the_middle() {
    for answers in [[Answer::Stalls(String::new()), Answer::Stalls(String::new())], [begins("Once upon"), begins("a time")]] {
        let stub = Stub::start(answers.into());
        let impatient = ProviderOptions { timeout: Duration::from_millis(60), attempts_max: 2, ..options(&stub.url) };
        assert_eq!(ask(impatient, None).unwrap_err().code(), Code::Deadline);
    }
}

#[test]
fn what_a_reader_was_told_is_not_told_again() {
    let stub = Stub::start(vec![breaks_off("Once upon"), says("never told")]);
    let error = ask(options(&stub.url), Some(Arc::new(|_: &str| {}))).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn one_question_has_a_bound_in_time_with_all_its_attempts() {
    let stub = Stub::start(vec![Answer::Stalls(String::new())]);
    let provider = ProviderOptions { time_max: Duration::from_millis(60), ..options(&stub.url) };
    assert!(matches!(ask(provider, None), Err(Error::Timeout { limit, .. }) if limit == Duration::from_millis(60)));
}

#[test]
fn a_provider_that_is_not_there_is_a_lost_connection() {
    // A port that was free a moment ago and on which nobody listens.
    let url = Stub::start(vec![]).url;
    let error = ask(ProviderOptions { attempts_max: 2, ..options(&url) }, None).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("base_url"));
}

#[test]
fn a_server_of_ones_own_needs_no_key_and_is_sent_none() {
    let stub = Stub::start(vec![says("ok")]);
    ask(ProviderOptions { api_key: None, ..options(&stub.url) }, None).unwrap();
    let sent = stub.requests().remove(0).to_lowercase();
    assert!(sent.starts_with("post /v1/chat/completions ") && !sent.contains("authorization"), "{sent}");
}

#[test]
fn what_is_configured_wrongly_is_refused_at_once() {
    let provider = |kind, key: Option<&str>| ProviderOptions { api_key: key.map(ApiKey::new), ..ProviderOptions::new("main", kind, "m") };
    let check = |provider: ProviderOptions, part: &str| {
        let error = models(provider).unwrap_err();
        assert!(error.code() == Code::Invalid && error.to_string().contains(part), "{error}");
    };
    check(provider(ProviderKind::OpenAi { base_url: None }, None), "no key");
    check(provider(ProviderKind::Anthropic { base_url: None }, Some("  ")), "no key");
    check(provider(ProviderKind::OpenAi { base_url: None }, Some("a\nb")), "character");
    for url in ["localhost:11434", "ftp://example.com", "http://user:pass@example.com", ""] {
        check(provider(ProviderKind::OpenAi { base_url: Some(url.into()) }, Some("k")), "base_url");
    }
}

/// The two formats, as they are sent.
#[test]
fn a_dialogue_with_tools_is_sent_in_the_providers_format() {
    let call = |id: &str| ToolCall { call_id: id.into(), tool: "figures__compute".into(), arguments: json!({"file": "a.csv"}) };
    let result =
        |id: &str, is_error| ChatMessage::Tool { call_id: id.into(), tool: "figures__compute".into(), text: "none".into(), is_error };
    let schema =
        json!({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": false});
    let mut settings = offline::settings("go", &[crate::table_tool::definition()], &[]);
    (settings.temperature, settings.output_schema) = (Some(0.7), Some(schema));
    let mut request = request(settings);
    let dialogue = Arc::make_mut(&mut request.dialogue);
    dialogue.push(ChatMessage::Assistant { text: "I look.".into(), tool_calls: vec![call("c1"), call("c2")] });
    dialogue.extend([result("c1", false), result("c2", true)]);

    let body = |kind: fn(Option<String>) -> ProviderKind| -> (String, Value) {
        let stub = Stub::start(vec![refusal("400 Bad Request", "", "{}")]);
        let provider = ProviderOptions { kind: kind(Some(stub.url.clone())), ..options("") };
        run(models(provider).unwrap().ask(&request, None)).unwrap_err();
        let sent = stub.requests().remove(0);
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), serde_json::from_str(body).unwrap())
    };
    let (_, openai) = body(|base_url| ProviderKind::OpenAi { base_url });
    let roles =
        |body: &Value| body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(roles(&openai), ["system", "user", "assistant", "tool", "tool"]);
    assert_eq!(openai["messages"][4]["content"], "error: none");
    assert_eq!((&openai["temperature"], &openai["max_tokens"]), (&json!(0.7), &json!(1000)));
    assert_eq!(openai["tools"][0]["function"]["name"], "figures__compute");
    assert_eq!(openai["response_format"]["type"], "json_schema");

    let (head, anthropic) = body(|base_url| ProviderKind::Anthropic { base_url });
    assert!(
        head.starts_with("post /v1/messages ") && head.contains(&format!("x-api-key: {KEY}")) && head.contains("anthropic-version:"),
        "{head}"
    );
    assert_eq!(roles(&anthropic), ["user", "assistant", "user"], "results of parallel calls go into one message");
    assert_eq!(anthropic["messages"][2]["content"].as_array().unwrap().len(), 2);
    assert_eq!(anthropic["messages"][1]["content"][1]["input"], json!({"file": "a.csv"}));
    assert_eq!((&anthropic["system"], &anthropic["max_tokens"]), (&json!("You answer questions."), &json!(1000)));
}

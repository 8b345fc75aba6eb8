//! The offline provider in a loop with tools, from the first request to the answer.

use crate::table_tool;
use caxton_llm::{Models, Options};
use caxton_types::{
    AttachmentView, ChatMessage, Digest, ModelReply, ModelRequest, ModelSettings, Recollection, Scope, StopReason, Timestamp,
    ToolAnnotations, ToolCall, ToolDefinition, ToolId,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// How much of a file a provider sees.
const HEAD_LEN: usize = 2048;

#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) text: String,
    pub(crate) refused: bool,
    pub(crate) calls: usize,
}

pub(crate) fn settings(request: &str, tools: &[ToolDefinition], files: &[(&str, &str)]) -> ModelSettings {
    let view = |(name, text): &(&str, &str)| {
        let cut = text.get(..HEAD_LEN).and_then(|head| head.rfind('\n')).map_or(text.len(), |end| end + 1);
        AttachmentView {
            name: (*name).into(),
            media_type: "text/csv".into(),
            size: text.len() as u64,
            digest: Digest::of(text.as_bytes()),
            head: text.get(..cut).map(Into::into),
        }
    };
    ModelSettings {
        model: "chat".into(),
        system: "You answer questions.".into(),
        request: request.into(),
        tools: tools.into(),
        attachments: files.iter().map(view).collect(),
        memories: vec![],
        output_schema: None,
        max_tokens: 1000,
        temperature: None,
    }
}

/// Runs the loop of model and tools until the model has done.
fn converse(
    settings: ModelSettings,
    history: Vec<ChatMessage>,
    tool: impl Fn(&ToolCall) -> Result<String, String>,
) -> (ModelReply, Vec<ToolCall>) {
    let models = Models::new(Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut dialogue = history;
    dialogue.push(ChatMessage::User { text: settings.request.clone() });
    let settings = Arc::new(settings);
    let mut made = vec![];
    for _ in 0..4 {
        let request = ModelRequest { settings: Arc::clone(&settings), dialogue: Arc::new(dialogue.clone()), sent_before: 0 };
        let reply = runtime.block_on(models.ask(&request, None)).unwrap();
        assert_eq!(reply, runtime.block_on(models.ask(&request, None)).unwrap(), "the same request gets the same reply");
        assert!(reply.usage.input > 0 && reply.usage.output > 0);
        if reply.stop != StopReason::ToolCalls {
            return (reply, made);
        }
        dialogue.push(ChatMessage::Assistant { text: reply.text, tool_calls: reply.tool_calls.clone() });
        for call in reply.tool_calls {
            let result = tool(&call);
            let (is_error, text) = (result.is_err(), result.unwrap_or_else(|error| error));
            dialogue.push(ChatMessage::Tool { call_id: call.call_id.clone(), tool: call.tool.clone(), text, is_error });
            made.push(call);
        }
    }
    panic!("no end of calls: {made:?}");
}

/// Asks about files, with the test's own tool over tables.
pub(crate) fn ask(request: &str, tools: &[ToolDefinition], files: &[(&str, &str)]) -> Asked {
    let run = |call: &ToolCall| {
        let file = call.arguments["file"].as_str().unwrap();
        let (_, text) = files.iter().find(|(name, _)| *name == file).unwrap();
        table_tool::call(text, &call.arguments)
    };
    let (reply, calls) = converse(settings(request, tools, files), vec![], run);
    Asked { text: reply.text, refused: reply.stop == StopReason::Refusal, calls: calls.len() }
}

fn tool(server: &str, name: &str, description: &str, schema: Value, read_only: bool) -> ToolDefinition {
    ToolDefinition {
        id: ToolId::new(server, name).unwrap(),
        description: description.into(),
        input_schema: schema,
        output_schema: None,
        annotations: ToolAnnotations { read_only_hint: read_only, ..ToolAnnotations::default() },
        policy: caxton_types::ToolPolicy::default(),
        digest: None,
    }
}

fn others() -> Vec<ToolDefinition> {
    vec![
        tool(
            "forecast",
            "weather",
            "The weather in a city today and on the next days",
            json!({"type": "object", "properties": {
                "city": {"type": "string", "description": "Name of the city"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1, "maximum": 10}
            }, "required": ["city"]}),
            true,
        ),
        tool(
            "web",
            "request",
            "Makes an HTTP request",
            json!({"type": "object", "properties": {
                "url": {"type": "string", "format": "uri"},
                "method": {"type": "string", "enum": ["GET", "POST", "DELETE"], "default": "GET"},
                "body": {"type": "string"}
            }, "required": ["url"]}),
            false,
        ),
        tool(
            "library",
            "search",
            "Searches the library for books",
            json!({"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["query"]}),
            true,
        ),
    ]
}

/// The one call that a request leads to, or nothing.
fn called(request: &str) -> Option<(String, Value)> {
    let (reply, calls) = converse(settings(request, &others(), &[]), vec![], |_| Ok("done".into()));
    let call = calls.first()?;
    assert_eq!(calls.len(), 1);
    assert!(reply.text.starts_with("done\n"), "{}", reply.text);
    Some((call.tool.clone(), call.arguments.clone()))
}

#[test]
fn tools_of_any_shape_are_filled_from_their_schema() {
    let check = |request: &str, tool: &str, arguments: Value| assert_eq!(called(request), Some((tool.into(), arguments)), "{request}");
    check("What is the weather in Paris?", "forecast__weather", json!({"city": "Paris"}));
    check(
        "weather in New York in fahrenheit for 3 days",
        "forecast__weather",
        json!({"city": "New York", "unit": "fahrenheit", "days": 3}),
    );
    check("What's the weather for city \"Bad Ems\"?", "forecast__weather", json!({"city": "Bad Ems"}));
    check("Fetch https://example.com/data.json, please.", "web__request", json!({"url": "https://example.com/data.json", "method": "GET"}));
    check("Delete https://example.com/old", "web__request", json!({"url": "https://example.com/old", "method": "DELETE"}));
    check("Search the library for rust async runtimes", "library__search", json!({"query": "rust async runtimes"}));
}

#[test]
fn a_tool_that_does_not_fit_is_not_called() {
    for request in [
        "What was the weather in Paris yesterday?",
        "What is the weather?",
        "weather in Paris for 30 days",
        "Fetch https://example.com/a and https://example.com/b",
        "Fetch https://example.com/a and summarise it",
        "Fetch the page",
        "Write a haiku",
        "Hello!",
        "",
    ] {
        assert_eq!(called_or_refused(request), None, "{request}");
    }
}

fn called_or_refused(request: &str) -> Option<Value> {
    let (reply, calls) = converse(settings(request, &others(), &[]), vec![], |_| Ok("done".into()));
    assert!(!calls.is_empty() || reply.stop == StopReason::Refusal, "{}", reply.text);
    calls.first().map(|call| call.arguments.clone())
}

fn remembered(text: &str, day: i64) -> Recollection {
    let at = Timestamp::from_micros(1_760_000_000_000_000 + day * 86_400_000_000);
    Recollection { entity: "trees.csv".into(), text: text.into(), lexical: 1.0, scope: Scope::Workspace, at }
}

fn recalled(request: &str, memories: &[Recollection], history: Vec<ChatMessage>) -> (StopReason, String) {
    let settings = ModelSettings { memories: memories.to_vec(), ..settings(request, &[table_tool::definition()], &[]) };
    let (reply, calls) = converse(settings, history, |_| panic!("no tool is needed"));
    assert!(calls.is_empty());
    (reply.stop, reply.text)
}

#[test]
fn what_was_found_before_is_told_with_its_time() {
    let memories = [
        remembered("What is the mean height?\nmean of height = 12.5 (40 rows of trees.csv)\n(offline provider: no language model)", 1),
        remembered("Which species has the most rows?\ncount of rows by species: oak 17 … of 3 groups (40 rows of trees.csv)", 2),
        remembered("What is the mean height?\nmean of height = 13.5 (42 rows of trees.csv)", 3),
        remembered("How many rows have species equal to oak?\ncount of rows = 17 (17 of 42 rows of trees.csv, where species eq oak)", 4),
        remembered("Larches lose their needles in winter.", 5),
    ];
    for (request, part) in [
        ("What was the average height that you found earlier?", "mean of height = 13.5"),
        ("What is the mean height?", "mean of height = 13.5"),
        ("Which species did you say had the most rows?", "oak 17"),
        ("What was the mean height in trees.csv, as you found it before?", "mean of height = 13.5"),
        ("What do you remember of larches?", "needles"),
        ("What do you remember about oak?", "17"),
    ] {
        let (stop, text) = recalled(request, &memories, vec![]);
        assert_eq!(stop, StopReason::End, "{request}: {text}");
        assert!(text.contains(part) && text.contains("remembered from 2025-10-1"), "{request}: {text}");
        assert_eq!(text.matches("no language model").count(), 1, "{text}");
    }
    for request in [
        "What was the maximum height?",
        "What is the mean age?",
        "What was the mean height of oaks in 2020?",
        "What do you remember of Berlin?",
        // What is known of some rows says nothing of all of them.
        "How many rows are there?",
        "How many time trees are there?",
        "How many larches lose their needles?",
    ] {
        assert_eq!(recalled(request, &memories, vec![]).0, StopReason::Refusal, "{request}");
    }
}

#[test]
fn earlier_answers_of_the_conversation_are_used() {
    let history = vec![
        ChatMessage::User { text: "What is the mean height?".into() },
        ChatMessage::Assistant { text: "mean of height = 12.5 (40 rows of trees.csv)".into(), tool_calls: vec![] },
        ChatMessage::User { text: "And the mean age?".into() },
        ChatMessage::Assistant { text: "I cannot answer this without a language model: no file is attached.".into(), tool_calls: vec![] },
    ];
    let (stop, text) = recalled("What was the average height again?", &[], history.clone());
    assert!(stop == StopReason::End && text.contains("= 12.5") && text.contains("earlier in this conversation"), "{text}");
    // A refusal is no answer to remember.
    assert_eq!(recalled("What was the mean age?", &[], history).0, StopReason::Refusal);
}

const TREES: &str = "species,height\noak,10\nash,20\n";

fn shaped(schema: Value, result: &str) -> (StopReason, String) {
    let settings = ModelSettings {
        output_schema: Some(schema),
        ..settings("What is the mean height?", &[table_tool::definition()], &[("trees.csv", TREES)])
    };
    let (reply, _) = converse(settings, vec![], |_| Ok(result.into()));
    (reply.stop, reply.text)
}

#[test]
fn an_output_schema_is_filled_or_the_answer_refused() {
    let answer = json!({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]});
    assert_eq!(shaped(answer, "mean = 15"), (StopReason::End, r#"{"answer":"mean = 15"}"#.into()));
    let figure = json!({"type": "object", "properties": {"value": {"type": "number"}, "note": {"type": "string"}}, "required": ["value"]});
    assert_eq!(shaped(figure.clone(), r#"{"value": 15.5, "rows": 2}"#), (StopReason::End, r#"{"value":15.5}"#.into()));
    assert_eq!(shaped(figure, "mean = 15").0, StopReason::Refusal);
}

#[test]
fn a_failing_tool_is_told_and_a_misspelt_column_mended_once() {
    let ask = |tool: &dyn Fn(&ToolCall) -> Result<String, String>| {
        let settings = settings("What is the mean height?", &[table_tool::definition()], &[("trees.csv", TREES)]);
        let (reply, calls) = converse(settings, vec![], tool);
        (reply.stop, reply.text, calls.len())
    };
    let (stop, text, calls) = ask(&|_| Err("the file cannot be read".into()));
    assert!(stop == StopReason::Refusal && text.contains("the file cannot be read"), "{text}");
    assert_eq!(calls, 1);
    let (stop, _, calls) = ask(&|call| match call.arguments["column"].as_str() {
        Some("HEIGHT") => Ok("15".into()),
        _ => Err("no column `height`; nearest: HEIGHT, species".into()),
    });
    assert_eq!((stop, calls), (StopReason::End, 2));
}

#[test]
fn a_file_is_described_on_request() {
    let [describe, list] = table_tool::neighbours();
    for request in
        ["Describe the file", "Please analyse the attached trees.csv", "What columns are there?", "Give me an overview of the data."]
    {
        let tools = [list.clone(), table_tool::definition(), describe.clone()];
        let (reply, calls) = converse(settings(request, &tools, &[("trees.csv", TREES)]), vec![], |_| Ok("2 rows".into()));
        assert_eq!(calls.len(), 1, "{request}: {}", reply.text);
        assert_eq!((calls[0].tool.as_str(), &calls[0].arguments), ("figures__describe", &json!({"file": "trees.csv"})), "{request}");
    }
}

#[test]
fn it_says_what_it_is() {
    for request in ["Are you a language model?", "Who are you?"] {
        let (reply, _) = converse(settings(request, &others(), &[]), vec![], |_| panic!("no tool is needed"));
        assert!(reply.text.contains("not a language model"), "{}", reply.text);
        assert_eq!((reply.provider.as_str(), reply.model.as_str()), ("offline", "planner"));
    }
}

#[test]
fn the_file_that_fits_is_chosen_among_several() {
    let cars = "brand,weight\nfoo,900\n";
    let files = [("trees.csv", TREES), ("cars.csv", cars)];
    let answer = ask("What is the mean weight?", &[table_tool::definition()], &files);
    assert!(answer.text.starts_with("mean of weight = 900"), "{}", answer.text);
    let both = [("a.csv", TREES), ("b.csv", TREES)];
    assert!(ask("What is the mean height?", &[table_tool::definition()], &both).refused);
    let answer = ask("What is the mean height in b.csv?", &[table_tool::definition()], &both);
    assert!(answer.text.starts_with("mean of height = 15"), "{}", answer.text);
}

/// Templates, tools and data sets have names; the provider must not know any of them.
#[test]
fn no_tool_template_or_data_set_is_named_in_the_source() {
    fn sources(folder: &std::path::Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, all) } else { all.push(path) }
        }
    }
    let mut all = vec![];
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 20);
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        for name in [
            "csv-stats",
            "csv_stats",
            "latitude",
            "longitude",
            "tzdata",
            "zone",
            "data-analyzer",
            "task-automator",
            "content-generator",
            "http_client",
        ] {
            assert!(!text.contains(name), "{} names {name}", path.display());
        }
    }
}

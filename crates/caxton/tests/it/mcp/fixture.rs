//! The workspace that the conformance suite wants to find: its tools are one component, its prompts those of agents.
//!
//! The suite names what it calls. A tool is found by its bare name where one server has it, an agent by the name that people see.

use crate::guest::component;
use anyhow::Result;
use caxton_testkit::agent;
use serde_json::{Value, json};

const WIT: &str = include_str!("../../../../../sdk/wit/caxton-tool.wit");
/// A picture of one pixel, and the shortest sound.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const WAV: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==";

/// One answer of one tool.
struct Answer {
    tool: &'static str,
    /// What its arguments must contain.
    where_has: &'static str,
    result: Value,
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn always(tool: &'static str, result: Value) -> Answer {
    Answer { tool, where_has: "", result }
}

fn answers() -> Vec<Answer> {
    let picture = json!({"type": "image", "data": PNG, "mimeType": "image/png"});
    let sound = json!({"type": "audio", "data": WAV, "mimeType": "audio/wav"});
    let note = json!({"type": "resource", "resource": {"uri": "test://embedded-resource", "mimeType": "text/plain", "text": "A note."}});
    vec![
        always("test_simple_text", text("This is a simple text response for testing.")),
        always("test_image_content", json!({"content": [picture.clone()]})),
        always("test_audio_content", json!({"content": [sound]})),
        always("test_embedded_resource", json!({"content": [note.clone()]})),
        always("test_multiple_content_types", json!({"content": [{"type": "text", "text": "Several:"}, picture, note]})),
        always("test_error_handling", json!({"isError": true, "content": [{"type": "text", "text": "This tool always fails."}]})),
        always("test_tool_with_logging", text("done")),
        always("test_logging_tool", text("done")),
        always("test_tool_with_progress", text("done")),
        always("test_input_required_result_elicitation", text("done")),
        always("test_input_required_result_tampered_state", text("done")),
    ]
}

/// What the suite wants to be asked about: calls that a person must approve.
pub(super) const MANIFEST: &str = "[tools.test_input_required_result_elicitation]\napproval = \"always\"\n\
    [tools.test_input_required_result_tampered_state]\napproval = \"always\"\n";

fn tools() -> Vec<&'static str> {
    let mut tools = Vec::new();
    for Answer { tool, .. } in answers() {
        if !tools.contains(&tool) {
            tools.push(tool);
        }
    }
    tools
}

/// The agents whose prompts the suite asks for.
pub(super) fn agents() -> [(&'static str, String); 2] {
    [
        ("agents/test-simple-prompt.toml", agent("test-simple-prompt", "").1),
        (
            "agents/test-prompt-with-arguments.toml",
            "name = \"test-prompt-with-arguments\"\nsystem_prompt = \"You compare.\"\n\
             user_prompt_template = \"{{arg1}} and {{arg2}}\"\n[parameters]\narg1 = \"one\"\narg2 = \"two\"\n"
                .into(),
        ),
    ]
}

/// The tool server, as its file.
pub(super) fn tool_wasm() -> Result<Vec<u8>> {
    let mut data = Data { base: 8192, bytes: Vec::new() };
    let records: Vec<u32> = tools()
        .into_iter()
        .flat_map(|tool| {
            let name = data.put(tool);
            let described = data.put(&format!("The tool {tool} of the conformance suite."));
            let schema = data.put(r#"{"type":"object"}"#);
            [name, described, schema].into_iter().flatten().chain([0, 0, 0]).collect::<Vec<_>>()
        })
        .collect();
    let rows: Vec<u32> = answers()
        .iter()
        .flat_map(|answer| [data.put(answer.tool), data.put(answer.where_has), data.put(&answer.result.to_string())])
        .flatten()
        .collect();
    let (count, rows_len) = (records.len() / 9, rows.len() / 6);
    let (records, rows) = (data.words(&records), data.words(&rows));
    let list = data.words(&[records, u32::try_from(count)?]);
    let heap = data.words(&[]);
    let segment: String = data.bytes.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"));
    let module = format!(
        r#"(module
            (memory (export "memory") 64)
            (global $next (mut i32) (i32.const {heap}))
            (data (i32.const 8192) "{segment}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8))))
            (func $same (param $a i32) (param $b i32) (param $len i32) (result i32) (local $i i32)
                (loop $on
                    (if (i32.ge_u (local.get $i) (local.get $len)) (then (return (i32.const 1))))
                    (if (i32.ne (i32.load8_u (i32.add (local.get $a) (local.get $i))) (i32.load8_u (i32.add (local.get $b) (local.get $i))))
                        (then (return (i32.const 0))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $on))
                (unreachable))
            (func $has (param $text i32) (param $text_len i32) (param $part i32) (param $part_len i32) (result i32) (local $i i32)
                (loop $on
                    (if (i32.gt_u (i32.add (local.get $i) (local.get $part_len)) (local.get $text_len)) (then (return (i32.const 0))))
                    (if (call $same (i32.add (local.get $text) (local.get $i)) (local.get $part) (local.get $part_len))
                        (then (return (i32.const 1))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $on))
                (unreachable))
            (func (export "caxton:tool/tools@0.1.0#list-tools") (result i32) (i32.const {list}))
            (func (export "caxton:tool/tools@0.1.0#call-tool")
                (param $name i32) (param $name_len i32) (param $args i32) (param $args_len i32) (result i32)
                (local $row i32) (local $end i32)
                (local.set $row (i32.const {rows}))
                (local.set $end (i32.add (local.get $row) (i32.const {rows_len_bytes})))
                (loop $on
                    (if (i32.ge_u (local.get $row) (local.get $end)) (then (unreachable)))
                    (if (i32.eq (i32.load offset=4 (local.get $row)) (local.get $name_len))
                        (then (if (call $same (i32.load (local.get $row)) (local.get $name) (local.get $name_len))
                            (then (if (call $has (local.get $args) (local.get $args_len)
                                    (i32.load offset=8 (local.get $row)) (i32.load offset=12 (local.get $row)))
                                (then
                                    (i32.store (i32.const 3076) (i32.load offset=16 (local.get $row)))
                                    (i32.store (i32.const 3080) (i32.load offset=20 (local.get $row)))
                                    (return (i32.const 3072))))))))
                    (local.set $row (i32.add (local.get $row) (i32.const 24)))
                    (br $on))
                (unreachable)))"#,
        rows_len_bytes = rows_len * 24,
    );
    Ok(component(&module, WIT, "tool-server"))
}

/// The memory of the component as it begins.
struct Data {
    base: u32,
    bytes: Vec<u8>,
}

impl Data {
    /// Puts a text; its address and its length.
    fn put(&mut self, text: &str) -> [u32; 2] {
        let at = self.here();
        self.bytes.extend(text.as_bytes());
        [at, u32::try_from(text.len()).unwrap()]
    }

    /// Puts numbers where numbers may stand; their address.
    fn words(&mut self, words: &[u32]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.here();
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        at
    }

    fn here(&self) -> u32 {
        self.base + u32::try_from(self.bytes.len()).unwrap()
    }
}

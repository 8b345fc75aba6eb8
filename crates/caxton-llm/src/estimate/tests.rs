use super::*;
use caxton_types::{ModelSettings, ToolAnnotations, ToolCall, ToolDefinition, ToolId, ToolPolicy};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use std::{fmt::Write as _, sync::Arc};

fn request(system: String, dialogue: Vec<ChatMessage>, tools: Vec<ToolDefinition>) -> ModelRequest {
    let settings = ModelSettings {
        model: "chat".into(),
        system,
        request: String::new(),
        tools: tools.into(),
        attachments: vec![],
        memories: vec![],
        output_schema: None,
        max_tokens: 77,
        temperature: None,
    };
    ModelRequest { settings: Arc::new(settings), dialogue: Arc::new(dialogue), sent_before: 0 }
}

fn messages() -> impl Strategy<Value = Vec<ChatMessage>> {
    let call = ("[a-z_]{1,20}", any::<String>(), any::<i64>()).prop_map(|(tool, key, number)| ToolCall {
        call_id: "call_1".into(),
        tool,
        arguments: json!({ key.as_str(): [number, {"é": key}] }),
    });
    let message = prop_oneof![
        any::<String>().prop_map(|text| ChatMessage::User { text }),
        (any::<String>(), vec(call, 0..3)).prop_map(|(text, tool_calls)| ChatMessage::Assistant { text, tool_calls }),
        (any::<String>(), any::<bool>()).prop_map(|(text, is_error)| ChatMessage::Tool {
            call_id: "call_1".into(),
            tool: "t".into(),
            text,
            is_error
        }),
    ];
    vec(message, 0..8)
}

fn tools() -> impl Strategy<Value = Vec<ToolDefinition>> {
    let tool = (any::<String>(), any::<String>()).prop_map(|(description, name)| ToolDefinition {
        id: ToolId::new("tables", "stats").unwrap(),
        input_schema: json!({"type": "object", "properties": {name: {"type": "string", "description": description}}}),
        description,
        output_schema: None,
        annotations: ToolAnnotations::default(),
        policy: ToolPolicy::default(),
        digest: None,
    });
    vec(tool, 0..3)
}

/// The prompt as one of the widest chat templates renders it: `ChatML` with tools as indented JSON, and calls with escaped text.
fn rendered(request: &ModelRequest) -> String {
    let escaped = |value: &Value| {
        let text = serde_json::to_string_pretty(value).unwrap();
        text.chars().fold(String::new(), |mut all, c| {
            let mut units = [0; 2];
            if c.is_ascii() {
                all.push(c);
                return all;
            }
            for unit in c.encode_utf16(&mut units) {
                write!(all, "\\u{unit:04x}").unwrap();
            }
            all
        })
    };
    let mut text = format!("<s>system\n{}</s>\n", request.settings.system);
    for tool in &*request.settings.tools {
        let name = tool.id.model_name();
        write!(text, "function {name}\n{}\n{}\n", tool.description, escaped(&tool.input_schema)).unwrap();
    }
    for message in request.dialogue.iter() {
        match message {
            ChatMessage::User { text: said } => write!(text, "<s>user\n{said}</s>\n").unwrap(),
            ChatMessage::Assistant { text: said, tool_calls } => {
                write!(text, "<s>model\n{said}").unwrap();
                for call in tool_calls {
                    write!(text, "<call>{} {} {}</call>", call.call_id, call.tool, escaped(&call.arguments)).unwrap();
                }
                text.push_str("</s>\n");
            }
            ChatMessage::Tool { call_id, tool, text: said, is_error } => {
                let error = if *is_error { "error: " } else { "" };
                write!(text, "<s>tool {call_id} {tool}\n{error}{said}</s>\n").unwrap();
            }
        }
    }
    text
}

proptest! {
    #[test]
    fn no_prompt_has_more_bytes_than_the_bound_has_tokens(system: String, dialogue in messages(), tools in tools()) {
        let request = request(system, dialogue, tools);
        let bound = upper_bound(&request);
        prop_assert!(rendered(&request).len() as u64 <= bound.input);
        prop_assert_eq!(bound.output, 77);
    }

    #[test]
    fn more_dialogue_never_lowers_it(dialogue in messages(), more in messages()) {
        let before = upper_bound(&request(String::new(), dialogue.clone(), vec![]));
        let after = upper_bound(&request(String::new(), [dialogue, more].concat(), vec![]));
        prop_assert!(before.input <= after.input);
    }
}

//! From a server's definitions of its tools to ours.

use super::RemoteOptions;
use crate::schema;
use caxton_mcp::client::Tool;
use caxton_types::{ToolAnnotations, ToolDefinition, ToolId, ToolPolicy, one_line};
use std::collections::BTreeMap;

/// The longest description that models are shown; what a server says beyond is cut.
const DESCRIPTION_LEN_MAX: usize = 4096;
/// What is told of a tool that cannot be used: of its name, and of the reason.
const NAME_LEN_MAX: usize = 128;
const REASON_LEN_MAX: usize = 500;

/// The tools of a server, as agents see them.
#[derive(Debug, Default)]
pub(super) struct Defined {
    pub(super) tools: Vec<ToolDefinition>,
    /// What the server itself calls each of them.
    pub(super) names: BTreeMap<ToolId, Box<str>>,
    /// Those that cannot be used, with the reason.
    pub(super) left_out: Vec<(Box<str>, String)>,
}

/// One tool that cannot be used takes no other away.
pub(super) fn define(tools: Vec<Tool>, options: &RemoteOptions) -> Defined {
    let mut defined = Defined::default();
    for tool in tools {
        let wire: Box<str> = tool.name.as_str().into();
        let reason = match definition(tool, options) {
            Ok(tool) if defined.names.contains_key(&tool.id) => format!("another tool is named `{}` already", tool.id),
            Ok(tool) => {
                defined.names.insert(tool.id.clone(), wire);
                defined.tools.push(tool);
                continue;
            }
            Err(reason) => reason,
        };
        // Both are told to people, and either may quote the server.
        defined.left_out.push((one_line(&wire, NAME_LEN_MAX).into(), one_line(&reason, REASON_LEN_MAX)));
    }
    defined
}

fn definition(tool: Tool, options: &RemoteOptions) -> Result<ToolDefinition, String> {
    let id = ToolId::new(&options.server.name, &plain(&tool.name)).map_err(|error| error.to_string())?;
    schema::compile(&tool.input_schema).map_err(|reason| format!("its input schema is not usable: {reason}"))?;
    let mut description = tool.description;
    if let Some(title) = tool.title.filter(|title| !title.is_empty() && !description.starts_with(title.as_str())) {
        description = if description.is_empty() { title } else { format!("{title}: {description}") };
    }
    if let Some((end, _)) = description.char_indices().nth(DESCRIPTION_LEN_MAX) {
        description.truncate(end);
    }
    Ok(ToolDefinition {
        id,
        description,
        input_schema: tool.input_schema,
        output_schema: tool.output_schema,
        annotations: if options.hints_trusted { tool.annotations } else { ToolAnnotations::default() },
        policy: ToolPolicy::default(),
        digest: Some(tool.digest),
    })
}

/// A name that tool ids and models can have: `fs.read file` becomes `fs-read-file`.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' };
        // Two in a row part a server from its tool in the names that models see.
        if !(c == '_' && plain.ends_with('_')) {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_mcp::client::{Options, Place, Url};
    use caxton_types::Digest;
    use serde_json::{Value, json};

    fn tool(name: &str, schema: Value) -> Tool {
        Tool {
            name: name.into(),
            title: Some("Title".into()),
            description: "does it".into(),
            input_schema: schema,
            output_schema: None,
            annotations: ToolAnnotations { read_only_hint: true, ..ToolAnnotations::default() },
            digest: Digest::of(name.as_bytes()),
        }
    }

    #[test]
    fn a_tool_that_cannot_be_used_is_left_out_with_the_reason() {
        let place = Place::Url(Url { url: "http://localhost".into(), headers: vec![], bearer: None });
        let mut options = RemoteOptions::new(Options::new("web", place));
        let object = || json!({"type": "object"});
        let long = "x".repeat(80);
        let tools = vec![
            tool("fs.read file", object()),
            tool("a__b", object()),
            tool("fs-read-file", object()),
            tool("bad", json!({"type": 7})),
            tool(&long, object()),
            tool("1st", object()),
        ];
        let defined = define(tools.clone(), &options);
        let ids: Vec<_> = defined.tools.iter().map(|tool| tool.id.to_string()).collect();
        assert_eq!(ids, ["web/fs-read-file", "web/a_b"]);
        assert_eq!(&*defined.names[&defined.tools[0].id], "fs.read file");
        assert_eq!(defined.tools[0].description, "Title: does it");
        assert!(defined.tools[0].annotations.read_only_hint);
        let left_out: Vec<_> = defined.left_out.iter().map(|(name, _)| &**name).collect();
        assert_eq!(left_out, ["fs-read-file", "bad", long.as_str(), "1st"]);
        options.hints_trusted = false;
        assert!(!define(tools, &options).tools[0].annotations.read_only_hint);
    }
}

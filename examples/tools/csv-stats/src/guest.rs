//! The component: `caxton:tool/tools` over [`crate::tools`].
#![allow(unsafe_code, reason = "the generated bindings of the component ABI")]

use std::path::Path;

use crate::tools;

wit_bindgen::generate!({ path: "../../../sdk/wit/caxton-tool.wit", world: "tool-server" });

use exports::caxton::tool::tools::{Guest, Tool, ToolError};

struct Server;

impl Guest for Server {
    fn list_tools() -> Vec<Tool> {
        let tools = tools::list().into_iter().map(|tool| Tool {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            input_schema: tool.input_schema.to_owned(),
            options_json: Some(tools::OPTIONS.to_owned()),
        });
        tools.collect()
    }

    fn call_tool(name: String, arguments_json: String) -> Result<String, ToolError> {
        tools::call(Path::new("/attachments"), &name, &arguments_json).map_err(|error| match error {
            tools::Error::UnknownTool(text) => ToolError::UnknownTool(text),
            tools::Error::Invalid(text) => ToolError::InvalidArguments(text),
            tools::Error::Failed(text) => ToolError::Failed(text),
        })
    }
}

export!(Server);

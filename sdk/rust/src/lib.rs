//! A tool server in Rust: a tool is a function with a schema.
//!
//! ```ignore
//! use caxton_tool::{Answer, Arguments, Error, Tool, serve};
//!
//! fn hello(arguments: &Arguments) -> Result<Answer, Error> {
//!     Ok(format!("Hello, {}!", arguments.text("name")?).into())
//! }
//!
//! serve!([Tool::new(
//!     "hello",
//!     "Greets somebody by name.",
//!     r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#,
//!     hello,
//! )]);
//! ```

use std::fmt;

pub use serde_json::{Value, json};

mod answer;
mod arguments;
pub mod host;

pub use self::{answer::Answer, arguments::Arguments};

/// The bindings of the world `caxton:tool/tool-server`; [`serve`] uses them.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::pedantic, reason = "the generated bindings of the component ABI")]
    wit_bindgen::generate!({
        path: "../wit/caxton-tool.wit",
        world: "tool-server",
        pub_export_macro: true,
        default_bindings_module: "caxton_tool::bindings",
        runtime_path: "caxton_tool::wit_bindgen::rt",
    });
}
#[cfg(target_arch = "wasm32")]
extern crate self as caxton_tool;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use wit_bindgen;

/// Why a call did not get an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The arguments do not fit; the text tells a model how to correct them.
    Invalid(String),
    /// The arguments fit, the work could not be done.
    Failed(String),
}

impl Error {
    /// What came in the way of the work.
    pub fn failed(reason: impl fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }
}

type Run = fn(&Arguments) -> Result<Answer, Error>;

/// One tool as a model sees it, and the function behind it.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Unique in its server: 1 to 64 of `a-z A-Z 0-9 _ -`.
    pub name: &'static str,
    /// What it does and when to use it, for a model.
    pub description: &'static str,
    /// JSON Schema of its arguments, an object.
    pub input_schema: &'static str,
    /// A JSON object with what else MCP knows of a tool: `annotations`, `outputSchema`, `title`.
    pub options: Option<&'static str>,
    run: Run,
}

impl Tool {
    /// A tool without options.
    pub const fn new(name: &'static str, description: &'static str, input_schema: &'static str, run: Run) -> Self {
        Self { name, description, input_schema, options: None, run }
    }

    /// The same with options, a JSON object.
    #[must_use]
    pub const fn options(self, options: &'static str) -> Self {
        Self { options: Some(options), ..self }
    }
}

/// Runs one of the tools; the answer is the JSON text of an MCP `CallToolResult`. `None`: there is no such tool.
pub fn call(tools: &[Tool], name: &str, arguments_json: &str) -> Option<Result<String, Error>> {
    let tool = tools.iter().find(|tool| tool.name == name)?;
    Some(Arguments::parse(arguments_json).and_then(|arguments| (tool.run)(&arguments)).map(Answer::into_json))
}

/// Exports tools from the component: `serve!([TOOL, …])`.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! serve {
    ($tools:expr) => {
        struct CaxtonTools;

        impl $crate::bindings::exports::caxton::tool::tools::Guest for CaxtonTools {
            fn list_tools() -> Vec<$crate::bindings::exports::caxton::tool::tools::Tool> {
                let tools = $tools.into_iter().map(|tool: $crate::Tool| $crate::bindings::exports::caxton::tool::tools::Tool {
                    name: tool.name.to_owned(),
                    description: tool.description.to_owned(),
                    input_schema: tool.input_schema.to_owned(),
                    options_json: tool.options.map(str::to_owned),
                });
                tools.collect()
            }

            fn call_tool(name: String, arguments: String) -> Result<String, $crate::bindings::exports::caxton::tool::tools::ToolError> {
                use $crate::bindings::exports::caxton::tool::tools::ToolError;
                match $crate::call(&$tools, &name, &arguments) {
                    None => Err(ToolError::UnknownTool(format!("there is no tool `{name}`"))),
                    Some(Ok(answer)) => Ok(answer),
                    Some(Err($crate::Error::Invalid(text))) => Err(ToolError::InvalidArguments(text)),
                    Some(Err($crate::Error::Failed(text))) => Err(ToolError::Failed(text)),
                }
            }
        }

        $crate::bindings::export!(CaxtonTools with_types_in $crate::bindings);
    };
}

/// Exports nothing: outside of WebAssembly a tool server is a library whose functions can be tested.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! serve {
    ($tools:expr) => {
        const _: &[$crate::Tool] = &$tools;
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(arguments: &Arguments) -> Result<Answer, Error> {
        Ok(format!("Hello, {}!", arguments.text("name")?).into())
    }

    const TOOLS: [Tool; 1] = [Tool::new("hello", "Greets somebody by name.", "{}", hello).options("{}")];
    serve!([TOOLS[0]]);

    #[test]
    fn a_call_finds_its_tool_and_answers_as_mcp_wants_it() {
        let answer = call(&TOOLS, "hello", r#"{"name":"Ada"}"#).unwrap().unwrap();
        assert_eq!(answer, r#"{"content":[{"text":"Hello, Ada!","type":"text"}],"isError":false}"#);
        assert_eq!(call(&TOOLS, "hallo", "{}"), None);
        assert_eq!(call(&TOOLS, "hello", "{}"), Some(Err(Error::Invalid("`name` is missing".to_owned()))));
    }
}

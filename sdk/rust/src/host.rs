//! What a tool may ask of the server: memory and other tools, where its permissions grant that (`permissions.memory`,
//! `permissions.tools`). A component that uses none of this imports none of it.
//!
//! Outside of WebAssembly there is nobody to ask, and every function fails.

use crate::Error;
use serde_json::Value;

#[cfg(target_arch = "wasm32")]
mod imports {
    #![allow(unsafe_code, unreachable_pub, clippy::pedantic, reason = "the generated bindings of the component ABI")]
    wit_bindgen::generate!({
        path: "../wit/caxton-host.wit",
        world: "host",
        runtime_path: "caxton_tool::wit_bindgen::rt",
    });
}
#[cfg(target_arch = "wasm32")]
use self::imports::caxton::host::{memory, tools};

/// Searches the scopes of memory that are granted. What is found is a list of objects with `about`, `text`, `scope` and `at`,
/// the best first.
pub fn recall(query: &str, limit: u32) -> Result<Value, Error> {
    memory::recall(query, limit).map_err(Error::Failed).and_then(|json| read(&json))
}

/// Remembers a text in a scope that is granted for writing: `agent` or `workspace`.
pub fn remember(text: &str, scope: &str) -> Result<(), Error> {
    memory::remember(text, scope).map_err(Error::Failed)
}

/// Calls another tool by its whole name, `server/tool`, with an object of arguments. The answer is an MCP `CallToolResult`; look
/// at its `isError`.
pub fn call_tool(name: &str, arguments: &Value) -> Result<Value, Error> {
    tools::call_tool(name, &arguments.to_string()).map_err(Error::Failed).and_then(|json| read(&json))
}

fn read(json: &str) -> Result<Value, Error> {
    serde_json::from_str(json).map_err(|error| Error::Failed(format!("the server answered what is no JSON: {error}")))
}

#[cfg(not(target_arch = "wasm32"))]
mod nobody {
    pub(super) fn answers<T>() -> Result<T, String> {
        Err("outside of WebAssembly there is nobody to ask".to_owned())
    }
}
#[cfg(not(target_arch = "wasm32"))]
mod memory {
    use super::nobody::answers;

    pub(super) fn recall(_: &str, _: u32) -> Result<String, String> {
        answers()
    }

    pub(super) fn remember(_: &str, _: &str) -> Result<(), String> {
        answers()
    }
}
#[cfg(not(target_arch = "wasm32"))]
mod tools {
    pub(super) fn call_tool(_: &str, _: &str) -> Result<String, String> {
        super::nobody::answers()
    }
}

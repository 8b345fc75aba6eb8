//! Tool servers that were core modules: calls and answers as JSON in their memory.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};
use wasmtime::{
    Store,
    component::{ComponentExportIndex, Instance, InstancePre},
};

use crate::{
    bindings::{Tool, ToolError},
    host::Host,
    wrap::{CALLS, HANDLE, TOOLS},
};

/// The name of the one tool of a module that does not list its tools.
const ONLY: &str = "call";

/// A module behind the shim.
pub(crate) struct Module {
    pre: InstancePre<Host>,
    handle: ComponentExportIndex,
    tools: Option<ComponentExportIndex>,
}

/// One of the tools that a module lists, as MCP writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    #[serde(default)]
    description: String,
    input_schema: Option<Map<String, Value>>,
    /// What else MCP knows of a tool.
    #[serde(flatten)]
    options: Map<String, Value>,
}

/// A code, 0 where all is well, and a response.
type Answer = ((i32, String),);

impl Module {
    /// The component as a wrapped module, if it is one.
    pub(crate) fn of(pre: &InstancePre<Host>) -> Option<Self> {
        let code = pre.component();
        let calls = code.get_export_index(None, CALLS)?;
        let handle = code.get_export_index(Some(&calls), HANDLE)?;
        Some(Self { pre: pre.clone(), handle, tools: code.get_export_index(Some(&calls), TOOLS) })
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<Instance> {
        self.pre.instantiate_async(store).await
    }

    pub(crate) async fn tools(&self, instance: &Instance, store: &mut Store<Host>) -> wasmtime::Result<Vec<Tool>> {
        let Some(tools) = self.tools else {
            let description = "Calls the one tool of this server.".to_owned();
            let input_schema = json!({"type": "object"}).to_string();
            return Ok(vec![Tool { name: ONLY.to_owned(), description, input_schema, options_json: None }]);
        };
        let function = instance.get_typed_func::<(), Answer>(&mut *store, tools)?;
        let ((code, response),) = function.call_async(store, ()).await?;
        if code != 0 {
            return Err(wasmtime::format_err!("`list_tools` failed with code {code}: {response}"));
        }
        let listed: Vec<Listed> = serde_json::from_str(&response)
            .map_err(|error| wasmtime::format_err!("the response of `list_tools` is no JSON array of tools: {error}"))?;
        Ok(listed.into_iter().map(Listed::into_tool).collect())
    }

    /// Hands over `{"name": …, "arguments": …}`; any JSON comes back.
    pub(crate) async fn call(
        &self,
        instance: &Instance,
        store: &mut Store<Host>,
        tool: &str,
        arguments_json: &str,
        idempotency_key: Option<&str>,
    ) -> wasmtime::Result<Result<String, ToolError>> {
        if let Err(error) = serde_json::from_str::<IgnoredAny>(arguments_json) {
            return Ok(Err(ToolError::InvalidArguments(format!("the arguments are not JSON: {error}"))));
        }
        let key = idempotency_key.map_or_else(String::new, |key| format!(r#","idempotency_key":{}"#, Value::from(key)));
        let call = format!(r#"{{"name":{},"arguments":{arguments_json}{key}}}"#, Value::from(tool));
        let function = instance.get_typed_func::<(&str,), Answer>(&mut *store, self.handle)?;
        let ((code, response),) = function.call_async(store, (&call,)).await?;
        if code != 0 {
            let told = if response.is_empty() { String::new() } else { format!(": {response}") };
            return Ok(Err(ToolError::Failed(format!("the tool failed with code {code}{told}"))));
        }
        Ok(match serde_json::from_str::<Value>(&response) {
            Ok(value) => Ok(result(response, &value)),
            Err(error) => Err(ToolError::Failed(format!("the tool's response is not JSON: {error}"))),
        })
    }
}

/// The response as an MCP `CallToolResult`, which it may be already.
fn result(response: String, value: &Value) -> String {
    if value.get("content").is_some_and(Value::is_array) {
        return response;
    }
    let text = value.as_str().unwrap_or(&response);
    let mut result = json!({"content": [{"type": "text", "text": text}]});
    if let (Some(fields), Value::Object(_)) = (result.as_object_mut(), value) {
        fields.insert("structuredContent".to_owned(), value.clone());
    }
    result.to_string()
}

impl Listed {
    fn into_tool(self) -> Tool {
        let Self { name, description, input_schema, options } = self;
        let input_schema = input_schema.map_or_else(|| json!({"type": "object"}), Value::Object).to_string();
        let options_json = (!options.is_empty()).then(|| Value::Object(options).to_string());
        Tool { name, description, input_schema, options_json }
    }
}

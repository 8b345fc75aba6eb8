//! Components of any world as tool servers: each plain function that is exported is a tool, its types the schema.
//!
//! Names, schemas and values are made from the component's own types; it needs to know nothing of us.

mod names;
mod read;
mod schema;
mod shape;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;

use serde_json::{Value, json};
use tracing::info;
use wasmtime::{
    Engine, Store,
    component::{Component as Code, ComponentExportIndex, Instance, InstancePre, Val, types::ComponentFunc, types::ComponentItem},
};

use self::{
    names::Path,
    shape::{Budget, Shape},
};
use crate::{
    bindings::{Tool, ToolError},
    host::Host,
    load::TEXT_LEN_MAX,
};

/// What holds a result that is no record, as structured content is always an object.
const RESULT: &str = "result";
/// What holds the error of a function that has failed.
const ERROR: &str = "error";

/// A component and those of its functions that are tools.
pub(crate) struct Reflected {
    pre: InstancePre<Host>,
    functions: HashMap<Box<str>, Function>,
}

struct Function {
    path: Path,
    index: ComponentExportIndex,
    params: Vec<(Box<str>, Shape)>,
    result: Option<Shape>,
}

impl Reflected {
    /// The component as a tool server; none if none of its functions can be a tool. `hidden` are exports that are no
    /// offer to anybody.
    pub(crate) fn of(name: &str, pre: InstancePre<Host>, hidden: impl Fn(&str) -> bool) -> Option<Self> {
        let mut functions = Vec::new();
        for (path, ty, index) in exported(pre.engine(), pre.component(), hidden) {
            match Function::of(path.clone(), &ty, index) {
                Ok(function) => functions.push(function),
                Err(reason) => info!(component = name, function = %path, reason, "a function is not offered as a tool"),
            }
        }
        let paths: Vec<Path> = functions.iter().map(|function| function.path.clone()).collect();
        let functions: HashMap<Box<str>, Function> = names::of(&paths).into_iter().map(Into::into).zip(functions).collect();
        (!functions.is_empty()).then_some(Self { pre, functions })
    }

    pub(crate) fn tools(&self) -> Vec<Tool> {
        let mut tools: Vec<Tool> = self.functions.iter().map(|(name, function)| function.tool(name)).collect();
        tools.sort_by(|left, right| left.name.cmp(&right.name));
        tools
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<Instance> {
        self.pre.instantiate_async(store).await
    }

    /// Calls a function; what it returns becomes the JSON of an MCP `CallToolResult`.
    pub(crate) async fn call(
        &self,
        instance: &Instance,
        store: &mut Store<Host>,
        tool: &str,
        arguments_json: &str,
    ) -> wasmtime::Result<Result<String, ToolError>> {
        let Some(function) = self.functions.get(tool) else {
            return Ok(Err(ToolError::UnknownTool(format!("there is no tool `{tool}`"))));
        };
        let arguments = match read::arguments(&function.params, arguments_json) {
            Ok(arguments) => arguments,
            Err(reason) => return Ok(Err(ToolError::InvalidArguments(reason))),
        };
        let Some(callee) = instance.get_func(&mut *store, function.index) else {
            return Err(wasmtime::format_err!("the export `{}` is gone", function.path));
        };
        let mut results: Vec<Val> = function.result.iter().map(|_| Val::Bool(false)).collect();
        callee.call_async(store, &arguments, &mut results).await?;
        Ok(Ok(answer(function.result.as_ref(), results.first())?))
    }
}

/// The functions at the root and in the interfaces that a component exports.
fn exported(engine: &Engine, code: &Code, hidden: impl Fn(&str) -> bool) -> Vec<(Path, ComponentFunc, ComponentExportIndex)> {
    let mut functions = Vec::new();
    let mut add = |interface: Option<(&str, &ComponentExportIndex)>, name: &str, ty: ComponentFunc| {
        if let Some(index) = code.get_export_index(interface.map(|(_, index)| index), name) {
            functions.push((Path { interface: interface.map(|(name, _)| name.into()), function: name.into() }, ty, index));
        }
    };
    let ty = code.component_type();
    for (name, export) in ty.exports(engine).filter(|(name, _)| !hidden(name)) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => add(None, name, ty),
            ComponentItem::ComponentInstance(interface) => {
                let Some(index) = code.get_export_index(None, name) else { continue };
                for (function, export) in interface.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = export.ty {
                        add(Some((name, &index)), function, ty);
                    }
                }
            }
            // Types, resources and code are no functions.
            _ => {}
        }
    }
    functions
}

impl Function {
    fn of(path: Path, ty: &ComponentFunc, index: ComponentExportIndex) -> Result<Self, &'static str> {
        if path.function.starts_with('[') {
            return Err("it belongs to a resource");
        }
        if ty.async_() {
            return Err("it is asynchronous");
        }
        let mut budget = Budget::default();
        let params = ty.params().map(|(name, ty)| Ok((name.into(), Shape::of(&ty, &mut budget)?)));
        let params = params.collect::<Result<_, &'static str>>()?;
        let result = ty.results().next().map(|ty| Shape::of(&ty, &mut budget)).transpose()?;
        let function = Self { path, index, params, result };
        let tool = function.tool("");
        if tool.input_schema.len().max(tool.options_json.as_ref().map_or(0, String::len)) > TEXT_LEN_MAX {
            return Err("its schema is too long");
        }
        Ok(function)
    }

    fn tool(&self, name: &str) -> Tool {
        let Path { interface, function } = &self.path;
        let description = match interface {
            None => format!("Calls `{function}`."),
            Some(interface) => format!("Calls `{function}` of `{interface}`."),
        };
        let output_schema = schema::of_result(self.result.as_ref());
        Tool {
            name: name.to_owned(),
            description,
            input_schema: schema::of_arguments(&self.params).to_string(),
            options_json: output_schema.map(|schema| json!({"outputSchema": schema}).to_string()),
        }
    }
}

/// The JSON of an MCP `CallToolResult` that says what a function has returned.
fn answer(result: Option<&Shape>, returned: Option<&Val>) -> Result<String, write::OtherType> {
    let (shape, val, failed) = match (result, returned) {
        (Some(Shape::Result(ok, failure)), Some(Val::Result(result))) => match result {
            Ok(val) => (ok.as_deref(), val.as_deref(), false),
            Err(val) => (failure.as_deref(), val.as_deref(), true),
        },
        (shape, val) => (shape, val, false),
    };
    let value = write::payload(shape, val)?;
    let structured = match (shape, failed) {
        (_, true) => Some(json!({ERROR: value})),
        (None, false) => None,
        (Some(Shape::Record(_)), false) => Some(value.clone()),
        (Some(_), false) => Some(json!({RESULT: value})),
    };
    let text = match (shape, value) {
        (None, _) => (if failed { "failed" } else { "done" }).to_owned(),
        (_, Value::String(text)) => text,
        (_, value) => value.to_string(),
    };
    let mut answer = json!({"content": [{"type": "text", "text": text}]});
    if let Some(fields) = answer.as_object_mut() {
        fields.extend(structured.map(|structured| ("structuredContent".to_owned(), structured)));
        if failed {
            fields.insert("isError".to_owned(), Value::Bool(true));
        }
    }
    Ok(answer.to_string())
}

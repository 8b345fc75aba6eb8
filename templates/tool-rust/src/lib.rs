use caxton_tool::{Answer, Arguments, Error, Tool, serve};

fn hello(arguments: &Arguments) -> Result<Answer, Error> {
    Ok(format!("Hello, {}!", arguments.text("name")?).into())
}

serve!([Tool::new(
    "hello",
    "Greets somebody by name.",
    r#"{
        "type": "object",
        "properties": {"name": {"type": "string", "description": "Who is greeted"}},
        "required": ["name"],
        "additionalProperties": false
    }"#,
    hello,
)
.options(r#"{"annotations": {"readOnlyHint": true}}"#)]);

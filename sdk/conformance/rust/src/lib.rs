//! What every SDK must do, in Rust: the guest of the conformance table.

use caxton_tool::{Answer, Arguments, Error, Tool, serve};
use std::{env, fs, hint};

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn sock_accept(descriptor: u32, flags: u32, accepted: *mut u32) -> u16;
}

const NOTHING: &str = r#"{"type":"object","properties":{},"additionalProperties":false}"#;

macro_rules! text {
    ($name:literal) => {
        concat!(
            r#"{"type":"object","properties":{""#,
            $name,
            r#"":{"type":"string"}},"required":[""#,
            $name,
            r#""],"additionalProperties":false}"#
        )
    };
}

fn hello(arguments: &Arguments) -> Result<Answer, Error> {
    Ok(format!("Hello, {}!", arguments.text("name")?).into())
}

fn echo(arguments: &Arguments) -> Result<Answer, Error> {
    Ok(arguments.text("text")?.into())
}

fn fail(arguments: &Arguments) -> Result<Answer, Error> {
    Err(match arguments.text("kind")? {
        "invalid" => Error::Invalid("as asked: invalid".to_owned()),
        _ => Error::failed("as asked: failed"),
    })
}

fn big(arguments: &Arguments) -> Result<Answer, Error> {
    let kib = usize::try_from(arguments.integer("kib")?).map_err(Error::failed)?;
    Ok("x".repeat(kib << 10).into())
}

fn spin(_: &Arguments) -> Result<Answer, Error> {
    loop {
        hint::spin_loop();
    }
}

#[expect(clippy::panic, reason = "that is what it is for")]
fn trap(_: &Arguments) -> Result<Answer, Error> {
    panic!("a defect of the tool")
}

fn read(arguments: &Arguments) -> Result<Answer, Error> {
    fs::read_to_string(arguments.text("path")?).map(Answer::from).map_err(refused)
}

fn environment(arguments: &Arguments) -> Result<Answer, Error> {
    env::var(arguments.text("name")?).map(Answer::from).map_err(refused)
}

/// WASI's first version cannot make a connection, only take one that it was handed: none of its descriptors may be one. (The
/// sockets of `std` want a younger wasi-libc than Debian's.)
fn connect(_: &Arguments) -> Result<Answer, Error> {
    let mut accepted = 0;
    // SAFETY: it writes a number to where `accepted` is, and nothing else.
    if (0..64).any(|descriptor| unsafe { sock_accept(descriptor, 0, &raw mut accepted) } == 0) {
        return Ok("connected".into());
    }
    Err(refused("no descriptor is a socket"))
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::failed(format!("refused: {error}"))
}

serve!([
    Tool::new("hello", "Greets somebody by name.", text!("name"), hello).options(r#"{"annotations":{"readOnlyHint":true}}"#),
    Tool::new("echo", "Says what it is told.", text!("text"), echo),
    Tool::new("fail", "Fails in the way it is asked to.", text!("kind"), fail),
    Tool::new(
        "big",
        "Answers at length.",
        r#"{"type":"object","properties":{"kib":{"type":"integer"}},"required":["kib"],"additionalProperties":false}"#,
        big
    ),
    Tool::new("spin", "Never ends.", NOTHING, spin),
    Tool::new("trap", "Crashes.", NOTHING, trap),
    Tool::new("read", "Reads a file.", text!("path"), read),
    Tool::new("env", "Reads a variable of the environment.", text!("name"), environment),
    Tool::new("connect", "Connects to an address.", text!("address"), connect),
]);

//! `caxton tool …`: what there is to call, and calling it without an agent.

mod changed;

use crate::{
    args::{ToolCall, ToolCommand},
    ask::attach,
    console::{BAD, CARE, Console, FAINT, GOOD, NAME, STRONG},
    error::{Error, Result},
    session::{Session, explained},
    suite,
    table::Table,
    tool_import,
};
use caxton_api::{AttachmentRef, CallTool, ToolCalled, ToolDetail, ToolLimits, ToolState, ToolSummary};
use caxton_client::Client;
use caxton_types::{Attachment, Code, one_line, printable, unit::ByteSize};
use serde_json::{Map, Value};
use std::{fs, io::Read as _, path::Path, time::Duration};

/// The most arguments that are read from a file.
const ARGUMENTS_LEN_MAX: ByteSize = ByteSize::mib(1);
/// What is shown of one argument, in characters.
const ARGUMENT_LEN_MAX: usize = 500;

pub(crate) async fn run(command: &ToolCommand, session: &Session) -> Result<()> {
    match command {
        ToolCommand::List => list(session).await,
        ToolCommand::Inspect { name } => inspect(name, session).await,
        ToolCommand::Accept { name, digest } => changed::accept(name, *digest, session).await,
        ToolCommand::Call(args) => call(args, session).await,
        ToolCommand::Test { name } => suite::tools::run(name.as_deref(), session).await,
        ToolCommand::Import(args) => tool_import::run(args, session),
    }
}

async fn list(session: &Session) -> Result<()> {
    let console = session.console();
    let tools = session.client()?.tools().await.map_err(explained)?;
    if console.json {
        return console.value(&tools);
    }
    let mut table = Table::new(["TOOL", "KIND", "STATE", "CALLS", "ERRORS", "DENIED", "P50", "P99", "GRANTED"]);
    for tool in &tools {
        table.row([
            tool.id.clone(),
            tool.kind.as_str().replace('_', "-"),
            if tool.changed { format!("{}, changed", tool.state.as_str()) } else { tool.state.as_str().to_owned() },
            tool.calls.to_string(),
            tool.errors.to_string(),
            tool.denials.to_string(),
            time(tool.p50_us),
            time(tool.p99_us),
            tool.grants.join("; "),
        ]);
    }
    table.print(console)?;
    for warning in warnings(&tools).into_iter().chain(changed::warnings(&tools)) {
        console.warn(warning);
    }
    console.note("next: caxton tool inspect NAME");
    Ok(())
}

/// Why tools take no calls; said once for those of one server that share the reason.
fn warnings(tools: &[ToolSummary]) -> Vec<String> {
    let unready: Vec<&ToolSummary> = tools.iter().filter(|tool| tool.state != ToolState::Ready).collect();
    let alike = |a: &&ToolSummary, b: &&ToolSummary| server(a) == server(b) && (a.state, &a.reason) == (b.state, &b.reason);
    let warning = |tools: &[&ToolSummary]| {
        let first = tools.first()?;
        let subject = if tools.len() == 1 { first.id.clone() } else { format!("{} with its {} tools", server(first), tools.len()) };
        Some(format!("{subject} is {}: {}", first.state.as_str(), printable(first.reason.as_deref().unwrap_or("nobody knows why"))))
    };
    unready.chunk_by(alike).filter_map(warning).collect()
}

fn server(tool: &ToolSummary) -> &str {
    tool.id.split_once('/').map_or(tool.id.as_str(), |(server, _)| server)
}

/// `12 ms`, and nothing where there was no call.
fn time(us: Option<u64>) -> String {
    us.map_or_else(|| "–".to_owned(), took)
}

/// In a unit that leaves few digits.
fn took(us: u64) -> String {
    let time = Duration::from_micros(us);
    match us {
        0..1000 => format!("{us} µs"),
        1000..10_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

async fn inspect(name: &str, session: &Session) -> Result<()> {
    let console = session.console();
    let detail = session.client()?.tool(name).await.map_err(explained)?;
    if console.json {
        return console.value(&detail);
    }
    let ToolDetail { tool, .. } = &detail;
    let painter = console.painter();
    let state = painter.paint(if tool.state == ToolState::Ready { GOOD } else { CARE }, tool.state.as_str());
    console.line(format_args!("{} {} {state}", painter.paint(STRONG, &tool.id), tool.kind.as_str().replace('_', "-")))?;
    // Where it is refused for that, the reason begins with all of this.
    let said = "it is not what was first seen of it";
    if tool.changed && !tool.reason.iter().any(|reason| reason.starts_with(said)) {
        let text = format!("{said}; `caxton tool accept {}` takes it as it is", tool.id);
        console.line(painter.paint(CARE, text))?;
    }
    tool.reason.iter().try_for_each(|reason| console.line(printable(reason)))?;
    // Apart from what is ours: it may imitate that.
    printable(&tool.description).lines().try_for_each(|line| console.line(format_args!("  {line}")))?;
    for (key, value) in facts(&detail) {
        console.line(format_args!("{}: {value}", painter.paint(FAINT, key)))?;
    }
    console.line(format_args!("{}:", painter.paint(FAINT, "arguments")))?;
    arguments(&detail.input_schema).iter().try_for_each(|line| console.line(format_args!("  {}", one_line(line, ARGUMENT_LEN_MAX))))?;
    changed::show(&detail, console)?;
    let name = painter.paint(NAME, &tool.id);
    console.note(match detail.digest.filter(|_| tool.changed) {
        Some(digest) => format!("next: caxton tool accept {name} --digest {digest}"),
        None => format!("next: caxton tool call {name} --args '{{…}}'"),
    });
    Ok(())
}

fn facts(detail: &ToolDetail) -> Vec<(&'static str, String)> {
    let ToolSummary { calls, errors, denials, p50_us, p99_us, grants, .. } = &detail.tool;
    let mut facts = vec![("after a stop", detail.execution.replace('_', " "))];
    facts.push(("approval", if detail.needs_approval { "needed for every call" } else { "not needed" }.to_owned()));
    if let Some(limits) = &detail.limits {
        facts.extend(bounds(limits));
        facts.push(("granted", if grants.is_empty() { "nothing".to_owned() } else { grants.join("; ") }));
    }
    facts.extend(detail.digest.map(|digest| ("digest", digest.to_string())));
    facts.push(("calls", format!("{calls}, {errors} with an error, {denials} denied, {} under way", detail.stats.running)));
    if calls > &0 {
        facts.push(("time", format!("{} for half of them, {} for 99 of 100", time(*p50_us), time(*p99_us))));
    }
    facts.extend(detail.stats.memory_peak.map(|peak| ("memory", format!("{} KiB at most", peak.div_ceil(1024)))));
    facts.extend(
        detail.stats.last_error.as_ref().map(|error| ("last error", format!("{} {}: {}", error.at, error.code, printable(&error.reason)))),
    );
    facts
}

/// What one call may use.
fn bounds(limits: &ToolLimits) -> [(&'static str, String); 4] {
    let [memory, result, handed, printed, disk, egress, ingress] =
        [limits.memory, limits.result_size, limits.host_call_size, limits.printed_size, limits.disk, limits.egress, limits.ingress]
            .map(ByteSize::new);
    let attachments = if limits.attachments { "reads attachments" } else { "does not see attachments" };
    let reuse = if limits.reuse { ", keeps instances" } else { "" };
    [
        ("limits", format!("{memory} of memory, {} ms, {} ms of them computing, {attachments}{reuse}", limits.timeout_ms, limits.cpu_ms)),
        ("output", format!("{result} of result, {handed} handed to the host at once, {printed} printed")),
        ("files", format!("{} open, {disk} written", limits.open_files)),
        ("network", format!("{} requests, {egress} sent, {ingress} received", limits.requests)),
    ]
}

/// The properties of a schema, one on each line.
fn arguments(schema: &Value) -> Vec<String> {
    let required: Vec<&str> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let line = |(name, property): (&String, &Value)| {
        let kind = property.get("type").map_or_else(|| "any".to_owned(), |kind| kind.as_str().map_or_else(|| kind.to_string(), Into::into));
        let choices = property.get("enum").and_then(Value::as_array);
        let kind = choices.map_or(kind, |choices| choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
        let needed = if required.contains(&name.as_str()) { "" } else { ", optional" };
        let about = property.get("description").and_then(Value::as_str).map_or_else(String::new, |about| format!("  {about}"));
        format!("{name} ({kind}{needed}){about}")
    };
    let lines: Vec<String> = properties.into_iter().flatten().map(line).collect();
    if lines.is_empty() { vec!["none".to_owned()] } else { lines }
}

/// The error of a call, with where to look if the arguments do not fit.
fn unfit(error: Error, tool: &str) -> Error {
    if error.code() == Some(Code::Invalid) { error.hint(format!("`caxton tool inspect {tool}` shows what it takes")) } else { error }
}

async fn call(args: &ToolCall, session: &Session) -> Result<()> {
    let (console, client) = (session.console(), session.client()?);
    let arguments = parsed(&args.args, session.here())?;
    let attachments = attach(&args.attach, session.here(), &client, console).await?;
    let call = CallTool { arguments, attachments, approve: args.approve };
    let given = {
        let _busy = console.busy(format!("calling {}", args.name));
        let given = client.call_tool(&args.name, &call).await;
        given.map_err(|error| unfit(explained(error), &args.name))?
    };
    if let Some(dir) = &args.output {
        let dir = session.here().join(dir);
        for file in &given.files {
            save(file, &dir, &client).await?;
        }
    }
    if console.json {
        console.value(&given)?;
    } else {
        tell(&given, args.output.as_deref(), console)?;
    }
    if given.is_error { Err(Error::BadNews(Code::Internal)) } else { Ok(()) }
}

fn tell(given: &ToolCalled, output: Option<&Path>, console: &Console) -> Result<()> {
    if given.is_error {
        console.note(console.note_painter().paint(BAD, format_args!("{} reports an error:", given.tool)));
    }
    console.line(given.text.trim_end())?;
    for file in &given.files {
        match output {
            Some(dir) => console.line(format_args!("file: {}", dir.join(&*file.name).display()))?,
            None => console.line(format_args!("file: {} {}", file.name, file.digest))?,
        }
    }
    let memory = given.memory_peak.map_or_else(String::new, |peak| format!(", {} KiB of memory", peak.div_ceil(1024)));
    let cpu = given.cpu_us.map_or_else(String::new, |cpu| format!(", {} of processor time", took(cpu)));
    console.note(format_args!("took {}{memory}{cpu}", took(given.wall_us)));
    Ok(())
}

async fn save(file: &AttachmentRef, dir: &Path, client: &Client) -> Result<()> {
    // What a server answers does not decide where files lie.
    if !Attachment::is_valid_name(&file.name) {
        return Err(Error::new(Code::Unavailable, "the server names a file in a way that no file is named"));
    }
    let bytes = client.blob(file.digest).await.map_err(explained)?;
    fs::create_dir_all(dir).map_err(|error| Error::io(format_args!("make `{}`", dir.display()), &error))?;
    let path = dir.join(&*file.name);
    fs::write(&path, bytes).map_err(|error| Error::io(format_args!("write `{}`", path.display()), &error))
}

/// Arguments as they are typed: JSON, or a file that holds it.
fn parsed(text: &str, here: &Path) -> Result<Map<String, Value>> {
    let (text, from) = match text.strip_prefix('@') {
        None => (text.to_owned(), "`--args`".to_owned()),
        Some("-") => (read(std::io::stdin().lock(), "standard input", None)?, "standard input".to_owned()),
        Some(path) => {
            let failed = |error| Error::io(format_args!("read `{path}`"), &error);
            let file = fs::File::open(here.join(path)).map_err(failed)?;
            let len = file.metadata().map_err(failed)?.len();
            let from = format!("`{path}`");
            (read(file, &from, Some(len))?, from)
        }
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => {
            Err(Error::invalid(format!("{from} is JSON, and no object")).hint("arguments are named, as in '{\"file\": \"zones.csv\"}'"))
        }
        Err(error) => Err(Error::invalid(format!("{from} is not JSON: {error}"))
            .hint("quote it for the shell, as in '{\"file\": \"zones.csv\"}', or name a file with `@FILE`")),
    }
}

fn read(from: impl std::io::Read, what: &str, len: Option<u64>) -> Result<String> {
    let (mut text, len_max) = (Vec::new(), ARGUMENTS_LEN_MAX.get());
    let read = from.take(len_max + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io(format_args!("read {what}"), &error))?;
    if text.len() as u64 > len_max {
        let has = len.filter(|len| *len > len_max).map_or_else(|| format!("more than {len_max}"), |len| len.to_string());
        return Err(Error::new(Code::TooLarge, format!("{what} has {has} bytes; arguments may have {ARGUMENTS_LEN_MAX} at most"))
            .hint("hand large content over as a file with `--attach FILE`"));
    }
    String::from_utf8(text).map_err(|error| {
        Error::invalid(format!("{what} is not UTF-8 (byte {})", error.utf8_error().valid_up_to() + 1))
            .hint("save it as UTF-8 and try again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_have_few_digits() {
        let shown = [Some(7), Some(1234), Some(56_789), Some(2_345_678), None].map(time);
        assert_eq!(shown, ["7 µs", "1.2 ms", "56 ms", "2.3 s", "–"]);
    }

    #[test]
    fn a_schema_is_shown_property_by_property() {
        let schema = json!({
            "type": "object", "required": ["file"],
            "properties": {"file": {"type": "string", "description": "its name"}, "how": {"enum": ["sum", "max"]}}
        });
        assert_eq!(arguments(&schema), ["file (string)  its name", "how (\"sum\" | \"max\", optional)"]);
        assert_eq!(arguments(&json!(true)), ["none"]);
    }

    #[test]
    fn what_takes_no_calls_is_said_once_for_a_server() {
        let tool = |id: &str, state: ToolState, reason: &str| ToolSummary {
            id: id.into(),
            kind: caxton_api::ToolKind::Remote,
            state,
            reason: Some(reason.into()),
            changed: false,
            description: String::new(),
            grants: vec![],
            calls: 0,
            errors: 0,
            denials: 0,
            p50_us: None,
            p99_us: None,
        };
        let (gone, ready) = (ToolState::Unavailable, ToolState::Ready);
        let tools = [
            tool("a/x", gone, "503"),
            tool("desk/get", gone, "503"),
            tool("desk/put", gone, "503"),
            tool("e/x", ready, ""),
            tool("f", gone, "no"),
        ];
        assert_eq!(warnings(&tools), ["a/x is unavailable: 503", "desk with its 2 tools is unavailable: 503", "f is unavailable: no"]);
    }

    #[test]
    fn arguments_that_are_too_long_are_refused_by_their_size() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("{{\"x\": \"{}\"}}", "x".repeat(1 << 20));
        fs::write(dir.path().join("a.json"), &text).unwrap();
        let error = parsed("@a.json", dir.path()).unwrap_err();
        let said = |error: &Error, what: &str| assert!(error.to_string().contains(what), "{error}");
        said(&error, &format!("`a.json` has {} bytes; arguments may have 1MiB at most", text.len()));
        assert_eq!(error.code(), Some(Code::TooLarge));
        let endless = read(text.as_bytes(), "standard input", None).unwrap_err();
        said(&endless, "standard input has more than 1048576 bytes; arguments may have 1MiB at most");
        fs::write(dir.path().join("b.json"), b"{\"x\": \"\xff\"}").unwrap();
        said(&parsed("@b.json", dir.path()).unwrap_err(), "`b.json` is not UTF-8 (byte 8)");
        let fits = format!("{{\"x\": \"{}\"}}", "x".repeat((1 << 20) - 9));
        fs::write(dir.path().join("c.json"), &fits).unwrap();
        assert!(fits.len() == 1 << 20 && parsed("@c.json", dir.path()).is_ok());
    }

    #[test]
    fn arguments_come_as_json_or_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.json"), "{\"x\": 1}").unwrap();
        for text in ["{\"x\": 1}", "@a.json"] {
            assert_eq!(Value::Object(parsed(text, dir.path()).unwrap()), json!({"x": 1}));
        }
        for (text, expected) in [("[1]", "no object"), ("{x", "is not JSON"), ("@b.json", "cannot read `b.json`")] {
            let error = parsed(text, dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! `caxton tool test`: tools of the workspace called in their sandbox, without a server.

use super::{
    files::{listed, relative},
    judge,
    report::{Report, Verdict},
    stage::{absent, untold},
    wrong,
};
use crate::{
    error::{Error, Result},
    place::{self, Place},
    session::Session,
};
use caxton_config::{
    Diagnostics,
    suite::{ToolCase, parse_tool},
};
use caxton_server::Workbench;
use caxton_tools::{Attachment, CallContext, Called, Heard, Within};
use caxton_types::{Code, Failure, ToolCall, ToolDefinition, WorkspaceName, nearest};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

/// The longest that a case may take, whatever its tool is granted.
const TIME_MAX: Duration = Duration::from_mins(2);

/// The tests of one tool server.
struct Suite {
    server: Arc<str>,
    file: Arc<str>,
    dir: PathBuf,
    cases: Vec<ToolCase>,
}

/// Runs the tests of the tool of this name, or of all that have some.
pub(crate) async fn run(name: Option<&str>, session: &Session) -> Result<()> {
    let began = Instant::now();
    let place = Place::of(None, session.here())?;
    let sources = place.files()?;
    let workspace = place::load(&sources)?;
    let names: Vec<&str> = workspace.tools.iter().map(|tool| &*tool.name).collect();
    if let Some(name) = name.filter(|name| !names.contains(name)) {
        let meant = nearest(name, names.iter().copied()).map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
        return Err(Error::new(Code::NotFound, format!("the workspace has no tool `{name}`"))
            .hint(format!("{meant}a tool is a folder `tools/NAME` with a `tool.wasm`")));
    }
    let chosen = names.into_iter().filter(|known| name.is_none_or(|name| name == *known));
    let suites = read(&place, chosen)?;
    if suites.is_empty() {
        return Err(Error::new(Code::NotFound, "there are no tests of tools here").hint("a file of tests is `tools/NAME/tests/CASES.toml`"));
    }
    let failed = |error| Error::io("make a temporary folder", &error);
    let data = tempfile::Builder::new().prefix("caxton-tool-test-").tempdir().map_err(failed)?;
    let bench = Workbench::new(&untold(data.path())?.config).await?.enclosed();
    let workspace_name = workspace.settings.name.clone().unwrap_or_default();
    bench.install(&workspace_name, &workspace, &sources).await?;
    let available = bench.tools.available(&workspace_name);
    let mut report = Report::new(session.console());
    for suite in &suites {
        for case in &suite.cases {
            let began = Instant::now();
            let misses = match tool_of(case, &suite.server, &available) {
                Ok(tool) => play(&bench, &workspace_name, tool, suite, case).await,
                Err(miss) => vec![miss],
            };
            report.add(Verdict::of_tool(&suite.file, &suite.server, case, misses, began.elapsed()))?;
        }
    }
    report.end(began.elapsed())
}

fn read<'n>(place: &Place, names: impl Iterator<Item = &'n str>) -> Result<Vec<Suite>> {
    let (mut suites, mut problems) = (Vec::new(), Diagnostics::new());
    for name in names {
        let dir = place.root().join("tools").join(name).join("tests");
        for path in listed(&dir)?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
            let Some(file) = relative(place, &path) else { continue };
            let text = fs::read_to_string(&path).map_err(|error| Error::io(format_args!("read `{file}`"), &error))?;
            match parse_tool(&text, &file) {
                Ok(cases) => suites.push(Suite { server: name.into(), file: file.into(), dir: dir.clone(), cases }),
                Err(wrong) => problems.extend(wrong),
            }
        }
    }
    problems.extend(suites.iter().flat_map(|suite| suite.cases.iter().flat_map(|case| absent(&case.attachments, &suite.dir))));
    problems.or(suites).map_err(|problems| wrong(&problems))
}

/// The tool that a case is about.
fn tool_of<'t>(case: &ToolCase, server: &str, available: &'t [ToolDefinition]) -> Result<&'t ToolDefinition, String> {
    let own: Vec<&ToolDefinition> = available.iter().filter(|tool| tool.id.server() == server).collect();
    let names = || own.iter().map(|tool| format!("`{}`", tool.id.tool())).collect::<Vec<_>>().join(", ");
    match (&case.tool, own.as_slice()) {
        (Some(name), _) => {
            let found = own.iter().find(|tool| *tool.id.tool() == *name.value || tool.id.to_string() == *name.value);
            found.copied().ok_or_else(|| format!("the component has no tool `{}`; it has {}", name.value, names()))
        }
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("the case does not say which `tool` is called; the component has {}", names())),
    }
}

/// Calls the tool; returns everything that is not as expected.
async fn play(bench: &Workbench, workspace: &WorkspaceName, tool: &ToolDefinition, suite: &Suite, case: &ToolCase) -> Vec<String> {
    let named = |file: &str| Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file).to_owned();
    let files: Vec<_> = case.attachments.iter().map(|file| Attachment::file(named(&file.value), suite.dir.join(&*file.value))).collect();
    let context = CallContext {
        workspace,
        agent: None,
        allowed: slice::from_ref(tool),
        attachments: &files,
        time_left: TIME_MAX,
        idempotency_key: &format!("{}:{}", suite.file, case.line),
        heard: Heard::default(),
        asker: None,
        within: Within::default(),
    };
    let call = ToolCall { call_id: "test".into(), tool: tool.id.to_string(), arguments: case.arguments.clone() };
    let (is_error, text, data) = match bench.tools.call(context, &call).await {
        Ok(Called { result, .. }) => {
            let data = result.structured.unwrap_or_else(|| Value::String(result.text.clone()));
            (result.is_error, result.text, data)
        }
        Err(error) => {
            let failure = Failure::of(&error);
            (true, failure.reason.clone(), failure.content())
        }
    };
    let mut misses = judge::of_content("result", &data, &text, &case.expect);
    if is_error != case.is_error {
        let what = if is_error { "the call failed, and should not" } else { "the call gave a result, and should fail" };
        misses.insert(0, format!("{what}:\n  {text}"));
    }
    misses
}

//! `caxton demo`: the whole way from an empty folder to an explained answer, checked as it goes.

mod expected;

use crate::{
    args::Demo,
    ask::{self, Question},
    console::{Console, FAINT, GOOD, NAME, STRONG},
    deploy,
    error::{Error, Result},
    init,
    place::Place,
    templates::{Template, ZONES},
    trace,
};
use caxton_api::{AttachmentRef, ReplyView, SendMessage};
use caxton_client::Client;
use caxton_config::server::{self, Flag, Sources};
use caxton_server::{Server, Setup, signals, telemetry::LogLevel};
use caxton_types::{Address, Code, unit::Period};
use serde_json::{Value, json};
use std::{
    fmt::Display,
    io,
    path::Path,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const WORKSPACE: &str = "demo-workspace";
const AGENT: &str = "zone-analyst";
const FILE: &str = "zones.csv";
const PATIENCE: Period = Period::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(15);

pub(crate) async fn run(args: &Demo, console: &Console) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("caxton-demo-").tempdir().map_err(|error| Error::io("make a temporary folder", &error))?;
    let stop = if args.keep {
        signals::stop_on_signals().map_err(|error| Error::io("listen for signals", &error))?
    } else {
        CancellationToken::new()
    };
    let tell = Tell { console, json: console.json };
    tell.line(tell.strong("Caxton demo: no key, no network, no leftovers"))?;
    let data_dir = folder.path().join("data");
    let tasks = TaskTracker::new();
    let (url, running) = tell.step("start the server", || start(&data_dir, &tasks, stop.child_token())).await?;
    tell.detail(format_args!("{url}, everything it keeps lies in {}", data_dir.display()))?;
    let shown = show(&url, folder.path(), &tell).await;
    if shown.is_ok() && args.keep {
        keep(&url, folder.path(), console)?;
        stop.cancelled().await;
    }
    stop.cancel();
    tasks.close();
    let stopped = tokio::time::timeout(STOP_PATIENCE, running).await;
    folder.close().map_err(|error| Error::io("remove the temporary folder", &error))?;
    shown?;
    match stopped {
        Ok(Ok(result)) => result.map_err(Error::from).map_err(|error| failed("stop the server", &error)),
        Ok(Err(_)) | Err(_) => Err(Error::new(Code::Internal, "the server did not stop in good order")),
    }
}

type Running = JoinHandle<std::result::Result<(), caxton_server::Error>>;

/// Starts the server and waits until it takes requests: it listens before it has opened its journals.
async fn start(data_dir: &Path, tasks: &TaskTracker, stop: CancellationToken) -> Result<(String, Running)> {
    let server = boot(data_dir).await?;
    let (url, app) = (server.url(), server.app().clone());
    let mut running = tasks.spawn(server.run(stop));
    tokio::select! {
        () = app.recovered() => Ok((url, running)),
        ended = &mut running => match ended {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) | Err(_) => Err(Error::new(Code::Internal, "the server ended before it was ready")),
        },
    }
}

/// A server that reads no configuration of this machine: the demo is the same everywhere.
async fn boot(data_dir: &Path) -> Result<Server> {
    let no_variable = |_: &str| None;
    let no_file = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let sources = Sources { env: &no_variable, read: &no_file, cwd: data_dir.to_path_buf() };
    let flags = vec![
        Flag { name: "--port", key: "server.port", value: "0".to_owned() },
        Flag { name: "--data-dir", key: "resources.disk.data_dir", value: data_dir.display().to_string() },
    ];
    let options = server::Options { flags, ..server::Options::default() };
    let loaded = server::load(&options, &sources)?;
    Ok(caxton_server::boot(Setup::new(loaded, LogLevel::detached())).await?)
}

/// Everything between the start of the server and its stop.
async fn show(url: &str, folder: &Path, tell: &Tell<'_>) -> Result<()> {
    let root = folder.join(WORKSPACE);
    let made = || async {
        init::workspace(WORKSPACE, folder)?;
        init::agent(AGENT, Template::named("data-analyzer")?, None, &root)?;
        crate::git::commit_all(&root, "Add an analyst")
    };
    tell.step("make a workspace with an agent from the template data-analyzer", made).await?;
    tell.detail(root.display())?;
    let client = Client::new(url)?.in_workspace(WORKSPACE.parse().map_err(|error| Error::invalid(format!("{error}")))?);
    let place = Place::of(Some(&root), folder)?;
    let silent = tell.console.silent();
    let deployed = tell.step("deploy it", || deploy::deploy(&place, &client, &silent)).await?.deployment;
    tell.detail(format_args!("{} agent, {} files, version {}", deployed.agents, deployed.added, deployed.version))?;
    let data = root.join("agents").join(AGENT).join("examples").join(FILE);
    let attached =
        tell.step("send a real data set along (every time zone of the world)", || attach(&data, folder, &client, &silent)).await?;

    let mean = expected::mean(ZONES, "latitude");
    let (country, count) = expected::most_frequent(ZONES, "country");
    let first = "What is the mean of latitude?";
    let answers = [
        question(first, &attached, mean, &client, tell).await?,
        question(&format!("How many rows have country equal to {country}?"), &attached, f64::from(count), &client, tell).await?,
        question("What is the mean of latitude in zones.csv, as you found it before?", &[], mean, &client, tell).await?,
    ];
    let conversation = answers.first().map(|(reply, _)| reply.conversation);
    if let Some(conversation) = conversation {
        let story = trace::story(&client, trace::events(&client, conversation, None).await?).await?;
        tell.line(format_args!("\n{}", tell.strong("How the first answer came to be (caxton trace):")))?;
        tell.line(trace::tree(&story, tell.console.painter()))?;
    }
    tell.end(url, &answers)
}

async fn attach(file: &Path, here: &Path, client: &Client, console: &Console) -> Result<Vec<AttachmentRef>> {
    ask::attach(&[file.to_path_buf()], here, client, console).await
}

/// Asks in a conversation of its own and compares with the figure that was computed apart.
async fn question(text: &str, files: &[AttachmentRef], figure: f64, client: &Client, tell: &Tell<'_>) -> Result<(ReplyView, f64)> {
    let to: Address = AGENT.parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let message = SendMessage { attachments: files.to_vec(), ..SendMessage::request(to, Value::String(text.to_owned())) };
    let question = Question::new(message);
    let with = if files.is_empty() { "from memory, without the file" } else { FILE };
    let reply = tell.step(format_args!("ask: {text} ({with})"), || question.reply(client, PATIENCE)).await?;
    let answer = ask::content(&reply);
    tell.detail(&answer)?;
    if reply.performative.is_failure() || !expected::states(&answer, figure) {
        return Err(Error::new(Code::Internal, format!("the answer to \"{text}\" is wrong: expected {figure}, got: {answer}"))
            .hint("please report this: the demo computes the figure from the same file in another way"));
    }
    tell.detail(tell.console.painter().paint(FAINT, format_args!("right: {figure} when computed apart from the file")))?;
    Ok((reply, figure))
}

fn failed(step: &str, error: &Error) -> Error {
    let text = error.to_string();
    let (cause, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
    let whole = Error::new(Code::Internal, format!("could not {step}: {}", cause.trim_start_matches("error: ")));
    if hint.is_empty() { whole } else { whole.hint(hint) }
}

fn keep(url: &str, folder: &Path, console: &Console) -> Result<()> {
    let root = folder.join(WORKSPACE);
    console.line(format_args!("\nThe server goes on until Ctrl-C. Elsewhere:\n  cd {}", root.display()))?;
    console.line(format_args!(
        "  export CAXTON_SERVER={url}\n  caxton ask {AGENT} \"What is the maximum of latitude?\" --attach agents/{AGENT}/examples/{FILE}"
    ))?;
    console.line(format_args!("Data: {}", folder.join("data").display()))
}

/// Tells the steps to people; as JSON, only the end.
struct Tell<'c> {
    console: &'c Console,
    json: bool,
}

impl Tell<'_> {
    fn line(&self, text: impl Display) -> Result<()> {
        if self.json { Ok(()) } else { self.console.line(text) }
    }

    fn detail(&self, text: impl Display) -> Result<()> {
        text.to_string().lines().try_for_each(|line| self.line(format_args!("  {line}")))
    }

    fn strong(&self, text: &str) -> String {
        self.console.painter().paint(STRONG, text)
    }

    /// Does one step; tells that it is done and how long it took.
    async fn step<T, F: Future<Output = Result<T>>>(&self, what: impl Display, work: impl FnOnce() -> F) -> Result<T> {
        let what = what.to_string();
        let began = Instant::now();
        let result = {
            let _busy = self.console.busy(what.clone());
            work().await
        };
        let value = result.map_err(|error| failed(&what, &error))?;
        let painter = self.console.painter();
        let took = painter.paint(FAINT, format_args!("{} ms", began.elapsed().as_millis()));
        self.line(format_args!("{} {what} {took}", painter.paint(GOOD, "✓")))?;
        Ok(value)
    }

    fn end(&self, url: &str, answers: &[(ReplyView, f64)]) -> Result<()> {
        if self.json {
            let answers: Vec<Value> = answers
                .iter()
                .map(|(reply, figure)| json!({"answer": reply.content, "expected": figure, "took_ms": reply.took_ms}))
                .collect();
            return self.console.value(&json!({"url": url, "answers": answers}));
        }
        let next = |command: &str| self.console.painter().paint(NAME, command);
        self.line(format_args!("\n{}", self.strong("All of it was right. Next, with a server that stays:")))?;
        self.line(format_args!("  {}", next("caxton serve")))?;
        self.line(format_args!(
            "  {}",
            next("caxton init my-workspace && cd my-workspace && caxton init analyzer --template data-analyzer")
        ))?;
        self.line(format_args!("  {}", next("git add . && git commit -m \"Add an analyzer\" && caxton deploy")))?;
        self.line(format_args!(
            "  {}",
            next("caxton ask analyzer \"What is the mean of latitude?\" --attach agents/analyzer/examples/zones.csv")
        ))?;
        self.line(
            "Everything of a server lies in its data folder (`caxton config get resources.disk.data_dir`); this one's is removed now.",
        )
    }
}

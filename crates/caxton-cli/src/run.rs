//! From words to an exit code.

use crate::{
    agents, approvals,
    args::{CassetteCommand, Command, CommandLine, MessageCommand, SelftestCommand, ServerCommand, TemplateCommand, ToolCommand},
    ask, budget, build, cassette, config,
    console::Console,
    demo, deploy, doctor,
    error::{Error, Result},
    gc, init, mcp, messages,
    parse::{self, Parsed},
    replay, selftest, serve,
    session::Session,
    status, suite, tool, trace, turns,
};
use caxton_types::Code;
use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};
use tokio::runtime;

/// Runs the command that the words ask for, the program's name first.
pub fn main(words: Vec<OsString>) -> ExitCode {
    let plain = Console::plain(&words);
    match parse::parse(words) {
        Ok(Parsed::Command(line)) => {
            let CommandLine { command, global } = *line;
            let console = Console::new(&global);
            let outcome = env::current_dir()
                .map_err(|error| Error::io("find the folder that this runs in", &error))
                .and_then(|here| block_on(&command, &Session::new(global, here)));
            end(outcome, &console)
        }
        Ok(Parsed::Page { text, asked }) => {
            let text = if plain.painter().0 { text.ansi().to_string() } else { text.to_string() };
            let outcome = if asked {
                plain.write(text)
            } else {
                plain.note(text.trim_end());
                Err(Error::BadNews(Code::Invalid))
            };
            end(outcome, &plain)
        }
        Err(error) => end(Err(error), &plain),
    }
}

/// What a defect of the program says of itself, instead of a bare trace.
pub fn on_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let what = info.payload_as_str().unwrap_or("no message");
    // Standard error that is gone cannot be told of.
    let _ = writeln!(
        io::stderr().lock(),
        "error: a defect in caxton {} at {place}: {what}\nhint: please report this line; RUST_BACKTRACE=1 tells more",
        env!("CARGO_PKG_VERSION")
    );
    if env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        let _ = writeln!(io::stderr().lock(), "{}", std::backtrace::Backtrace::force_capture());
    }
}

fn end(outcome: Result<()>, console: &Console) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error = error.or_hint();
            console.error(&error);
            ExitCode::from(error.exit())
        }
    }
}

/// A call of a tool may keep one for as long as it runs, and there may be ten thousand (`tools.sandbox.instances`); the journals, the
/// files and the names that are looked up need some too.
const BLOCKING_THREADS_MAX: usize = 10_512;

/// A server gets a thread for each core, tests do too; a command that only asks one gets by with its own.
fn block_on(command: &Command, session: &Session) -> Result<()> {
    let serves = matches!(
        command,
        Command::Serve(_)
            | Command::Server { .. }
            | Command::Demo(_)
            | Command::Test(_)
            | Command::Selftest { .. }
            | Command::Tool { command: ToolCommand::Test { .. } }
    );
    let runtime = if serves {
        runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS_MAX).enable_all().build()
    } else {
        runtime::Builder::new_current_thread().enable_all().build()
    };
    runtime.map_err(|error| Error::io("start", &error))?.block_on(perform(command, session))
}

async fn perform(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Demo(args) => Box::pin(demo::run(args, session.console())).await,
        Command::Init(args) => init::run(args, session.here(), session.console()),
        Command::Serve(args) | Command::Server { command: ServerCommand::Start(args) } => Box::pin(serve::run(args, session)).await,
        Command::Build(args) => build::run(args, session).await,
        Command::Deploy(args) => deploy::run(args, session).await,
        Command::Status(args) => status::status(args, session).await,
        Command::Log(args) => status::log(args, session).await,
        Command::Ask(args) => Box::pin(ask::run(args, session)).await,
        Command::Message { command: MessageCommand::Send(args) } => messages::send(args, session).await,
        Command::Test(args) => Box::pin(suite::run(args, session)).await,
        Command::Cassette { command: CassetteCommand::Export(args) } => cassette::export(args, session).await,
        Command::Trace(args) => trace::run(args, session).await,
        Command::Conversation { command } => messages::conversation(command, session).await,
        Command::Turns { command } => Box::pin(turns::run(command, session)).await,
        Command::Approvals { command } => Box::pin(approvals::run(command, session)).await,
        Command::Replay(args) => Box::pin(replay::run(args, session)).await,
        Command::Agent { command } => agents::run(command, session).await,
        Command::Tool { command } => Box::pin(tool::run(command, session)).await,
        Command::Template { command: TemplateCommand::List } => agents::templates(session.console()),
        Command::Config { command } => config::run(command, session).await,
        Command::Budget { command } => budget::run(command, session).await,
        Command::Mcp { command } => mcp::run(command, session).await,
        Command::Selftest { command: SelftestCommand::Sandbox } => Box::pin(selftest::sandbox(session.console())).await,
        Command::Gc(args) => gc::run(args, session).await,
        Command::Doctor(args) => doctor::run(args, session).await,
        Command::Health => config::health(session).await.map_err(Error::unhealthy),
    }
}

//! `caxton serve`: one process, until somebody stops it.

use crate::{
    agents::untitled,
    args::Serve,
    console::{Console, GOOD, NAME, STRONG},
    error::{Error, Result},
    session::Session,
};
use caxton_config::server::{Flag, Loaded};
use caxton_server::{
    Setup, signals,
    telemetry::{self, LogFormat, LogLevel, LogOptions},
};
use serde_json::json;

pub(crate) async fn run(args: &Serve, session: &Session) -> Result<()> {
    let console = session.console();
    let loaded = session.configuration(flags(args))?;
    for warning in &loaded.warnings {
        console.warn(untitled(warning));
    }
    let painter = console.note_painter();
    if args.dry_run {
        let checked = caxton_server::dry_run(&Setup::new(loaded, LogLevel::detached())).await?;
        if console.json {
            return console.value(&json!({"ready": true, "checked": checked}));
        }
        let good = console.painter().paint(GOOD, "✓");
        checked.iter().try_for_each(|line| console.line(format_args!("{good} {line}")))?;
        return console.line("Nothing was started (--dry-run)");
    }
    let level = telemetry::init(&log_options(&loaded, console))?;
    let stop = signals::stop_on_signals().map_err(|error| Error::io("listen for signals", &error))?;
    let data_dir = loaded.config.data_dir.clone();
    let server = caxton_server::boot(Setup::new(loaded, level)).await?;
    let url = server.url();
    if console.json {
        console.value(&json!({"url": url, "data_dir": data_dir, "pid": std::process::id()}))?;
    }
    // The log may have standard output for itself.
    let version = env!("CARGO_PKG_VERSION");
    console.note(format_args!("{} Caxton {version} listens on {}", painter.paint(GOOD, "✓"), painter.paint(STRONG, &url)));
    console.note(format_args!("data: {}", data_dir.display()));
    console.note(format_args!("next: {} in another terminal; Ctrl-C stops the server", painter.paint(NAME, "caxton init my-workspace")));
    server.run(stop).await?;
    console.note("stopped");
    Ok(())
}

/// Where nobody chose a form, a person at a terminal gets one line for each event, and a pipe gets JSON.
fn log_options(loaded: &Loaded, console: &Console) -> LogOptions {
    let options = LogOptions::from(&loaded.config.logging);
    let chosen = loaded.effective(Some("observability.logging.format")).is_ok_and(|all| all.iter().any(|one| one.origin != "default"));
    if console.interactive && !chosen { LogOptions { format: LogFormat::Compact, ..options } } else { options }
}

fn flags(args: &Serve) -> Vec<Flag> {
    let host = args.host.map(|host| Flag { name: "--host", key: "server.host", value: host.to_string() });
    let port = args.port.map(|port| Flag { name: "--port", key: "server.port", value: port.to_string() });
    let data_dir = args.data_dir.as_ref();
    let data_dir = data_dir.map(|dir| Flag { name: "--data-dir", key: "resources.disk.data_dir", value: dir.display().to_string() });
    [host, port, data_dir].into_iter().flatten().collect()
}

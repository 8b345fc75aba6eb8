//! `caxton config …` and `caxton health`.

use crate::{
    agents::untitled,
    args::ConfigCommand,
    console::{BAD, CARE, FAINT, GOOD, STRONG},
    error::{Error, Result},
    session::{Session, explained},
    table::Table,
};
use caxton_api::HealthStatus;
use caxton_types::Code;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn run(command: &ConfigCommand, session: &Session) -> Result<()> {
    match command {
        ConfigCommand::Get { key, origin } => get(key.as_deref(), *origin, session),
        ConfigCommand::Set { assignment } => set(assignment, session).await,
        ConfigCommand::Validate { file, path } => validate(file.as_deref().or(path.as_deref()), session),
    }
}

fn get(key: Option<&str>, origin: bool, session: &Session) -> Result<()> {
    let console = session.console();
    let loaded = session.configuration(Vec::new())?;
    let unknown = |diagnostic: caxton_config::Diagnostic| {
        let error = Error::new(Code::NotFound, diagnostic.message.clone());
        error.hint(diagnostic.help.unwrap_or_else(|| "`caxton config get` shows every key".to_owned()))
    };
    if origin {
        let all = loaded.effective(key).map_err(unknown)?;
        if console.json {
            return console
                .value(&all.iter().map(|one| json!({"key": one.key, "value": one.value, "origin": one.origin})).collect::<Vec<_>>());
        }
        let mut table = Table::new(["KEY", "VALUE", "ORIGIN"]);
        for one in &all {
            table.row([one.key.clone(), plain(&one.value), one.origin.clone()]);
        }
        return table.print(console);
    }
    let value = loaded.get(key).map_err(unknown)?;
    if console.json {
        return console.value(&value);
    }
    match &value {
        Value::Object(_) => {
            let all = loaded.effective(key).map_err(unknown)?;
            all.iter().try_for_each(|one| console.line(format_args!("{}={}", one.key, plain(&one.value))))
        }
        scalar => console.line(plain(scalar)),
    }
}

/// A text as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

async fn set(assignment: &str, session: &Session) -> Result<()> {
    let console = session.console();
    let (key, text) = assignment.split_once('=').ok_or_else(|| {
        Error::invalid(format!("`{assignment}` is not KEY=VALUE")).hint("as in `caxton config set observability.logging.level=debug`")
    })?;
    // What reads as JSON is JSON (numbers, lists, true), anything else is text.
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let change = session.client()?.set_config(key.trim(), value).await.map_err(explained)?;
    if console.json {
        return console.value(&change);
    }
    console.line(format_args!("{}: {} → {}", change.key, plain(&change.old), plain(&change.new)))
}

fn validate(file: Option<&Path>, session: &Session) -> Result<()> {
    let console = session.console();
    let loaded = session.configuration_of(file)?;
    let files: Vec<String> = loaded.files.iter().map(|file| file.display().to_string()).collect();
    if console.json {
        let warnings: Vec<String> = loaded.warnings.iter().map(untitled).collect();
        return console.value(&json!({"valid": true, "files": files, "warnings": warnings}));
    }
    for warning in &loaded.warnings {
        console.warn(untitled(warning));
    }
    let good = console.painter().paint(GOOD, "✓");
    if files.is_empty() {
        return console.line(format_args!("{good} no configuration file; the defaults count"));
    }
    files.iter().try_for_each(|file| console.line(format_args!("{good} {file}")))
}

pub(crate) async fn health(session: &Session) -> Result<()> {
    let console = session.console();
    let client = session.client()?;
    let health = client.health().await.map_err(explained)?;
    let verdict = if health.status == HealthStatus::Down { Err(Error::BadNews(Code::Unavailable)) } else { Ok(()) };
    if console.json {
        console.value(&health)?;
        return verdict;
    }
    let painter = console.painter();
    let shown = |status: HealthStatus| match status {
        HealthStatus::Ok => painter.paint(GOOD, "ok"),
        HealthStatus::Degraded => painter.paint(CARE, "degraded"),
        HealthStatus::Down => painter.paint(BAD, "down"),
    };
    console.line(format_args!(
        "{} {} {}",
        shown(health.status),
        painter.paint(STRONG, client.base()),
        painter.paint(FAINT, format_args!("version {}", health.version))
    ))?;
    for (name, component) in &health.components {
        console.line(format_args!("  {name:<12} {} {}", shown(component.status), component.detail))?;
    }
    verdict
}

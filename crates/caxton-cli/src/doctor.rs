//! `caxton doctor`: whether everything is in order, and what to do where it is not. Nothing is changed.

mod data;
mod host;
mod report;
mod sandbox;
mod server;

use self::report::{Finding, Verdict};
use crate::{
    args::Doctor,
    build,
    error::{Error, Result},
    session::Session,
};
use caxton_api::Health;
use caxton_client::Client;
use caxton_config::server::{Flag, Loaded, ServerConfig};
use caxton_store::inspect::{self, Holder};
use std::{path::Path, time::Duration};

/// A server that has not answered by then does not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The instances of tools where the configuration cannot be read.
const INSTANCES: u32 = 64;

pub(crate) async fn run(args: &Doctor, session: &Session) -> Result<()> {
    let console = session.console();
    let busy = console.busy("looking");
    let flag = |dir: &std::path::PathBuf| Flag { name: "--data-dir", key: "resources.disk.data_dir", value: dir.display().to_string() };
    let loaded = session.configuration(args.data_dir.iter().map(flag).collect());
    let mut findings = vec![configuration(&loaded)];
    let mut last_at = None;
    match &loaded {
        Ok(loaded) => {
            let config = &loaded.config;
            let holder = inspect::holder(&config.data_dir).unwrap_or(Holder::Nobody);
            let health = health(session).await;
            findings.push(server::running(holder, health.as_ref(), &session.url()?));
            if health.is_some() {
                findings.extend(changed_tools(session).await);
            }
            if holder == Holder::Nobody {
                findings.push(server::port(config).await);
            }
            findings.extend(data::directory(&config.data_dir, bounds(config)));
            findings.push(data::secrets(loaded.secrets_file.as_deref()));
            last_at = kept(&config.data_dir, args.full, holder, &mut findings);
            findings.push(sandbox::cache(&config.data_dir, config.tools.sandbox.cache_size.get()));
            findings.push(match health.as_ref().filter(|_| holder != Holder::Nobody) {
                Some(health) => sandbox::pool_of(health),
                None => sandbox::pool(config),
            });
        }
        Err(_) => {
            // A directory that is named can be looked at whatever the configuration says.
            if let Some(dir) = &args.data_dir {
                let holder = inspect::holder(dir).unwrap_or(Holder::Nobody);
                findings.extend(data::directory(dir, data::Bounds { used_max: None, free_min: 0 }));
                last_at = kept(dir, args.full, holder, &mut findings);
            }
        }
    }
    findings.extend(host::check(loaded.as_ref().map_or(INSTANCES, |loaded| loaded.config.tools.sandbox.instances)));
    findings.push(host::clock(std::time::SystemTime::now().into(), last_at));
    findings.push(toolchains(session.here()));
    drop(busy);
    report::tell(&findings, console)
}

fn configuration(loaded: &Result<Loaded>) -> Finding {
    const CHECK: &str = "configuration";
    match loaded {
        Ok(loaded) if loaded.warnings.is_empty() => match loaded.files.as_slice() {
            [] => Finding::ok(CHECK, "the defaults"),
            files => Finding::ok(CHECK, files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")),
        },
        Ok(loaded) => {
            let warnings: Vec<String> = loaded.warnings.iter().map(crate::agents::untitled).collect();
            Finding::warn(CHECK, warnings.join("\n"), "`caxton config validate` shows them too")
        }
        Err(Error::Failed { message, hint, .. }) => {
            let todo = hint.as_deref().unwrap_or("mend it, then `caxton config validate` checks again");
            Finding::fail(CHECK, message.trim_end(), format!("{todo}; what stands in it was not looked at"))
        }
        Err(Error::BadNews(_) | Error::OutputClosed) => Finding::new(CHECK, Verdict::Fail, "it cannot be read"),
    }
}

/// How the server is that answers, if one does.
async fn health(session: &Session) -> Option<Health> {
    let client = Client::new(&session.url().ok()?).ok()?;
    tokio::time::timeout(ANSWER_TIMEOUT, client.health()).await.ok()?.ok()
}

/// Which MCP servers of others have changed their tools, as the server that answers knows it.
async fn changed_tools(session: &Session) -> Option<Finding> {
    let client = Client::new(&session.url().ok()?).ok()?;
    let servers = tokio::time::timeout(ANSWER_TIMEOUT, client.mcp_servers()).await.ok()?.ok()?;
    server::changed_tools(&servers)
}

fn bounds(config: &ServerConfig) -> data::Bounds {
    data::Bounds {
        used_max: config.retention.disk_max.map(caxton_types::unit::ByteSize::get),
        free_min: config.retention.disk_free_min.get(),
    }
}

/// Databases and content; when the youngest event happened.
fn kept(dir: &Path, whole: bool, holder: Holder, findings: &mut Vec<Finding>) -> Option<caxton_types::Timestamp> {
    let databases = data::databases(dir, whole, holder);
    let last_at = match databases {
        Ok(databases) => {
            findings.extend(databases.findings);
            databases.last_at
        }
        Err(error) => {
            findings.push(Finding::fail("databases", format!("{}: {error}", dir.display()), "let this user read the data directory"));
            None
        }
    };
    findings.push(data::blobs(dir, whole));
    last_at
}

/// What `caxton build` would find; nothing is wrong where a language is not used.
fn toolchains(here: &Path) -> Finding {
    let found = build::toolchains(here).map(|(language, compiler, get)| match compiler {
        Some(compiler) => format!("{language}: {}", compiler.display()),
        None => format!("{language}: not found; {get}"),
    });
    Finding::info("toolchains", found.join("\n"))
}

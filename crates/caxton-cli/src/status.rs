//! `caxton status` and `caxton log`: this folder against the last deployment, and all deployments.

use crate::{
    args::{Log, Status},
    console::{BAD, CARE, Console, GOOD, STRONG},
    error::Result,
    git,
    init::short,
    place::Place,
    session::{Session, explained},
    state::{Difference, State, differences, digests},
    table::Table,
};
use caxton_api::{DeploymentView, WorkspaceStatus};
use caxton_types::{Code, Digest, FileChange};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

/// A server that is slower to say how it is counts as not there.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn status(args: &Status, session: &Session) -> Result<()> {
    let place = Place::of(args.dir.as_deref(), session.here())?;
    let now = digests(&place.files()?);
    let local = State::load(place.root());
    let client = session.client_for(&place)?;
    let compared = match tokio::time::timeout(PATIENCE, client.status()).await {
        Ok(Ok(server)) => Compared::with_server(server),
        // A server that has never heard of the workspace says so, and is there.
        Ok(Err(error)) if error.problem().is_some_and(|problem| problem.code == Code::NotFound) => Compared::with_nothing(true),
        Ok(Err(_)) | Err(_) => local.map_or_else(|| Compared::with_nothing(false), Compared::with_memory),
    };
    let changes = differences(&compared.files, &now);
    let git = git::state(place.root()).ok();
    let console = session.console();
    if console.json {
        return console.value(&json!({
            "workspace": place.name()?,
            "dir": place.root(),
            "git": git,
            "server": {"url": client.base(), "reachable": compared.reachable},
            "compared_with": compared.base,
            "deployment": compared.deployment,
            "version": compared.version,
            "changes": changes,
        }));
    }
    let painter = console.painter();
    console.line(format_args!("Workspace {} in {}", painter.paint(STRONG, place.name()?), place.root().display()))?;
    match git {
        Some(git) => {
            let dirty = if git.dirty { ", with changes that are not committed" } else { "" };
            console.line(format_args!("Git commit: {} ({}){dirty}", short(&git.commit), git.branch.as_deref().unwrap_or("no branch")))?;
        }
        None => console.line("Git commit: none; `caxton deploy` needs one")?,
    }
    console.line(compared.sentence(client.base()))?;
    tell_changes(&changes, compared.deployment.is_some(), console)
}

/// What the folder is compared with.
struct Compared {
    /// `server`, `last_deployment` or `nothing`.
    base: &'static str,
    reachable: bool,
    deployment: Option<String>,
    version: u32,
    at: Option<String>,
    /// The server of the deployment that this folder remembers.
    remembered: Option<String>,
    files: BTreeMap<String, Digest>,
}

impl Compared {
    fn with_server(server: WorkspaceStatus) -> Self {
        Self {
            base: if server.deployment.is_some() { "server" } else { "nothing" },
            at: server.deployment.as_ref().map(|deployment| deployment.at.to_string()),
            deployment: server.deployment.map(|deployment| deployment.id.to_string()),
            version: server.version,
            files: server.files.into_iter().map(|file| (file.path, file.digest)).collect(),
            ..Self::with_nothing(true)
        }
    }

    /// What this folder remembers counts where no server answers.
    fn with_memory(state: State) -> Self {
        Self {
            base: "last_deployment",
            deployment: Some(state.deployment.to_string()),
            version: state.version,
            at: Some(state.at.to_string()),
            remembered: Some(state.server),
            files: state.files,
            ..Self::with_nothing(false)
        }
    }

    const fn with_nothing(reachable: bool) -> Self {
        Self { base: "nothing", reachable, deployment: None, version: 0, at: None, remembered: None, files: BTreeMap::new() }
    }

    fn sentence(&self, url: &str) -> String {
        let (version, at) = (self.version, self.at.as_deref().unwrap_or_default());
        match (&self.deployment, self.reachable) {
            (Some(id), true) => format!("Server: {url} has version {version}, {id} of {at}"),
            (None, true) => format!("Server: {url} has no deployment of this workspace"),
            (Some(id), false) => {
                let to = self.remembered.as_deref().unwrap_or(url);
                format!(
                    "Server: {url} does not answer; compared with the last deployment from here: version {version}, {id} of {at} to {to}"
                )
            }
            (None, false) => format!("Server: {url} does not answer, and nothing was deployed from here yet"),
        }
    }
}

fn tell_changes(changes: &[Difference], deployed: bool, console: &Console) -> Result<()> {
    let painter = console.painter();
    if changes.is_empty() {
        return console.line(if deployed { "Nothing changed since" } else { "Nothing to deploy" });
    }
    console.line(if deployed { "Changed since:" } else { "Not deployed yet:" })?;
    for Difference { path, change } in changes {
        let (letter, style) = match change {
            FileChange::Added => ("A", GOOD),
            FileChange::Modified => ("M", CARE),
            FileChange::Removed => ("D", BAD),
            FileChange::Unchanged => continue,
        };
        console.line(format_args!("  {} {path}", painter.paint(style, letter)))?;
    }
    console.note("next: caxton deploy");
    Ok(())
}

pub(crate) async fn log(args: &Log, session: &Session) -> Result<()> {
    let console = session.console();
    let client = session.client()?;
    let deployments = client.deployments(args.limit).await.map_err(explained)?;
    if console.json {
        return console.value(&deployments);
    }
    if deployments.is_empty() {
        console.note(format_args!("nothing was deployed yet to the workspace `{}` of {}", session.workspace()?, client.base()));
        return Ok(());
    }
    let mut table = Table::new(["VERSION", "DEPLOYED AT", "BY", "COMMIT", "FILES", "AGENTS", "TOOK", "DEPLOYMENT"]);
    for deployment in &deployments {
        table.row(row(deployment));
    }
    table.print(console)
}

fn row(deployment: &DeploymentView) -> [String; 8] {
    let commit = deployment
        .git
        .as_ref()
        .map_or_else(|| "-".to_owned(), |git| format!("{}{}", short(&git.commit), if git.dirty { " (dirty)" } else { "" }));
    [
        deployment.version.to_string(),
        deployment.at.to_string().chars().take(19).collect::<String>().replace('T', " "),
        deployment.by.who.to_string(),
        commit,
        format!("+{} ~{} -{}", deployment.added, deployment.modified, deployment.removed),
        deployment.agents.to_string(),
        format!("{} ms", deployment.took_ms),
        deployment.id.to_string(),
    ]
}

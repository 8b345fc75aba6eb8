//! `caxton deploy`: what changed travels, the server takes all of it or nothing.

use crate::{
    agents::untitled,
    args::Deploy,
    console::{Console, GOOD, NAME},
    error::{Error, Result},
    git,
    init::short,
    place::{self, Files, Place},
    session::{Session, explained, finding},
    state::State,
};
use caxton_api::{ChangeView, DeployRequest, DeployResponse, DeploymentView, FileEntry};
use caxton_client::Client;
use caxton_types::{Code, Digest, FileChange, GitState};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use std::{collections::BTreeSet, time::Instant};

/// How many files travel at the same time.
const UPLOADS: usize = 8;

/// What a deployment came to, for `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    pub(crate) deployment: DeploymentView,
    /// Whether anything had changed.
    changed: bool,
    changes: Vec<ChangeView>,
}

pub(crate) async fn run(args: &Deploy, session: &Session) -> Result<()> {
    let console = session.console();
    let place = Place::of(args.dir.as_deref(), session.here())?;
    let client = session.client_for(&place)?;
    let done = deploy(&place, &client, console).await?;
    if console.json {
        console.value(&done)?;
    }
    Ok(())
}

/// Deploys what lies at `place`, and tells each stage unless the result is JSON.
pub(crate) async fn deploy(place: &Place, client: &Client, console: &Console) -> Result<Done> {
    let began = Instant::now();
    let tell = |line: String| if console.json || !console.has_notes() { Ok(()) } else { console.line(line) };
    let git = git::state(place.root())?;
    tell("Analyzing changes...".to_owned())?;
    let files = place.files()?;
    let workspace = place::load(&files)?;
    let warnings: Vec<String> = place::warnings(&workspace).iter().map(untitled).collect();
    for warning in &warnings {
        console.warn(warning);
    }
    if git.dirty {
        console.warn("the folder has changes that are not committed; the commit alone does not tell what is deployed");
    }
    let request = request(&files, &git);
    let mut told = false;
    let mut response = client.deploy(&request).await.map_err(explained)?;
    if let DeployResponse::NeedsFiles { missing, changes } = &response {
        tell_plan(changes, client, &tell)?;
        told = true;
        upload(&files, missing, client, console).await?;
        response = client.deploy(&request).await.map_err(explained)?;
    }
    let DeployResponse::Deployed { deployment, changed, changes } = response else {
        return Err(Error::new(Code::Unavailable, "the server still misses files that were sent").hint("run `caxton deploy` again"));
    };
    if !told {
        tell_plan(&changes, client, &tell)?;
    }
    for granted in &deployment.granted {
        tell(format!("Tool {} is granted:", console.painter().paint(NAME, &granted.tool)))?;
        granted.permissions.iter().try_for_each(|permission| tell(format!("  {permission}")))?;
    }
    // What was told from here already is not told again.
    let of_the_server = deployment.warnings.iter().map(|warning| finding(warning).replacen("warning: ", "", 1));
    of_the_server.filter(|warning| !warnings.contains(warning)).for_each(|warning| console.warn(warning));
    State::of(client.base(), &place.name()?, &deployment, &files).save(place.root())?;
    let good = console.painter().paint(GOOD, "✓");
    let took = began.elapsed().as_millis();
    tell(if changed {
        format!("{good} Deployed successfully ({took}ms)")
    } else {
        format!("{good} Nothing to do: version {} is the same ({took}ms)", deployment.version)
    })?;
    let commit = deployment.git.as_ref().map_or(&*git.commit, |git| &*git.commit);
    tell(format!("Git commit: {}", short(commit)))?;
    if console.json || console.has_notes() {
        tell(format!("Deployment ID: {}", deployment.id))?;
    } else {
        console.line(deployment.id)?;
    }
    Ok(Done { deployment, changed, changes })
}

fn tell_plan(changes: &[ChangeView], client: &Client, tell: &impl Fn(String) -> Result<()>) -> Result<()> {
    let count = changes.iter().filter(|change| change.change != FileChange::Unchanged).count();
    tell(format!("Found {count} modified configuration{}", if count == 1 { "" } else { "s" }))?;
    tell(format!("Deploying to {}", client.base()))
}

fn request(files: &Files, git: &GitState) -> DeployRequest {
    let entry = |(path, content): (&String, &caxton_config::workspace::FileContent)| FileEntry {
        path: path.as_str().into(),
        digest: content.digest,
        size: content.size,
    };
    DeployRequest { files: files.iter().map(entry).collect(), git: Some(git.clone().into()) }
}

/// Sends what the server has not, a few at a time, each content once.
async fn upload(files: &Files, missing: &[Digest], client: &Client, console: &Console) -> Result<()> {
    let missing: BTreeSet<Digest> = missing.iter().copied().collect();
    let _busy = console.busy(format!("sending {} files", missing.len()));
    let mut seen = BTreeSet::new();
    let wanted = files.iter().filter(|(_, content)| missing.contains(&content.digest) && seen.insert(content.digest));
    let bytes: Vec<_> = wanted.filter_map(|(path, content)| Some((path, content.bytes()?.to_vec()))).collect();
    futures_util::stream::iter(bytes)
        .map(|(path, bytes)| async move { client.upload(bytes, media_type(path)).await.map_err(explained) })
        .buffer_unordered(UPLOADS)
        .try_for_each(|_| async { Ok(()) })
        .await
}

/// What a file is, by its name.
pub(crate) fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "md" => "text/markdown",
        "txt" | "log" => "text/plain",
        "toml" => "application/toml",
        "yaml" | "yml" => "application/yaml",
        "json" => "application/json",
        "xml" => "application/xml",
        "html" | "htm" => "text/html",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

//! Removes what was kept for long enough: from time to time, and when somebody says so.

use crate::App;
use caxton_api::{GcView, GcWorkspaceView};
use caxton_config::server::ServerConfig;
use caxton_store::{Error, Expiry, Retention, Workspace, ids, now};
use caxton_types::{Actor, Caller, WorkspaceName};
use tokio_util::sync::CancellationToken;

/// How long things are kept.
pub(crate) fn policy(config: &ServerConfig) -> Retention {
    let wanted = &config.retention;
    Retention {
        conversations: wanted.conversations.map(caxton_types::unit::Period::get),
        kinds: wanted.events.iter().map(|(kind, kept)| (kind.clone(), kept.get())).collect(),
        uploads: wanted.uploads.get(),
    }
}

/// What would go now.
pub(crate) async fn plan(app: &App) -> Result<GcView, Error> {
    collect(app, None).await
}

/// Removes what goes now, in the name of this actor.
pub(crate) async fn apply(app: &App, actor: &Actor) -> Result<GcView, Error> {
    collect(app, Some(actor)).await
}

async fn collect(app: &App, actor: Option<&Actor>) -> Result<GcView, Error> {
    let policy = policy(&app.config.current().config);
    let (at, stopping) = (now(), app.life.stopping());
    let mut workspaces = Vec::new();
    for name in app.store.workspace_names()?.into_iter().chain([WorkspaceName::system()]) {
        let Some(workspace) = open(app, &name).await? else { continue };
        let expiry = match actor {
            None => workspace.expiry(&policy, at).await?,
            Some(actor) => workspace.expire(&policy, at, (actor.clone(), ids::trace()), || stopping.is_cancelled()).await?,
        };
        if !expiry.is_empty() {
            workspaces.push(view(name, expiry));
        }
    }
    let files = app.store.expire_files(policy.uploads, at, actor.is_some()).await?;
    Ok(GcView { applied: actor.is_some(), keeps_all: policy.keeps_all(), workspaces, files: files.files, file_bytes: files.bytes })
}

/// To open a workspace may take the time of a migration.
async fn open(app: &App, name: &WorkspaceName) -> Result<Option<Workspace>, Error> {
    if name.is_system() {
        return Ok(Some(app.store.system().clone()));
    }
    let (store, name) = (app.store.clone(), name.clone());
    tokio::task::spawn_blocking(move || store.existing(&name)).await.map_err(|_| Error::Closed)?
}

fn view(workspace: WorkspaceName, expiry: Expiry) -> GcWorkspaceView {
    GcWorkspaceView {
        workspace,
        conversations: expiry.conversations,
        events: expiry.events.into_iter().map(|(kind, len)| (kind.into(), len)).collect(),
        event_bytes: expiry.event_bytes,
        blobs: expiry.blobs,
        blob_bytes: expiry.blob_bytes,
    }
}

/// Removes what was kept for long enough from time to time, where the configuration limits anything at all.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let (keeps_all, every) = {
        let retention = &app.config.current().config.retention;
        (retention.keeps_all(), retention.every.get())
    };
    if keeps_all {
        return;
    }
    let actor = Caller::system(WorkspaceName::system()).actor();
    let mut rounds = tokio::time::interval(every);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(rounds.tick()).await.is_some() {
        match apply(&app, &actor).await {
            Err(error) => tracing::warn!(%error, "what was kept for long enough could not all be removed; the next round goes on"),
            Ok(done) => {
                for done in &done.workspaces {
                    let (events, blobs): (u64, u64) = (done.events.values().sum(), done.blobs);
                    tracing::info!(workspace = %done.workspace, conversations = done.conversations, events, blobs, "removed what was kept for long enough");
                }
            }
        }
    }
}

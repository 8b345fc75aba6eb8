//! Code that was deployed once, for turns that began with it: a deployment is an event, and its files are blobs.

use crate::apply;
use caxton_config::workspace::ToolManifest;
use caxton_store::{EventQuery, Store, Workspace};
use caxton_tools::{Archive, Archived, Found, Limits};
use caxton_types::{DeployedFile, Digest, Fact, FileChange, Seq, WorkspaceName};

/// How many deployments are looked through, the last one first; a turn is not open for longer.
const DEPLOYMENTS_MAX: u32 = 1000;

pub(crate) fn of(store: Store, most: Limits) -> Archive {
    Box::new(move |workspace, server, digest| {
        let store = store.clone();
        Box::pin(async move { find(&store, &workspace, &server, digest, most).await })
    })
}

/// The component and what it was granted when it was last deployed.
async fn find(store: &Store, workspace: &WorkspaceName, server: &str, digest: Digest, most: Limits) -> Found {
    let Some(workspace) = store.existing(workspace)? else {
        return Ok(None);
    };
    let Some(wasm) = workspace.blob(digest).await? else {
        return Ok(None);
    };
    let (code, manifest) = (format!("tools/{server}/tool.wasm"), format!("tools/{server}/tool.toml"));
    for deployment in workspace.deployments(DEPLOYMENTS_MAX).await? {
        let files = files(&workspace, deployment.seq).await?;
        let file = |path: &str| files.iter().find(|file| *file.path == *path && file.change != FileChange::Removed);
        if file(&code).is_none_or(|file| file.digest != digest) {
            continue;
        }
        let manifest = match file(&manifest) {
            None => ToolManifest::default(),
            Some(file) => match workspace.blob(file.digest).await? {
                Some(text) => ToolManifest::parse(std::str::from_utf8(&text)?, &manifest)?,
                // What it was granted is not known any more, and so nothing is.
                None => return Ok(None),
            },
        };
        return Ok(Some(Archived { wasm, grant: apply::grant(&manifest, most) }));
    }
    Ok(None)
}

/// The files of the deployment that this event records.
async fn files(workspace: &Workspace, seq: Seq) -> Result<Vec<DeployedFile>, caxton_store::Error> {
    let query = EventQuery { after: Seq(seq.0.saturating_sub(1)), until: Some(seq), limit: 1, ..EventQuery::default() };
    let event = workspace.events(query).await?.into_iter().next();
    Ok(match event.map(|event| event.new.fact) {
        Some(Fact::Deployed { files, .. }) => files,
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests;

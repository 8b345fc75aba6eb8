//! Code that was deployed once, for turns that began with it: a deployment is an event, and its files are blobs.

use crate::{ToolBounds, grants};
use caxton_config::workspace::ToolManifest;
use caxton_store::{EventQuery, Store, Workspace};
use caxton_tools::{Archive, Archived, Found};
use caxton_types::{DeployedFile, Digest, Fact, FileChange, Seq, WorkspaceName};
use std::sync::Arc;

/// How many deployments are looked through, the last one first; a turn is not open for longer.
const DEPLOYMENTS_MAX: u32 = 1000;

pub(crate) fn of(store: Store, bounds: ToolBounds) -> Archive {
    let bounds = Arc::new(bounds);
    Box::new(move |workspace, server, digest| {
        let (store, bounds) = (store.clone(), Arc::clone(&bounds));
        Box::pin(async move { find(&store, &workspace, &server, digest, &bounds).await })
    })
}

/// The component and what it was granted when it was last deployed.
async fn find(store: &Store, workspace: &WorkspaceName, server: &str, digest: Digest, bounds: &ToolBounds) -> Found {
    let Some(workspace) = store.existing(workspace)? else {
        return Ok(None);
    };
    let Some(size) = workspace.blob_len(digest).await? else {
        return Ok(None);
    };
    let path = |file: &str| format!("tools/{server}/{file}");
    let (code, manifest, policy) = (path("tool.wasm"), path("tool.toml"), path("policy.yaml"));
    for deployment in workspace.deployments(DEPLOYMENTS_MAX).await? {
        let files = files(&workspace, deployment.seq).await?;
        let file = |path: &str| files.iter().find(|file| *file.path == *path && file.change != FileChange::Removed);
        if file(&code).is_none_or(|file| file.digest != digest) {
            continue;
        }
        let mut asked = ToolManifest::default();
        for path in [&manifest, &policy] {
            let Some(file) = file(path) else { continue };
            // What it was granted is not known any more, and so nothing is.
            let Some(text) = workspace.blob(file.digest).await? else { return Ok(None) };
            let text = std::str::from_utf8(&text)?;
            asked = if path == &policy { asked.with_policy(text, path)? } else { ToolManifest::parse(text, path)? };
        }
        let grant = grants::grant(&asked, workspace.name(), server, bounds).await?;
        return Ok(Some(Archived { binary: grants::component(&workspace, digest, size), grant }));
    }
    Ok(None)
}

/// The files of the deployment that this event records.
async fn files(workspace: &Workspace, seq: Seq) -> Result<Vec<DeployedFile>, caxton_store::Error> {
    let event = workspace.events(EventQuery::at(seq)).await?.pop();
    Ok(match event.map(|event| event.new.fact) {
        Some(Fact::Deployed { files, .. }) => files,
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests;

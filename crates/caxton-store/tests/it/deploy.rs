//! Deployments, and the projection that follows the journal.

use crate::support::{BOTH, event, note, open, spec};
use bytes::Bytes;
use caxton_store::{Batch, Error, FileCounts, FileRow, Options, Store, ids};
use caxton_types::{
    AgentRevision, AgentSpec, DeployedFile, Digest, Durability, Fact, FileChange, GitState, NewEvent, Observation, Scope, WorkspaceName,
    canonical_json,
};
use std::{fs, path::Path};

fn blob_of(spec: &AgentSpec) -> (Digest, Bytes) {
    let text = canonical_json(&serde_json::to_value(spec).unwrap());
    (Digest::of(text.as_bytes()), text.into())
}

fn file(path: &str, content: &str, change: FileChange) -> DeployedFile {
    DeployedFile { path: path.into(), digest: Digest::of(content.as_bytes()), size: content.len() as u64, change }
}

fn deployed(version: u32, agents: &[(&AgentSpec, u32)], files: Vec<DeployedFile>) -> Batch {
    let revisions =
        agents.iter().map(|(spec, revision)| AgentRevision { name: spec.name.clone(), revision: *revision, spec: blob_of(spec).0 });
    let fact = Fact::Deployed {
        deployment: ids::deployment(),
        version,
        git: Some(GitState { commit: "0a1b2c3d".into(), branch: None, dirty: true }),
        files,
        agents: revisions.collect(),
        took_ms: 12,
    };
    Batch { blobs: agents.iter().map(|(spec, _)| blob_of(spec)).collect(), ..Batch::of(vec![event(fact)]) }
}

#[tokio::test]
async fn the_last_deployment_is_what_there_is() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (one, mut two) = (spec("one"), spec("two"));
        let files = vec![file("a.toml", "1", FileChange::Added), file("b.toml", "1", FileChange::Added)];
        let first = workspace.commit(deployed(1, &[(&one, 1), (&two, 1)], files)).await.unwrap();
        two.description = Some("the second".into());
        let three = spec("three");
        let files = vec![
            file("a.toml", "1", FileChange::Unchanged),
            file("b.toml", "1", FileChange::Removed),
            file("c.toml", "1", FileChange::Added),
            file("d.toml", "1", FileChange::Added),
        ];
        let second = workspace.commit(deployed(2, &[(&two, 2), (&three, 1)], files)).await.unwrap();
        let third = deployed(
            3,
            &[(&two, 2), (&three, 1)],
            vec![file("a.toml", "2", FileChange::Modified), file("d.toml", "1", FileChange::Unchanged)],
        );
        workspace.commit(third).await.unwrap();

        let agents = workspace.agents().await.unwrap();
        let listed: Vec<_> = agents.iter().map(|row| (row.name.as_str(), row.revision, row.seq)).collect();
        assert_eq!(listed, [("three", 1, second.last), ("two", 2, second.last)]);
        let row = workspace.agent(&two.name).await.unwrap().unwrap();
        assert_eq!((row.spec.description.as_deref(), row.spec_digest, row.at), (Some("the second"), blob_of(&two).0, second.at));
        assert_eq!(workspace.agent(&one.name).await.unwrap(), None);

        let row =
            |path: &str, content: &str, version| FileRow { path: path.into(), digest: Digest::of(content.as_bytes()), size: 1, version };
        assert_eq!(workspace.files().await.unwrap(), [row("a.toml", "2", 3), row("d.toml", "1", 2)]);
        let deployments = workspace.deployments(2).await.unwrap();
        assert_eq!(deployments.iter().map(|row| row.version).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(deployments[1].files, FileCounts { added: 2, modified: 0, unchanged: 1, removed: 1 });
        assert_eq!((deployments[1].agents, deployments[1].caller.who.as_ref(), deployments[1].took_ms), (2, "local", 12));
        assert!(deployments[1].git.as_ref().unwrap().dirty);
        assert_eq!(workspace.deployments(9).await.unwrap()[2].at, first.at);
    }
}

#[tokio::test]
async fn a_deployment_brings_its_specs() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let one = spec("one");
        let without = Batch { blobs: Vec::new(), ..deployed(1, &[(&one, 1)], Vec::new()) };
        assert!(matches!(workspace.commit(without.clone()).await, Err(Error::BlobMissing { digest }) if digest == blob_of(&one).0));
        assert_eq!(workspace.last().0, 0);
        workspace.put_blob(blob_of(&one).1).await.unwrap();
        workspace.commit(without).await.unwrap();
        assert_eq!(workspace.agents().await.unwrap().len(), 1);
    }
}

fn remember(text: &str, scope: Scope) -> NewEvent {
    let observation = Observation { entity: "e".into(), kind: "fact".into(), text: text.into(), scope, agent: "one".parse().unwrap() };
    event(Fact::ObservationStored { observation })
}

async fn texts(store: &Store, scope: Scope) -> Vec<String> {
    let workspace = store.workspace(&WorkspaceName::default()).unwrap();
    let filter = caxton_store::ObservationFilter { scope: Some(scope), ..Default::default() };
    workspace.observations(filter).await.unwrap().into_iter().map(|row| row.text).collect()
}

/// Writes a little of everything, then lets `damage` at the files of the closed store, and looks at it again.
async fn after(damage: impl FnOnce(&Path)) -> Store {
    let dir = tempfile::tempdir().unwrap().keep();
    let (store, workspace) = open(&dir, Durability::Normal);
    workspace.commit(deployed(1, &[(&spec("one"), 1)], Vec::new())).await.unwrap();
    for scope in [Scope::Workspace, Scope::Global, Scope::Workspace] {
        workspace.commit(Batch::of(vec![note("between", 1), remember("kept", scope)])).await.unwrap();
    }
    drop(workspace);
    store.close().await.unwrap();
    damage(&dir);
    let (store, workspace) = open(&dir, Durability::Normal);
    assert_eq!(workspace.agents().await.unwrap().len(), 1);
    assert_eq!(texts(&store, Scope::Workspace).await.len(), 2);
    assert_eq!(texts(&store, Scope::Global).await, ["kept"]);
    workspace.commit(Batch::of(vec![remember("new", Scope::Global), remember("new", Scope::Workspace)])).await.unwrap();
    assert_eq!(texts(&store, Scope::Global).await, ["new", "kept"]);
    assert_eq!(texts(&store, Scope::Workspace).await, ["new", "kept", "kept"]);
    fs::remove_dir_all(dir).unwrap();
    store
}

#[tokio::test]
async fn a_lost_projection_is_made_again() {
    after(|_| {}).await;
    after(|dir| fs::remove_file(dir.join("workspaces/default.db")).unwrap()).await;
    after(|dir| fs::remove_file(dir.join("global.db")).unwrap()).await;
    after(|dir| {
        fs::remove_file(dir.join("workspaces/default.db")).unwrap();
        fs::remove_file(dir.join("global.db")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_projection_ahead_of_its_journal_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    for scope in [Scope::Workspace, Scope::Global] {
        workspace.commit(Batch::of(vec![remember("lost", scope)])).await.unwrap();
    }
    drop(workspace);
    store.close().await.unwrap();
    // As after a loss of power that took the journal's last moments and not the projection's.
    fs::remove_file(dir.path().join("workspaces/default.journal.db")).unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    assert_eq!(texts(&store, Scope::Workspace).await, Vec::<String>::new());
    assert_eq!(texts(&store, Scope::Global).await, Vec::<String>::new());
    workspace.commit(Batch::of(vec![remember("new", Scope::Workspace)])).await.unwrap();
    assert_eq!(texts(&store, Scope::Workspace).await, ["new"]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    drop(workspace);
    store.close().await.unwrap();
    for (file, known) in [("workspaces/default.journal.db", 4), ("workspaces/default.db", 3), ("global.db", 1)] {
        let path = dir.path().join(file);
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.pragma_update(None, "user_version", 77).unwrap();
        let error = Store::open(Options::new(dir.path())).and_then(|store| store.workspace(&WorkspaceName::default())).err().unwrap();
        let expected = format!("`{}` has schema version 77; this program knows versions up to {known}", path.display());
        assert_eq!(error.to_string(), expected);
        conn.pragma_update(None, "user_version", known).unwrap();
    }
}

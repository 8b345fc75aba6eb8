//! Opening, closing, and what stands in the way.

use crate::{
    power,
    support::{BOTH, accept, note, open, open_with},
};
use caxton_store::{Batch, Error, Options, Store, ids};
use caxton_types::{Code, Durability, Fault as _, Seq, WorkspaceName};
use std::fs;

#[tokio::test]
async fn what_was_written_is_there_after_a_drop_and_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let (id, conversation) = (ids::message(), ids::conversation());
    {
        let (_store, workspace) = open(dir.path(), Durability::Full);
        let receipt = workspace.commit(accept(id, conversation)).await.unwrap();
        assert_eq!((receipt.first, receipt.last), (Seq(1), Seq(1)));
    }
    let (store, workspace) = open(dir.path(), Durability::Full);
    assert_eq!(workspace.last(), Seq(1));
    assert_eq!(workspace.message(id).await.unwrap().unwrap().message.conversation, conversation);
    assert_eq!(workspace.queued().await.unwrap().len(), 1);
    store.close().await.unwrap();
    let wal = dir.path().join("workspaces/default.journal.db-wal");
    assert!(fs::metadata(wal).map_or(0, |file| file.len()) == 0, "the log is empty after a close");
    assert!(matches!(workspace.commit(Batch::of(vec![note("a", 1)])).await, Err(Error::Closed)));
    let (_store, workspace) = open(dir.path(), Durability::Full);
    assert_eq!(workspace.commit(Batch::of(vec![note("a", 1)])).await.unwrap().first, Seq(2));
}

#[tokio::test]
async fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    for durability in BOTH {
        let (store, _workspace) = open(dir.path(), durability);
        let error = Store::open(Options::new(dir.path())).err().unwrap();
        let pid = std::process::id();
        let expected = format!("the data directory `{}` is in use by process {pid}", dir.path().display());
        assert_eq!((error.to_string(), error.code()), (expected, Code::Conflict));
        assert_eq!(error.hint().unwrap(), format!("stop process {pid}, or serve from another directory with `--data-dir DIR`"));
        store.close().await.unwrap();
    }
    assert!(Store::open(Options::new(dir.path())).is_ok());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(Options::new(file.join("data"))).err().unwrap();
    assert_eq!(error.to_string(), format!("could not create `{}`", file.join("data").display()));
    assert!(error.hint().unwrap().contains("check the disk"));
}

#[test]
fn a_damaged_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workspaces")).unwrap();
    let path = dir.path().join("workspaces/default.journal.db");
    fs::write(&path, "this is no database, however long one looks at it: ".repeat(100)).unwrap();
    let store = Store::open(Options::new(dir.path())).unwrap();
    let error = store.workspace(&WorkspaceName::default()).err().unwrap();
    assert!(matches!(&error, Error::Corrupt { path: named, .. } if **named == *path), "{error:?}");
    assert!(error.hint().unwrap().contains("backup"));
}

#[tokio::test]
async fn workspaces_are_listed_and_found_without_being_made() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (store, _workspace) = open(dir.path(), durability);
        let other: WorkspaceName = "other".parse().unwrap();
        assert!(store.existing(&other).unwrap().is_none());
        assert_eq!(store.workspace_names().unwrap(), [WorkspaceName::default()]);
        store.workspace(&other).unwrap().commit(Batch::of(vec![note("a", 1)])).await.unwrap();
        assert_eq!(store.existing(&other).unwrap().unwrap().last(), Seq(1));
        assert_eq!(store.existing(&WorkspaceName::default()).unwrap().unwrap().last(), Seq(0), "workspaces are apart");
        assert_eq!(store.workspace_names().unwrap(), [WorkspaceName::default(), other]);
        assert!(store.system().name().is_system());
    }
}

#[tokio::test]
async fn a_full_disk_refuses_whole_groups_and_is_survived() {
    power::register();
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) =
        open_with(Options { durability: Durability::Normal, vfs: Some(power::NAME.into()), ..Options::new(dir.path()) });
    let (id, conversation) = (ids::message(), ids::conversation());
    workspace.commit(accept(id, conversation)).await.unwrap();
    power::set_full(true);
    let error = workspace.commit(accept(ids::message(), conversation)).await.unwrap_err();
    let path = dir.path().join("workspaces/default.journal.db");
    assert_eq!((error.to_string(), error.code()), (format!("no room is left for `{}`", path.display()), Code::Exhausted));
    let taken = Batch { dequeue: vec![id], ..Batch::default() };
    assert!(matches!(workspace.commit(taken.clone()).await, Err(Error::Full { .. })));
    assert!(matches!(workspace.put_blob(vec![0; 5000].into()).await, Err(Error::Full { .. })));
    assert_eq!(workspace.last(), Seq(1));
    power::set_full(false);
    // The message still waits, in the table and in the writer's mind.
    assert_eq!(workspace.queued().await.unwrap().len(), 1);
    workspace.commit(taken).await.unwrap();
    assert_eq!(workspace.commit(accept(ids::message(), conversation)).await.unwrap().first, Seq(2));
    assert_eq!(workspace.conversation(conversation).await.unwrap().unwrap().messages, 2);
}

#[tokio::test]
async fn a_workspace_may_have_its_own_durability_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let fast: WorkspaceName = "fast-lane".parse().unwrap();
    let durabilities = [(fast.clone(), Durability::Normal)].into();
    let store = Store::open(Options { durabilities, ..Options::new(dir.path()) }).unwrap();
    assert_eq!(store.workspace(&fast).unwrap().durability(), Durability::Normal);
    assert_eq!(store.workspace(&WorkspaceName::default()).unwrap().durability(), Durability::Full);
}

//! What agents keep by key.

use crate::support::{BOTH, open, open_with};
use caxton_store::{DiskBounds, Error, Options, StateBounds, StateChange, StateOutcome, StateWrite, Workspace, now};
use caxton_types::{Durability, Timestamp, unit::ByteSize};
use serde_json::{Value, json};

const BOUNDS: StateBounds = StateBounds { keys_max: 3, bytes_max: 100 };

fn put(key: &str, value: Value, call: &str) -> StateWrite {
    StateWrite {
        owner: "agent:a".into(),
        key: key.into(),
        call: call.into(),
        change: StateChange::Put { value, expires: None },
        if_version: None,
        bounds: BOUNDS,
    }
}

fn delete(key: &str) -> StateWrite {
    StateWrite { change: StateChange::Delete, ..put(key, Value::Null, "d") }
}

fn until(write: StateWrite, expires: Timestamp) -> StateWrite {
    let StateChange::Put { value, .. } = write.change else { panic!("nothing is put") };
    StateWrite { change: StateChange::Put { value, expires: Some(expires) }, ..write }
}

async fn keys(workspace: &Workspace, prefix: &str, after: &str) -> Vec<String> {
    workspace.states("agent:a", prefix, after, 10).await.unwrap().into_iter().map(|row| row.key.into()).collect()
}

async fn kept(workspace: &Workspace, write: StateWrite) -> u64 {
    match workspace.write_state(write).await.unwrap() {
        StateOutcome::Kept { version, .. } => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_value_is_kept_found_listed_and_removed() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let first = kept(&workspace, put("b/1", json!({"n": 1}), "c1")).await;
        assert!(kept(&workspace, put("b/1", json!(2), "c2")).await > first);
        kept(&workspace, put("a", json!("ä"), "c3")).await;
        kept(&workspace, put("b/2", json!(null), "c4")).await;
        assert_eq!(workspace.state("agent:a", "b/1").await.unwrap().unwrap().value, json!(2));
        assert_eq!(workspace.state("agent:b", "b/1").await.unwrap(), None);
        assert_eq!(
            (keys(&workspace, "", "").await, keys(&workspace, "b/", "b/1").await),
            (vec!["a".into(), "b/1".into(), "b/2".into()], vec!["b/2".into()])
        );
        assert!(matches!(workspace.write_state(put("c", json!(1), "c5")).await.unwrap(), StateOutcome::Full { keys: 3, .. }));
        assert!(matches!(workspace.write_state(put("a", json!("x".repeat(100)), "c6")).await.unwrap(), StateOutcome::Full { .. }));
        assert_eq!(workspace.write_state(delete("a")).await.unwrap(), StateOutcome::Removed(true));
        assert_eq!(workspace.write_state(delete("a")).await.unwrap(), StateOutcome::Removed(false));
        kept(&workspace, put("c", json!("x".repeat(70)), "c7")).await;
    }
}

#[tokio::test]
async fn a_version_guards_a_change_and_a_second_attempt_changes_nothing() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let at = |version, write: StateWrite| StateWrite { if_version: Some(version), ..write };
        let first = kept(&workspace, at(0, put("a", json!(1), "c1"))).await;
        assert_eq!(workspace.write_state(at(0, put("a", json!(2), "c2"))).await.unwrap(), StateOutcome::Conflict { version: first });
        let second = kept(&workspace, at(first, put("a", json!(2), "c3"))).await;
        assert_eq!(
            workspace.write_state(at(first, put("a", json!(2), "c3"))).await.unwrap(),
            StateOutcome::Kept { version: second, is_new: false }
        );
        assert_eq!(workspace.write_state(at(first, delete("a"))).await.unwrap(), StateOutcome::Conflict { version: second });
        assert_eq!(workspace.write_state(at(second, delete("a"))).await.unwrap(), StateOutcome::Removed(true));
        assert_eq!(workspace.write_state(at(second, delete("a"))).await.unwrap(), StateOutcome::Removed(false));
        assert!(kept(&workspace, put("a", json!(3), "c4")).await > second, "a version is not given twice");
    }
}

#[tokio::test]
async fn what_its_time_is_over_for_is_gone_and_leaves_room() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let past = Timestamp::from_micros(now().as_micros() - 1);
        let future = Timestamp::from_micros(now().as_micros() + 3_600_000_000);
        for key in ["a", "b", "c"] {
            kept(&workspace, until(put(key, json!(1), key), past)).await;
        }
        assert_eq!((workspace.state("agent:a", "c").await.unwrap(), keys(&workspace, "", "").await), (None, vec![]));
        let StateOutcome::Kept { is_new: true, .. } = workspace.write_state(until(put("c", json!(2), "c"), future)).await.unwrap() else {
            panic!("it was gone")
        };
        kept(&workspace, put("d", json!(1), "d")).await;
        kept(&workspace, put("e", json!(1), "e")).await;
        assert_eq!(keys(&workspace, "", "").await, ["c", "d", "e"]);
        assert_eq!(workspace.state("agent:a", "c").await.unwrap().unwrap().expires, Some(future));
    }
}

#[tokio::test]
async fn it_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    let version = kept(&workspace, put("a", json!([1]), "c1")).await;
    drop(workspace);
    store.close().await.unwrap();
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let row = workspace.state("agent:a", "a").await.unwrap().unwrap();
    assert_eq!((row.value, row.version), (json!([1]), version));
    assert_eq!(workspace.write_state(put("a", json!([1]), "c1")).await.unwrap(), StateOutcome::Kept { version, is_new: false });
}

#[tokio::test]
async fn before_the_disk_is_full_nothing_more_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskBounds { used_max: Some(ByteSize::mib(4)), free_min: ByteSize::new(0) };
    let (_store, workspace) = open_with(Options { durability: Durability::Normal, disk, ..Options::new(dir.path()) });
    let bounds = StateBounds { keys_max: u64::MAX, bytes_max: u64::MAX };
    for key in 0.. {
        let write = StateWrite { bounds, ..put(&format!("k{key}"), json!("x".repeat(20_000)), "c") };
        if let Err(error) = workspace.write_state(write).await {
            assert!(matches!(error, Error::Ceiling { .. }), "{error}");
            break;
        }
    }
}

use super::*;
use crate::{Batch, Options, Store, ids};
use caxton_types::{Actor, CallerKind, Digest, Durability, Fact, NewEvent, TraceContext};
use serde_json::Value;

async fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Options { durability: Durability::Normal, ..Options::new(dir.path()) }).unwrap();
    let workspace = store.workspace(&WorkspaceName::default()).unwrap();
    let event = |number: u64| NewEvent {
        caller: Actor { who: "local".into(), kind: CallerKind::Local, verified: false },
        trace: TraceContext::new(7, 7),
        conversation: None,
        agent: None,
        turn: None,
        step: None,
        fact: Fact::ConfigChanged { key: "a".into(), old: Value::Null, new: format!("{number:>2000}").into() },
    };
    let large = vec![7_u8; 2 << 20];
    let blobs = vec![(Digest::of(&large), large.into())];
    workspace.commit(Batch { events: (0..200).map(event).collect(), blobs, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    dir
}

fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut all: Vec<_> = fs::read_dir(dir.join("workspaces")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), fs::metadata(path).unwrap().len())).collect()
}

fn check(dir: &Path, kind: &str) -> Report {
    let scratch = tempfile::tempdir().unwrap();
    let database = databases(dir).unwrap().into_iter().find(|database| database.kind.to_string() == kind).unwrap();
    database.check(&Look { whole: false, in_use: false, scratch: scratch.path() })
}

#[tokio::test]
async fn a_sound_directory_is_read_and_left_as_it_is() {
    let dir = directory().await;
    let before = files(dir.path());
    assert_eq!(holder(dir.path()).unwrap(), Holder::Nobody);
    let kinds: Vec<_> = databases(dir.path()).unwrap().into_iter().map(|database| database.kind.to_string()).collect();
    assert_eq!(
        kinds,
        ["journal of `_system`", "journal of `default`", "projection of `_system`", "projection of `default`", "shared memory"]
    );
    for kind in &kinds {
        let report = check(dir.path(), kind);
        assert!(report.damages.is_empty() && report.search_damages.is_empty() && report.newer.is_none(), "{kind}: {report:?}");
    }
    let journal = check(dir.path(), "journal of `default`");
    assert_eq!((journal.events, journal.blobs_missing), (200, 0));
    assert!(journal.last_at.unwrap() <= ids::now());
    assert_eq!(files(dir.path()), before, "nothing was made or changed");
    let seen = blobs(dir.path(), None).unwrap();
    assert_eq!((seen.files, seen.bytes, seen.checked, seen.damaged.len()), (1, 2 << 20, 1, 0));
    assert_eq!(blobs(dir.path(), Some(100)).unwrap().checked, 0);
}

#[tokio::test]
async fn whoever_has_the_directory_is_seen() {
    let dir = directory().await;
    let store = Store::open(Options::new(dir.path())).unwrap();
    assert_eq!(holder(dir.path()).unwrap(), Holder::Process(Some(std::process::id())));
    let scratch = tempfile::tempdir().unwrap();
    for database in databases(dir.path()).unwrap() {
        let report = database.check(&Look { whole: true, in_use: true, scratch: scratch.path() });
        assert!(report.damages.is_empty() && report.search_damages.is_empty(), "{database:?}: {report:?}");
    }
    store.close().await.unwrap();
    assert_eq!(holder(dir.path()).unwrap(), Holder::Nobody);
    assert_eq!(holder(&dir.path().join("nowhere")).unwrap(), Holder::Nobody);
}

#[tokio::test]
async fn what_is_damaged_is_found() {
    let dir = directory().await;
    let journal = dir.path().join("workspaces/default.journal.db");
    let mut bytes = fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    fs::write(&journal, bytes).unwrap();
    assert!(!check(dir.path(), "journal of `default`").damages.is_empty());
    let blob = {
        let folder = fs::read_dir(dir.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    };
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "something else").unwrap();
    assert_eq!(blobs(dir.path(), None).unwrap().damaged, [blob]);
}

#[tokio::test]
async fn a_search_index_that_lies_is_found() {
    let dir = directory().await;
    let path = dir.path().join("workspaces/default.db");
    let change = |sql: &str| {
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(sql).unwrap();
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    };
    let searched = || check(dir.path(), "projection of `default`").search_damages;
    change(
        "INSERT INTO scope (id, kind, owner) VALUES (9, 'global', 'x');
         INSERT INTO entity (id, uid, scope_id, name, kind, created, updated) VALUES (9, x'00', 9, 'oslo', 'city', 0, 0);
         INSERT INTO observation (id, entity_id, text, agent, workspace, seq, created) VALUES (99, 9, 'a fjord', 'a', 'default', 1, 0);",
    );
    assert_eq!(searched(), Vec::<String>::new());
    // The text changes, and the index is not told.
    change("DROP TRIGGER observation_fts_update; UPDATE observation SET text = 'a harbour';");
    assert!(searched()[0].contains("does not fit its texts"), "{:?}", searched());
    change("DELETE FROM fts_docsize");
    assert_eq!(searched(), ["1 observations are not in the search index"]);
    change("DELETE FROM fts_data WHERE id > 10");
    assert!(searched().iter().any(|line| line.contains("fts5: corruption")), "{:?}", searched());
}

#[test]
fn paths_stand_in_uris() {
    assert_eq!(escaped(Path::new("/a b/ü?#%.db")), "/a%20b/%C3%BC%3F%23%25.db");
    assert_eq!(with_suffix(Path::new("/a/b.db"), "-wal"), Path::new("/a/b.db-wal"));
}

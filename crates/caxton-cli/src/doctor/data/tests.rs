use super::{super::report::Verdict, *};

const OPEN: Bounds = Bounds { used_max: None, free_min: 0 };

fn check(finding: &Finding, verdict: Verdict, part: &str) {
    assert_eq!(finding.verdict, verdict, "{finding:?}");
    assert!(finding.detail.contains(part), "{finding:?}");
    assert_eq!(finding.todo.is_some(), verdict >= Verdict::Warn, "{finding:?}");
}

#[test]
fn modes_are_read() {
    let place = |mode| Place { is_dir: true, mode: Some(mode), owner: Some(1), writable: true, free: None };
    let of = |place| access(Path::new("/data"), place);
    check(&of(place(0o700)), Verdict::Ok, "its owner alone");
    check(&of(place(0o755)), Verdict::Warn, "read by others (mode 0755)");
    check(&of(place(0o770)), Verdict::Fail, "changed by others (mode 0770)");
    check(&of(Place { writable: false, ..place(0o700) }), Verdict::Fail, "cannot be written");
    check(&of(Place { is_dir: false, ..place(0o700) }), Verdict::Fail, "no directory");
    check(&of(Place { mode: None, ..place(0) }), Verdict::Ok, "");
}

#[test]
fn room_is_compared_with_its_bounds() {
    let bounds = Bounds { used_max: Some(1000), free_min: 100 };
    check(&room(10, Some(10_000), bounds), Verdict::Ok, "10 bytes held of at most 1000 bytes, 9.8 KiB free");
    check(&room(900, Some(10_000), bounds), Verdict::Warn, "soon");
    check(&room(1000, Some(10_000), bounds), Verdict::Fail, "new work is refused");
    check(&room(10, Some(199), bounds), Verdict::Warn, "soon");
    check(&room(10, Some(99), bounds), Verdict::Fail, "new work is refused");
    check(&room(10, None, OPEN), Verdict::Ok, "10 bytes held");
    check(&room(10, Some(0), OPEN), Verdict::Ok, "");
}

#[test]
fn what_is_not_there_is_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("a/b");
    check(&directory(&nowhere, OPEN)[0], Verdict::Info, "the first start makes it");
    check(&databases(&nowhere, false, Holder::Nobody).unwrap().findings[0], Verdict::Info, "none yet");
    check(&blobs(&nowhere, true), Verdict::Ok, "0 files");
    check(&secrets(None), Verdict::Info, "none");
    check(&secrets(Some(&nowhere)), Verdict::Fail, "No such file");
}

#[test]
fn every_damage_says_what_to_do() {
    let path = PathBuf::from("/data/workspaces/shop.db");
    let damaged = |kind, report: Report| damages(&Database { kind, path: path.clone() }, &report);
    let report = Report { damages: vec!["a".into(), "b".into()], ..Report::default() };
    let workspace: caxton_types::WorkspaceName = "shop".parse().unwrap();
    let found = damaged(Kind::Journal(workspace.clone()), report.clone());
    check(&found[0], Verdict::Fail, "journal of `shop` is damaged: a\nb");
    assert!(found[0].todo.as_ref().unwrap().contains("backup"));
    let found = damaged(Kind::Projection(workspace.clone()), report);
    assert!(found[0].todo.as_ref().unwrap().contains("made again"));
    let report = Report { search_damages: vec!["x".into()], blobs_missing: 2, newer: Some(9), ..Report::default() };
    assert_eq!(damaged(Kind::Projection(workspace), report).len(), 3);
    assert_eq!(damaged(Kind::Global, Report::default()), []);
}

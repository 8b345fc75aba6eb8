//! Single files that are granted: those, nothing beside them, and only to be read.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use caxton_sandbox::{Call, Component, Error, GrantError, Reuse};
use caxton_types::{Access, Code, DirectoryGrant, Fault, FileGrant, Permissions};
use tempfile::TempDir;

use crate::{probe::probe, support::shared};

const NO_ENTRY: &str = "!20";
const NOT_PERMITTED: &str = "!31";

fn file(host: PathBuf, guest: &str) -> FileGrant {
    FileGrant { host, guest: guest.into() }
}

fn granted(files: Vec<FileGrant>) -> Permissions {
    Permissions { files, ..Permissions::default() }
}

async fn load(permissions: &Permissions) -> Component {
    shared().load_granted("probe", probe(), permissions).await.unwrap()
}

async fn ask(component: &Component, what: &str) -> String {
    component.call(Call::new("echo", what)).await.unwrap().result_json
}

async fn failed(component: &Component) -> Error {
    component.call(Call::new("echo", "n")).await.unwrap_err()
}

/// `conf` and `logs`, with files that are meant and files that are not.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for directory in ["conf", "logs/d.log"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    for path in ["conf/app.yaml", "conf/beside.yaml", "logs/a.log", "logs/b.log", "logs/.hidden.log", "logs/c.txt", "outside"] {
        fs::write(at(path), path).unwrap();
    }
    symlink("a.log", at("logs/in.log")).unwrap();
    symlink("../outside", at("logs/out.log")).unwrap();
    symlink("../outside", at("conf/out.yaml")).unwrap();
    folder
}

fn at(folder: &TempDir, path: &str) -> PathBuf {
    folder.path().join(path)
}

#[tokio::test]
async fn a_file_is_granted_and_nothing_beside_it() {
    let folder = folder();
    let grants = vec![file(at(&folder, "conf/app.yaml"), "/config/settings.yaml"), file(at(&folder, "logs/*.log"), "/logs/*.log")];
    let component = load(&granted(grants)).await;
    assert_eq!(ask(&component, "n").await, "2");
    for (what, expected) in
        [("r0settings.yaml", "conf/app.yaml"), ("r1a.log", "logs/a.log"), ("r1b.log", "logs/b.log"), ("r1in.log", "logs/a.log")]
    {
        assert_eq!(ask(&component, what).await, expected, "{what}");
    }
    for what in ["r0app.yaml", "r0beside.yaml", "r1.hidden.log", "r1c.txt", "r1d.log", "r1out.log"] {
        assert_eq!(ask(&component, what).await, NO_ENTRY, "{what}");
    }
    for what in ["r0../1/a.log", "r0../0/settings.yaml", "w0settings.yaml", "u0settings.yaml", "w0new", "d1new", "m1a.log"] {
        assert_eq!(ask(&component, what).await, NOT_PERMITTED, "{what}");
    }
    assert_eq!(fs::read_to_string(at(&folder, "conf/app.yaml")).unwrap(), "conf/app.yaml");
    // The guard is the grant of the file: where its directory is granted, the others are there.
    let whole = DirectoryGrant { host: at(&folder, "conf"), guest: "/config".into(), access: Access::Read };
    let component = load(&Permissions { directories: vec![whole], ..Permissions::default() }).await;
    assert_eq!(ask(&component, "r0beside.yaml").await, "conf/beside.yaml");
}

#[tokio::test]
async fn each_instance_finds_what_is_there_then() {
    let folder = folder();
    let component =
        load(&granted(vec![file(at(&folder, "conf/app.yaml"), "/app.yaml"), file(at(&folder, "logs/*.log"), "/logs/*.log")])).await;
    assert_eq!(ask(&component, "r0app.yaml").await, "conf/app.yaml");
    // As editors and deployments do it: another file takes its place.
    fs::write(at(&folder, "next"), "next").unwrap();
    fs::rename(at(&folder, "next"), at(&folder, "conf/app.yaml")).unwrap();
    fs::write(at(&folder, "logs/new.log"), "new").unwrap();
    assert_eq!((ask(&component, "r0app.yaml").await.as_str(), ask(&component, "r1new.log").await.as_str()), ("next", "new"));
    fs::remove_file(at(&folder, "conf/app.yaml")).unwrap();
    let gone = failed(&component).await;
    assert!(matches!(&gone, Error::Grant(GrantError::File { path, .. }) if *path == at(&folder, "conf/app.yaml")), "{gone}");
    assert_eq!(gone.code(), Code::Unavailable);
}

#[tokio::test]
async fn an_instance_that_waits_keeps_what_it_found() {
    let folder = folder();
    let component = load(&granted(vec![file(at(&folder, "conf/app.yaml"), "/app.yaml")])).await;
    for _ in 0..3 {
        let call = Call { reuse: Some(Reuse::default()), ..Call::new("echo", "r0app.yaml") };
        assert_eq!(component.call(call).await.unwrap().result_json, "conf/app.yaml");
    }
}

#[tokio::test]
async fn what_is_denied_is_not_lent() {
    let folder = folder();
    let logs = granted(vec![file(at(&folder, "logs/*.log"), "/logs/*.log")]);
    let component = load(&Permissions { denied_paths: vec![at(&folder, "logs/b.log")], ..logs.clone() }).await;
    assert_eq!((ask(&component, "r0a.log").await.as_str(), ask(&component, "r0b.log").await.as_str()), ("logs/a.log", NO_ENTRY));
    let refused = async |permissions: &Permissions| shared().load_granted("probe", probe(), permissions).await.unwrap_err().code();
    assert_eq!(refused(&Permissions { denied_paths: vec![at(&folder, "logs")], ..logs }).await, Code::Denied);
    assert_eq!(refused(&granted(vec![file(Path::new("/proc/self/environ").into(), "/environ")])).await, Code::Denied);
    // No link leads out of the file's directory.
    let out = failed(&load(&granted(vec![file(at(&folder, "conf/out.yaml"), "/out.yaml")])).await).await;
    assert!(out.to_string().contains("a link leads out of its directory"), "{out}");
}

#[tokio::test]
async fn a_place_has_one_thing() {
    let folder = folder();
    let app = || file(at(&folder, "conf/app.yaml"), "/config/app.yaml");
    let mut both = granted(vec![app()]);
    both.directories.push(DirectoryGrant { host: at(&folder, "logs"), guest: "/config".into(), access: Access::Read });
    let refused = shared().load_granted("probe", probe(), &both).await.unwrap_err();
    assert!(matches!(&refused, Error::Grant(GrantError::GuestPath { .. })), "{refused}");
    let twice = load(&granted(vec![app(), file(at(&folder, "conf/beside.yaml"), "/config/app.yaml")])).await;
    assert!(failed(&twice).await.to_string().contains("is to be found there too"));
    let same = load(&granted(vec![app(), file(at(&folder, "conf/*.yaml"), "/config/*.yaml")])).await;
    assert_eq!(ask(&same, "r0beside.yaml").await, "conf/beside.yaml");
}

//! What a guest may do with the directories it is granted, and how much. Every refusal has its twin: with the guard
//! opened, the same guest does the same and succeeds.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use caxton_sandbox::{Call, CallEnded, CallOutcome, Component, Error, GrantError, Limits, Sandbox, Secrets};
use caxton_types::{Access, Code, DirectoryGrant, EnvGrant, EnvSource, Fault, Permissions, error::ResourceError, unit::ByteSize};
use tempfile::TempDir;

use crate::{
    guest::{Guest, tool_with},
    probe::probe,
    support::{sandbox, shared},
};

const BAD_DESCRIPTOR: &str = "!03";
const NO_ENTRY: &str = "!20";
const NOT_PERMITTED: &str = "!31";

fn granted(host: &Path, access: Access) -> Permissions {
    Permissions { directories: vec![DirectoryGrant { host: host.to_owned(), guest: "/data".into(), access }], ..Permissions::default() }
}

async fn load(permissions: &Permissions) -> Component {
    shared().load_granted("probe", probe(), permissions).await.unwrap()
}

async fn refused(permissions: &Permissions) -> Error {
    shared().load_granted("probe", probe(), permissions).await.unwrap_err()
}

async fn ask(component: &Component, what: &str) -> String {
    component.call(Call::new("echo", what)).await.unwrap().result_json
}

async fn limited(component: &Component, what: &str, change: impl FnOnce(&mut Limits)) -> CallEnded {
    let mut call = Call::new("echo", what);
    change(&mut call.limits);
    component.perform(call).await
}

/// What is written down where the guest is told that this is not permitted.
async fn denied(component: &Component, what: &str) -> String {
    let ended = limited(component, what, |_| {}).await;
    assert_eq!(ended.result.unwrap(), NOT_PERMITTED, "{what}");
    let [denial] = &ended.denials[..] else { panic!("{what}: {:?}", ended.denials) };
    assert_eq!(denial.key, "directories");
    denial.what.clone()
}

/// `inside/plain`, `outside`, and links from the one to the other.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir_all(inside.join("deep/secret")).unwrap();
    fs::write(inside.join("plain"), "plain").unwrap();
    fs::write(inside.join("deep/secret/key"), "key").unwrap();
    fs::write(folder.path().join("outside"), "outside").unwrap();
    symlink("plain", inside.join("good")).unwrap();
    symlink("../outside", inside.join("escape")).unwrap();
    symlink(folder.path().join("outside"), inside.join("absolute")).unwrap();
    symlink("deep/secret/key", inside.join("to-key")).unwrap();
    folder
}

#[tokio::test]
async fn without_a_grant_there_is_no_directory() {
    let component = load(&Permissions::default()).await;
    assert_eq!(ask(&component, "n").await, "0");
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::Read)).await;
    assert_eq!(ask(&component, "n").await, "1");
}

#[tokio::test]
async fn nobody_leaves_a_granted_directory() {
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::ReadWrite)).await;
    assert_eq!((ask(&component, "r0plain").await, ask(&component, "r0good").await), ("plain".to_owned(), "plain".to_owned()));
    let absolute = folder.path().join("outside").display().to_string();
    for (out, told) in [
        ("r0../outside", "the path `../outside`"),
        ("r0deep/../../outside", "the path `deep/../../outside`"),
        ("r0escape", "the path `escape`"),
        ("r0absolute", "the path `absolute`"),
        ("r0/etc/passwd", "the path `/etc/passwd`"),
        (&format!("r0{absolute}"), &format!("the path `{absolute}`")),
        ("k0../inside/good", "the path `../inside/good`"),
        ("w0../new", "writing to `../new`"),
        ("w0escape", "writing to `escape`"),
        ("d0../new", "making the directory `../new`"),
        ("u0../outside", "removing `../outside`"),
        ("e0../inside/deep", "removing `../inside/deep`"),
        ("m0../outside", "moving `../outside` to `moved`"),
        ("l0../outside", "the symbolic link `x`"),
    ] {
        assert_eq!(denied(&component, out).await, told, "{out}");
    }
    // Of a path of any length the beginning is told.
    let long = denied(&component, &format!("r0../{}", "é".repeat(2000))).await;
    assert!(long.starts_with("the path `../éé") && long.ends_with("é…") && long.len() < 520, "{long}");
    // What is not there, or there already, is no denial.
    for (what, answer) in [("r0none", NO_ENTRY), ("u0none", NO_ENTRY), ("k0none", NO_ENTRY), ("d0deep", "!07"), ("k0good", "plain")] {
        let ended = limited(&component, what, |_| {}).await;
        assert_eq!((ended.result.unwrap().as_str(), ended.denials), (answer, vec![]), "{what}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "outside");
    // The guard is the directory: granted the one above, the same paths lead somewhere.
    let above = load(&granted(folder.path(), Access::ReadWrite)).await;
    assert_eq!(
        (ask(&above, "r0inside/escape").await, ask(&above, "r0inside/../outside").await),
        ("outside".to_owned(), "outside".to_owned())
    );
}

#[tokio::test]
async fn what_is_granted_for_reading_is_not_written() {
    let folder = folder();
    let inside = folder.path().join("inside");
    let reads = load(&granted(&inside, Access::Read)).await;
    for (what, told) in [
        ("w0new", "writing to `new`"),
        ("w0plain", "writing to `plain`"),
        ("z0plain", "writing to `plain`"),
        ("b0plain", "writing to `plain`"),
        ("c0plain", "writing to `plain`"),
        ("a0plain", "writing to `plain`"),
        ("d0new", "making the directory `new`"),
        ("u0plain", "removing `plain`"),
        ("e0deep", "removing `deep`"),
        ("m0plain", "moving `plain` to `moved`"),
    ] {
        assert_eq!(denied(&reads, what).await, told);
    }
    assert_eq!(fs::read_to_string(inside.join("plain")).unwrap(), "plain");
    let writes = load(&granted(&inside, Access::ReadWrite)).await;
    // What is opened for reading is not written there either, which is no matter of grants.
    let ended = limited(&writes, "a0plain", |_| {}).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.denials), (BAD_DESCRIPTOR, vec![]));
    for what in ["w0new", "d0made", "e0made", "d0made", "m0plain", "u0moved"] {
        assert_eq!(ask(&writes, what).await, "ok", "{what}");
    }
    assert_eq!(fs::metadata(inside.join("new")).unwrap().len(), 4096);
    assert!(inside.join("made").is_dir() && !inside.join("plain").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_denied_is_denied_inside_what_is_granted() {
    let folder = folder();
    let inside = folder.path().join("inside");
    let open = granted(&inside, Access::ReadWrite);
    let guarded = Permissions { denied_paths: vec![inside.join("deep/secret")], ..open.clone() };
    let component = load(&guarded).await;
    for what in
        ["r0deep/secret/key", "r0to-key", "r0deep/../deep/secret/key", "w0deep/secret/new", "u0deep/secret/key", "m0deep", "m0deep/secret"]
    {
        let told = denied(&component, what).await;
        assert!(told.starts_with("the path `"), "{what}: {told}");
    }
    assert_eq!(ask(&component, "r0plain").await, "plain");
    assert_eq!(ask(&load(&open).await, "r0to-key").await, "key");
    // A directory that is itself denied, or the system's, is not granted at all.
    let denied = refused(&Permissions { denied_paths: vec![folder.path().to_owned()], ..open }).await;
    assert!(matches!(&denied, Error::Grant(GrantError::DirectoryDenied { .. })), "{denied}");
    for system in ["/proc/self", "/sys", "/dev"] {
        assert_eq!(refused(&granted(Path::new(system), Access::Read)).await.code(), Code::Denied, "{system}");
    }
    let all = load(&granted(Path::new("/"), Access::Read)).await;
    assert_eq!(ask(&all, "r0proc/self/environ").await, NOT_PERMITTED);
}

#[tokio::test]
async fn the_sandbox_does_not_give_its_own_folders_away() {
    let (own, folder) = sandbox(|options| options.compiled_dir = Some(options.scratch_dir.with_file_name("compiled")));
    let all = own.load_granted("probe", probe(), &granted(folder.path(), Access::ReadWrite)).await.unwrap();
    for what in ["w0compiled/x", "w0scratch/x"] {
        assert_eq!(ask(&all, what).await, NOT_PERMITTED, "{what}");
    }
    assert_eq!(ask(&all, "w0other").await, "ok");
}

/// Opening a pipe waits for whoever opens its other end, and nothing ends that: neither the guest's limits nor the server's stop.
#[tokio::test]
async fn what_is_neither_file_nor_directory_is_not_opened() {
    let folder = folder();
    let inside = folder.path().join("inside");
    let pipe = |path: &Path| {
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
    };
    pipe(&inside.join("pipe"));
    symlink("pipe", inside.join("to-pipe")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(inside.join("socket")).unwrap();
    let component = load(&granted(&inside, Access::ReadWrite)).await;
    for what in ["r0pipe", "w0pipe", "r0to-pipe", "r0deep/../pipe", "r0socket"] {
        let ended = limited(&component, what, |limits| limits.wall = Duration::from_secs(5)).await;
        assert_eq!((ended.result.unwrap().as_str(), ended.denials.len()), (NOT_PERMITTED, 1), "{what}");
    }
    // They may be moved and removed like any other entry.
    assert_eq!((ask(&component, "m0pipe").await.as_str(), ask(&component, "u0moved").await.as_str()), ("ok", "ok"));
}

#[tokio::test]
async fn a_guest_makes_no_symbolic_links() {
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::ReadWrite)).await;
    assert_eq!(denied(&component, "l0../outside").await, "the symbolic link `x`");
    assert!(!folder.path().join("inside/x").exists());
}

#[tokio::test]
async fn what_is_written_ends_at_its_limit() {
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::ReadWrite)).await;
    let limit = ByteSize::new(100_000);
    for flood in ["f0flood", "s0streamed", "z0sparse"] {
        let ended = limited(&component, flood, |limits| limits.disk = limit).await;
        let error = ended.result.unwrap_err();
        assert!(matches!(error, Error::Limit(ResourceError::DiskLimitExceeded { limit: told }) if told == limit), "{flood}: {error}");
        assert!(ended.usage.disk_written <= limit, "{flood}: {}", ended.usage.disk_written);
    }
    for name in ["flood", "streamed", "sparse"] {
        assert!(fs::metadata(folder.path().join("inside").join(name)).unwrap().len() <= limit.get(), "{name}");
    }
    let ended = limited(&component, "z0sparse", |limits| limits.disk = ByteSize::mib(1025)).await;
    assert_eq!(ended.result.unwrap(), "ok");
    // A file and its first block.
    let ended = limited(&component, "w0small", |limits| limits.disk = ByteSize::new(8192)).await;
    assert_eq!((ended.result.unwrap().as_str(), ended.usage.disk_written, ended.usage.open_files), ("ok", ByteSize::new(8192), 1));
    // Without room for one more entry nothing is made.
    let ended = limited(&component, "d0none", |limits| limits.disk = ByteSize::new(4095)).await;
    assert!(ended.result.is_err() && !folder.path().join("inside/none").exists());
}

#[tokio::test]
async fn files_that_stay_open_end_at_their_limit() {
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::Read)).await;
    let ended = limited(&component, "o0plain", |limits| limits.open_files = 20).await;
    assert_eq!(ended.result.unwrap_err().to_string(), "more than 20 files were open at once");
    assert_eq!(ended.usage.open_files, 20);
    let ended = limited(&component, "r0plain", |limits| limits.open_files = 1).await;
    assert_eq!(ended.result.unwrap(), "plain");
    assert_eq!(limited(&component, "r0none", |_| {}).await.result.unwrap(), NO_ENTRY);
}

#[tokio::test]
async fn what_is_printed_ends_at_its_limit() {
    let component = load(&Permissions::default()).await;
    let ended = limited(&component, "p0", |limits| limits.printed = ByteSize::mib(3)).await;
    let error = ended.result.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::PrintLimitExceeded { limit }) if limit == ByteSize::mib(3)), "{error}");
    assert_eq!(ended.usage.printed, ByteSize::mib(3));
}

#[tokio::test]
async fn a_directory_that_is_gone_is_named() {
    let folder = folder();
    let inside = folder.path().join("inside");
    let component = load(&granted(&inside, Access::Read)).await;
    fs::remove_dir_all(&inside).unwrap();
    let error = component.call(Call::new("echo", "n")).await.unwrap_err();
    assert!(matches!(&error, Error::Grant(GrantError::Directory { path, .. }) if *path == inside), "{error}");
}

#[tokio::test]
async fn two_directories_do_not_share_a_place() {
    let folder = folder();
    let mut twice = granted(folder.path(), Access::Read);
    twice.directories.push(twice.directories[0].clone());
    assert_eq!(refused(&twice).await.to_string(), "`/data` cannot be the place of a granted directory: another directory is there already");
    let mut taken = granted(folder.path(), Access::Read);
    taken.directories[0].guest = "/attachments/".into();
    assert_eq!(refused(&taken).await.code(), Code::Invalid);
}

/// Answers with the value of its first variable.
fn environment() -> Vec<u8> {
    let import = (
        "package wasi:cli@0.2.6 { interface environment { get-environment: func() -> list<tuple<string, string>>; } }",
        "wasi:cli/environment@0.2.6",
    );
    let fields = r#"(import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))"#;
    let body = "(call $environment (i32.const 2048))
        (if (i32.ne (i32.load (i32.const 2052)) (i32.const 1)) (then (unreachable)))
        (i32.store (i32.const 3076) (i32.load offset=8 (i32.load (i32.const 2048))))
        (i32.store (i32.const 3080) (i32.load offset=12 (i32.load (i32.const 2048))))
        (i32.const 3072)";
    tool_with(&Guest { import: Some(import), fields, body, ..Guest::default() })
}

#[tokio::test]
async fn variables_and_secrets_are_those_that_are_named() {
    let (own, _folder) = sandbox(|options| options.secrets = Secrets::new(|name| (name == "token").then(|| "s3cret".into())));
    let call = async |sandbox: &Sandbox, source: EnvSource| -> Result<CallOutcome, Error> {
        let permissions = Permissions { environment: vec![EnvGrant { name: "WORD".into(), source }], ..Permissions::default() };
        sandbox.load_granted("env", environment(), &permissions).await?.call(Call::new("echo", "{}")).await
    };
    assert_eq!(call(&own, EnvSource::Value("plain".into())).await.unwrap().result_json, "plain");
    assert_eq!(call(&own, EnvSource::Secret("token".into())).await.unwrap().result_json, "s3cret");
    let error = call(&own, EnvSource::Secret("other".into())).await.unwrap_err();
    assert_eq!(error.to_string(), "the variable `WORD` is the secret `other`, which the server does not have");
    assert!(!format!("{own:?}").contains("s3cret"));
    let reserved = Permissions {
        environment: vec![EnvGrant { name: "CAXTON_IDEMPOTENCY_KEY".into(), source: EnvSource::Value("x".into()) }],
        ..Permissions::default()
    };
    assert_eq!(own.load_granted("env", environment(), &reserved).await.unwrap_err().code(), Code::Invalid);
}

#[tokio::test]
async fn what_is_handed_over_at_once_ends_at_its_limit() {
    let folder = folder();
    let component = load(&granted(&folder.path().join("inside"), Access::ReadWrite)).await;
    let small = |limits: &mut Limits, host_call| (limits.output, limits.host_call) = (ByteSize::new(1), ByteSize::new(host_call));
    let path = format!("r0{}", "x".repeat(100_000));
    let ended = limited(&component, &path, |limits| small(limits, 80_000)).await;
    assert_eq!(ended.result.unwrap_err().to_string(), format!("more than {} was handed to the host at once", ByteSize::new(80_000)));
    let ended = limited(&component, &path, |limits| limits.host_call = ByteSize::new(120_000)).await;
    assert!(ended.result.unwrap().starts_with('!'));
}

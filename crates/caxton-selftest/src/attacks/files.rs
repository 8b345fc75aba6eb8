//! Guests that look for files of the host.

use std::path::Path;

use caxton_types::{Access, Permissions, unit::ByteSize};

use crate::{
    Error, Guard, Outcome,
    attack::{Attack, Side, attacks},
    guest,
    stage::{Stage, directory},
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "dot-dot-escape" by Directories: "reads `../canary` from a granted directory" => dot_dot_escape;
    "symlink-escape" by Directories: "follows a link out of a granted directory" => symlink_escape;
    "absolute-path" by Directories: "hands the host an absolute path, which is in none of its directories" => absolute_path;
    "write-outside" by Directories: "overwrites the file beside the granted directory" => write_outside;
    "write-read-only" by Directories: "writes to what it may read" => write_read_only;
    // Where denied paths cannot be enforced, a directory with one inside is not granted at all.
    #[cfg(target_os = "linux")]
    "denied-path" by Directories: "reads what is denied inside a granted directory" => denied_path;
    #[cfg(target_os = "linux")]
    "protected-path" by Directories: "reads the server's own files inside a granted directory" => protected_path;
    #[cfg(target_os = "linux")]
    "pipe-stall" by Directories (control): "opens a pipe in a granted directory, which nobody ever writes to" => pipe_stall;
    #[cfg(target_os = "linux")]
    "proc-environ" by Directories (control): "granted the whole file system, reads the process's own environment in /proc" => proc_environ;
    "fd-exhaustion" by OpenFiles: "opens two hundred files and closes none" => fd_exhaustion;
    "disk-flood" by Disk: "writes a megabyte to a granted directory" => disk_flood;
};

/// As `wasi:filesystem` says it.
const NOT_PERMITTED: &str = "!31";
const SAID: &str = "wasi:filesystem says `not-permitted`";

async fn escape(stage: &Stage, permissions: Permissions, arguments: &str, gain: &str) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::files()?, arguments).granted(permissions).gains(gain);
    Ok(attempt.foiled(NOT_PERMITTED, Guard::Directories, SAID).run().await)
}

/// A path below the folder of the selftest, after what to do with it.
fn path(stage: &Stage, what: char, path: &str) -> String {
    format!("{what}{}/{path}", stage.above().display())
}

/// What is granted: the directory, or the one above it too.
fn granted(stage: &Stage, side: Side, access: Access) -> Permissions {
    directory(&side.pick(stage.inside(), stage.above().to_owned()), access)
}

async fn dot_dot_escape(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = path(stage, 'r', "inside/../canary");
    escape(stage, granted(stage, side, Access::Read), &path, &stage.canary.word).await
}

async fn symlink_escape(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = path(stage, 'r', "inside/escape");
    escape(stage, granted(stage, side, Access::Read), &path, &stage.canary.word).await
}

/// In none of its directories: it hands the whole path to the host.
async fn absolute_path(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = path(stage, 'r', "canary");
    escape(stage, granted(stage, side, Access::Read), &path, &stage.canary.word).await
}

async fn write_outside(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = path(stage, 'w', "inside/../canary");
    escape(stage, granted(stage, side, Access::ReadWrite), &path, "ok").await
}

async fn write_read_only(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let access = side.pick(Access::Read, Access::ReadWrite);
    escape(stage, directory(&stage.inside(), access), &path(stage, 'w', "inside/written"), "ok").await
}

#[cfg(target_os = "linux")]
async fn denied_path(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let denied_paths = side.pick(vec![stage.inside().join("secret")], vec![]);
    let permissions = Permissions { denied_paths, ..directory(&stage.inside(), Access::Read) };
    escape(stage, permissions, &path(stage, 'r', "inside/secret/key"), "key").await
}

/// Widened, the sandbox does not know that these files are the server's own.
#[cfg(target_os = "linux")]
async fn protected_path(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let protected = side.pick(vec![stage.inside().join("secret")], vec![]);
    let own = stage.own("protected-path", |options| options.protected_paths = protected)?;
    let attempt = stage.attempt_in(&own, guest::files()?, path(stage, 'r', "inside/secret/key"));
    let attempt = attempt.granted(directory(&stage.inside(), Access::Read)).gains("key");
    Ok(attempt.foiled(NOT_PERMITTED, Guard::Directories, SAID).run().await)
}

/// Opening it would hold the call, its thread and its slot for ever, so nobody can allow it. The control opens a file.
#[cfg(target_os = "linux")]
async fn pipe_stall(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = path(stage, 'r', side.pick("inside/pipe", "inside/plain"));
    escape(stage, directory(&stage.inside(), Access::Read), &path, "plain").await
}

/// Nobody can grant the system's own folders. The control reads another file with the same grant.
#[cfg(target_os = "linux")]
async fn proc_environ(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = side.pick("r/proc/self/environ".to_owned(), path(stage, 'r', "canary"));
    escape(stage, directory(Path::new("/"), Access::Read), &path, &stage.canary.word).await
}

async fn fd_exhaustion(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::files()?, path(stage, 'o', "inside/plain")).granted(directory(&stage.inside(), Access::Read));
    Ok(attempt.limited(|limits| limits.open_files = side.pick(64, 256)).run().await)
}

async fn disk_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::files()?, path(stage, 'f', "inside/flood")).granted(directory(&stage.inside(), Access::ReadWrite));
    let limit = side.pick(ByteSize::new(256 << 10), ByteSize::mib(4));
    Ok(attempt.limited(|limits| limits.disk = limit).run().await)
}

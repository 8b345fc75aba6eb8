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
    "absolute-path" by Directories: "reads a file by its absolute path" => absolute_path;
    "write-outside" by Directories: "overwrites the file beside the granted directory" => write_outside;
    "write-read-only" by Directories: "writes to what it may read" => write_read_only;
    // Where denied paths cannot be enforced, a directory with one inside is not granted at all.
    #[cfg(target_os = "linux")]
    "denied-path" by Directories: "reads what is denied inside a granted directory" => denied_path;
    #[cfg(target_os = "linux")]
    "pipe-stall" by Directories: "opens a pipe in a granted directory, which nobody ever writes to" => pipe_stall;
    #[cfg(target_os = "linux")]
    "proc-environ" by Directories: "granted the whole file system, reads the process's own environment in /proc" => proc_environ;
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

/// Widened, the directory above is granted.
async fn dot_dot_escape(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let (granted, path) = side.pick((stage.inside(), "r0../canary"), (stage.above().to_owned(), "r0inside/../canary"));
    escape(stage, directory(&granted, Access::Read), path, &stage.canary.word).await
}

async fn symlink_escape(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let (granted, path) = side.pick((stage.inside(), "r0escape"), (stage.above().to_owned(), "r0inside/escape"));
    escape(stage, directory(&granted, Access::Read), path, &stage.canary.word).await
}

/// No absolute path leads anywhere; widened, the same file is where the guest is granted its directory.
async fn absolute_path(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let absolute = format!("r0{}", stage.canary.file.display());
    let (granted, path) = side.pick((stage.inside(), absolute.as_str()), (stage.above().to_owned(), "r0canary"));
    escape(stage, directory(&granted, Access::Read), path, &stage.canary.word).await
}

async fn write_outside(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let (granted, path) = side.pick((stage.inside(), "w0../canary"), (stage.above().to_owned(), "w0canary"));
    escape(stage, directory(&granted, Access::ReadWrite), path, "ok").await
}

async fn write_read_only(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let access = side.pick(Access::Read, Access::ReadWrite);
    escape(stage, directory(&stage.inside(), access), "w0written", "ok").await
}

#[cfg(target_os = "linux")]
async fn denied_path(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let denied_paths = side.pick(vec![stage.inside().join("secret")], vec![]);
    let permissions = Permissions { denied_paths, ..directory(&stage.inside(), Access::Read) };
    escape(stage, permissions, "r0secret/key", "key").await
}

/// Opening it would hold the call, its thread and its slot for ever. Its honest twin opens a file.
#[cfg(target_os = "linux")]
async fn pipe_stall(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let path = side.pick("r0pipe", "r0plain");
    escape(stage, directory(&stage.inside(), Access::Read), path, "plain").await
}

/// The guard of the system's own folders cannot be widened; its twin reads another file with the same grant.
#[cfg(target_os = "linux")]
async fn proc_environ(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let canary = format!("r0{}", stage.canary.file.display().to_string().trim_start_matches('/'));
    let path = side.pick("r0proc/self/environ", canary.as_str());
    escape(stage, directory(Path::new("/"), Access::Read), path, &stage.canary.word).await
}

async fn fd_exhaustion(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::files()?, "o0plain").granted(directory(&stage.inside(), Access::Read));
    Ok(attempt.limited(|limits| limits.open_files = side.pick(64, 256)).run().await)
}

async fn disk_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let attempt = stage.attempt(guest::files()?, "f0flood").granted(directory(&stage.inside(), Access::ReadWrite));
    let limit = side.pick(ByteSize::new(256 << 10), ByteSize::mib(4));
    Ok(attempt.limited(|limits| limits.disk = limit).run().await)
}

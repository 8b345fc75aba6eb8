//! What we ask of the `git` program.

use crate::error::{Error, Result};
use caxton_types::{Code, GitState};
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A hook or an alias of git sets these, and they would lead us to another repository than the folder's.
const FOREIGN: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// The state of the repository that `dir` lies in; changes count only below `dir`.
pub(crate) fn state(dir: &Path) -> Result<GitState> {
    if top(dir)?.is_none() {
        return Err(Error::new(Code::Conflict, format!("`{}` is not in a git repository", dir.display()))
            .hint("a deployment records the commit it came from: run `git init && git add . && git commit -m \"First\"` there"));
    }
    let head = run(dir, &["rev-parse", "--verify", "--quiet", "HEAD"])?;
    if !head.status.success() {
        return Err(Error::new(Code::Conflict, format!("the git repository of `{}` has no commit yet", dir.display()))
            .hint("a deployment records the commit it came from: run `git add . && git commit -m \"First\"`"));
    }
    let branch = run(dir, &["symbolic-ref", "--short", "--quiet", "HEAD"])?;
    let changes = good(dir, &["status", "--porcelain", "--untracked-files=all", "--", "."])?;
    Ok(GitState { commit: text(&head).into(), branch: branch.status.success().then(|| text(&branch).into()), dirty: !changes.is_empty() })
}

/// The top folder of the repository that `dir` lies in.
pub(crate) fn top(dir: &Path) -> Result<Option<PathBuf>> {
    let output = run(dir, &["rev-parse", "--show-toplevel"])?;
    Ok(output.status.success().then(|| text(&output).into()))
}

/// Makes `dir` a repository of its own, unless it is one, and commits exactly these files; answers with the commit.
pub(crate) fn begin(dir: &Path, files: &[String]) -> Result<String> {
    if !dir.join(".git").exists() {
        good(dir, &["init", "--quiet"])?;
    }
    good(dir, &with(&["add", "--force", "--"], files))?;
    commit(dir, "Begin a Caxton workspace", files)
}

/// Commits what is added, or only these files of it.
fn commit(dir: &Path, message: &str, files: &[String]) -> Result<String> {
    let mut words: Vec<&str> = Vec::new();
    if !has_identity(dir)? {
        words.extend(["-c", "user.name=Caxton", "-c", "user.email=caxton@localhost"]);
    }
    // A commit of generated files must not stop at a passphrase or a hook.
    words.extend(["-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "-m", message, "--"]);
    good(dir, &with(&words, files))?;
    good(dir, &["rev-parse", "HEAD"])
}

fn with(words: &[&str], files: &[String]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).chain(files.iter().cloned()).collect()
}

/// Whether git knows in whose name to commit, rather than guessing from the machine's name.
fn has_identity(dir: &Path) -> Result<bool> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let email =
        set("GIT_AUTHOR_EMAIL") && set("GIT_COMMITTER_EMAIL") || set("EMAIL") || run(dir, &["config", "user.email"])?.status.success();
    let name = set("GIT_AUTHOR_NAME") && set("GIT_COMMITTER_NAME") || run(dir, &["config", "user.name"])?.status.success();
    Ok(email && name)
}

/// The output of a git command that must succeed.
fn good<S: AsRef<str>>(dir: &Path, words: &[S]) -> Result<String> {
    let output = run(dir, words)?;
    if output.status.success() {
        return Ok(text(&output));
    }
    let line: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(Code::Internal, format!("`git {}` failed in `{}`: {}", line.join(" "), dir.display(), said.trim())))
}

fn run<S: AsRef<str>>(dir: &Path, words: &[S]) -> Result<Output> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(words.iter().map(AsRef::as_ref)).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if dir.is_dir() => Error::new(Code::Unavailable, "the program `git` is not installed")
            .hint("a workspace is a git repository: install git and run the command again"),
        _ => Error::io(format_args!("run git in `{}`", dir.display()), &error),
    })
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits everything below `dir`; answers with the commit.
pub(crate) fn commit_all(dir: &Path, message: &str) -> Result<String> {
    good(dir, &["add", "--all", "."])?;
    commit(dir, message, &[])
}

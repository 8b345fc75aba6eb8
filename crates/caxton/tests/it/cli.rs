//! The command line as its users see it: the real binary, a real server, folders that are gone afterwards.

mod build;
mod demo;
mod docs;
mod doctor;
mod import;
mod inbox;
mod mistakes;
mod selftest;
mod story;
mod suite;
mod tool;

use crate::binary::{Process, caxton};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A place to work in, with or without a server.
struct Desk {
    folder: TempDir,
    server: Option<Process>,
}

/// What a command came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn without_server() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("home"))?;
        fs::create_dir(folder.path().join("tmp"))?;
        Ok(Self { folder, server: None })
    }

    async fn new() -> Result<Self> {
        Self::without_server()?.serving(&[]).await
    }

    /// The same with a server that is told these values.
    async fn serving(mut self, set: &[&str]) -> Result<Self> {
        let set: Vec<String> = set.iter().map(ToString::to_string).collect();
        self.server = Some(Process::serve(self.folder.path(), &set).await?);
        Ok(self)
    }

    fn port(&self) -> &str {
        self.server.as_ref().and_then(|server| server.url.rsplit(':').next()).unwrap_or_default()
    }

    /// With a workspace `shop` and its agent `analyzer`, committed.
    async fn with_workspace() -> Result<Self> {
        let desk = Self::new().await?;
        desk.good("", &["init", "shop"])?;
        desk.good("shop", &["init", "analyzer", "--template", "data-analyzer"])?;
        desk.commit("shop")?;
        Ok(desk)
    }

    /// The same, deployed.
    async fn with_agent() -> Result<Self> {
        let desk = Self::with_workspace().await?;
        desk.good("shop", &["deploy"])?;
        Ok(desk)
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// A command in `dir` with nothing of whoever runs the tests in its environment.
    fn command(&self, program: &Path, dir: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path(dir)).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp")).env("GIT_CONFIG_NOSYSTEM", "1");
        let url = self.server.as_ref().map_or("http://127.0.0.1:1", |server| server.url.as_str());
        command.env("CAXTON_SERVER", url);
        command
    }

    fn run_with(&self, dir: &str, words: &[&str], input: &str) -> Result<Ran> {
        let mut command = self.command(&caxton(), dir);
        let mut child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // A command that does not read its input closes it, which is no failure of ours.
        let _ = child.stdin.take().context("its input is a pipe")?.write_all(input.as_bytes());
        let output = child.wait_with_output()?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("its output is no text");
        Ok(Ran { code: output.status.code().context("it was killed")?, out: text(output.stdout)?, err: text(output.stderr)? })
    }

    fn run(&self, dir: &str, words: &[&str]) -> Result<Ran> {
        self.run_with(dir, words, "")
    }

    /// What a command that succeeds says.
    fn good(&self, dir: &str, words: &[&str]) -> Result<String> {
        let ran = self.run(dir, words)?;
        ensure!(ran.code == 0, "caxton {} ended with {}\n{}\n{}", words.join(" "), ran.code, ran.out, ran.err);
        Ok(ran.out)
    }

    fn json(&self, dir: &str, words: &[&str]) -> Result<Value> {
        let out = self.good(dir, &[words, &["--json"]].concat())?;
        serde_json::from_str(&out).with_context(|| format!("no JSON: {out}"))
    }

    fn git(&self, dir: &str, words: &[&str]) -> Result<()> {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"];
        let output = self.command(Path::new("git"), dir).args(identity).args(words).output()?;
        ensure!(output.status.success(), "git {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn commit(&self, dir: &str) -> Result<()> {
        self.git(dir, &["add", "."])?;
        self.git(dir, &["commit", "--quiet", "-m", "Change"])
    }

    /// A text without what differs from run to run: folders, addresses, ids, commits, times.
    fn masked(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "[folder]");
        let text = match &self.server {
            Some(server) => text
                .replace(&server.url, "[server]")
                .replace(&format!("127.0.0.1:{}", self.port()), "[address]")
                .replace(self.port(), "[port]"),
            None => text,
        };
        text.lines().map(mask_line).collect::<Vec<_>>().join("\n")
    }
}

fn mask_line(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(mask_word).collect();
    for at in 1..words.len() {
        if words[at - 1].ends_with("process") && words[at].starts_with(|c: char| c.is_ascii_digit()) {
            words[at] = words[at].trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            words[at].insert_str(0, "[pid]");
        }
    }
    words.join(" ")
}

fn mask_word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_id = |prefix: &str| bare.strip_prefix(prefix).is_some_and(|rest| rest.len() == 26);
    let mask = if ["msg_", "cnv_", "trn_", "dep_", "apr_"].into_iter().any(is_id) {
        "[id]"
    } else if bare.strip_suffix("ms").is_some_and(|number| number.parse::<f64>().is_ok()) {
        "[ms]"
    } else if bare.len() == 27 && bare.ends_with('Z') && bare.as_bytes().get(10) == Some(&b'T') {
        "[time]"
    } else if [9, 40].contains(&bare.len()) && is_hex(bare) && bare.bytes().any(|b| b.is_ascii_digit()) {
        "[commit]"
    } else {
        return word.to_owned();
    };
    word.replace(bare, mask)
}

//! The server as its users start it: the real binary as a process of its own.

use anyhow::{Context as _, Result, bail};
use caxton_client::Client;
use serde_json::Value;
use std::{
    env,
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// How long a process may take to become ready; it takes well under a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary that `cargo xtask test` built, else the one that cargo built for this test.
pub(crate) fn caxton() -> PathBuf {
    env::var_os("CAXTON_BIN").map_or_else(|| env!("CARGO_BIN_EXE_caxton").into(), PathBuf::from)
}

/// A running `caxton serve`. It is killed and reaped when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    /// Speaks to it.
    pub(crate) client: Client,
    log: PathBuf,
    /// Ends when it has ended.
    gone: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a server in `dir`, which holds its data and its log, and waits until it is ready.
    pub(crate) async fn serve(dir: &Path, set: &[String]) -> Result<Self> {
        Self::serve_with(dir, set, &[]).await
    }

    /// The same with variables in its environment, which is empty otherwise.
    pub(crate) async fn serve_with(dir: &Path, set: &[String], env: &[(&str, String)]) -> Result<Self> {
        let log = dir.join("server.log");
        let mut command = Command::new(caxton());
        command.args(["--json", "serve", "--port", "0", "--data-dir"]).arg(dir.join("data"));
        // Standard output is left to what the command says itself.
        command.args(["--set", "observability.logging.output=stderr"]).args(set.iter().flat_map(|pair| ["--set", pair]));
        // Nothing of whoever runs the tests: neither their configuration nor their keys.
        command
            .current_dir(dir)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.stderr(File::options().create(true).append(true).open(&log)?);
        let mut child = command.spawn().context("the binary does not start")?;
        let stdout = child.stdout.take().context("its output is a pipe")?;
        // From here on the guard ends it, whatever goes wrong.
        let mut process = Self { child, url: String::new(), client: Client::new("http://127.0.0.1")?, log, gone: None };
        let (say, said) = oneshot::channel();
        process.gone = Some(tokio::task::spawn_blocking(move || {
            // The first JSON value tells where it listens; the pipe is at its end when the process is.
            let mut values = serde_json::Deserializer::from_reader(BufReader::new(stdout)).into_iter::<Value>();
            if let Some(Ok(said)) = values.next() {
                let _ = say.send(said);
            }
            while let Some(Ok(_)) = values.next() {}
        }));
        let Ok(said) = tokio::time::timeout(PATIENCE, said).await? else { bail!("no address: {}", process.log()) };
        process.url = said["url"].as_str().context("an address")?.to_owned();
        process.client = Client::new(&process.url)?;
        process.until_ready().await?;
        Ok(process)
    }

    async fn until_ready(&mut self) -> Result<()> {
        let ready = async {
            while !self.client.ready().await.is_ok_and(|ready| ready.ready) {
                if let Some(status) = self.child.try_wait()? {
                    bail!("it ended with {status} while it started: {}", self.log());
                }
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, ready).await?
    }

    /// Waits until it has ended by itself, or rather by whoever made it.
    pub(crate) async fn gone(&mut self) -> Result<()> {
        if let Some(gone) = self.gone.take() {
            gone.await?;
        }
        Ok(())
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once (SIGKILL), as a crash does, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Twice killed is as good as once.
        let _ = self.kill();
    }
}

//! A real server for one test.

use crate::Script;
use anyhow::{Context as _, Result, bail};
use caxton_api::{EventView, MessageAccepted, ReplyView, SendMessage};
use caxton_client::{Client, EventFilter, Followed, SendOptions, Sent};
use caxton_config::server::{FileRead, Options, Sources, load};
use caxton_server::{Server, Setup, boot, telemetry::LogLevel};
use caxton_types::ConversationId;
use futures_util::StreamExt as _;
use serde_json::Value;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for an answer before it fails; nothing here takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// An agent's file in its smallest form, with one system prompt and these further lines of TOML in front of it.
pub fn agent(name: &str, lines: &str) -> (String, String) {
    (name.into(), format!("name = \"{name}\"\nversion = \"1.0.0\"\nsystem_prompt = \"You are {name}.\"\n{lines}\n"))
}

/// A server to be started.
#[derive(Default)]
pub struct ServerBuilder {
    model: Option<Script>,
    agents: Vec<(String, String)>,
    set: Vec<String>,
    data_dir: Option<PathBuf>,
    drain: Option<Duration>,
}

/// A server with a model that has no lines and a workspace without agents.
pub fn server() -> ServerBuilder {
    ServerBuilder::default()
}

impl ServerBuilder {
    /// This model answers.
    pub fn model(mut self, script: &Script) -> Self {
        self.model = Some(script.clone());
        self
    }

    /// This agent is deployed.
    pub fn agent(mut self, (name, toml): (String, String)) -> Self {
        self.agents.push((name, toml));
        self
    }

    /// This value of the configuration (`key=value`) is set.
    pub fn set(mut self, pair: &str) -> Self {
        self.set.push(pair.into());
        self
    }

    /// The data are kept here, so that a later server finds them.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// So long may open turns go on after a stop.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = Some(drain);
        self
    }

    /// Starts it and deploys the agents.
    pub async fn start(self) -> Result<Caxton> {
        let temporary = tempfile::tempdir()?;
        let data_dir = self.data_dir.unwrap_or_else(|| temporary.path().join("data"));
        let mut set = vec!["server.port=0".to_owned(), format!("resources.disk.data_dir={}", data_dir.display())];
        set.extend(self.set);
        let sources = Sources { env: &|_| None, read: &read, cwd: temporary.path().to_owned() };
        let config = load(&Options { set, ..Options::default() }, &sources)?;
        let mut setup = Setup::new(config, LogLevel::detached());
        if let Some(script) = self.model {
            setup.providers.push(Arc::new(script));
        }
        if let Some(drain) = self.drain {
            setup.limits.drain = drain;
        }
        let server = boot(setup).await?;
        let caxton = Caxton::run(server, temporary).await?;
        for (name, toml) in &self.agents {
            caxton.client.put_agent(&name.parse()?, toml).await.with_context(|| format!("agent `{name}`"))?;
        }
        Ok(caxton)
    }
}

fn read(path: &std::path::Path) -> std::io::Result<FileRead> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(FileRead { text: std::fs::read_to_string(path)?, mode: Some(std::fs::metadata(path)?.permissions().mode() & 0o7777) })
}

/// A running server.
pub struct Caxton {
    /// Speaks to it.
    pub client: Client,
    /// Where it listens.
    pub url: String,
    stop: CancellationToken,
    running: JoinHandle<Result<(), caxton_server::Error>>,
    _temporary: TempDir,
}

impl Caxton {
    async fn run(server: Server, temporary: TempDir) -> Result<Self> {
        let url = server.url();
        let client = Client::new(&url)?;
        let stop = CancellationToken::new();
        let running = tokio_util::task::TaskTracker::new().spawn(server.run(stop.clone()));
        let caxton = Self { client, url, stop, running, _temporary: temporary };
        caxton.until_ready().await?;
        Ok(caxton)
    }

    async fn until_ready(&self) -> Result<()> {
        tokio::time::timeout(PATIENCE, async {
            while !self.client.ready().await.is_ok_and(|ready| ready.ready) {
                if self.running.is_finished() {
                    bail!("the server stopped while it started");
                }
                tokio::task::yield_now().await;
            }
            Ok(())
        })
        .await?
    }

    /// Sends a request to an address and waits for the answer.
    pub async fn request(&self, receiver: &str, text: impl Into<Value>) -> Result<ReplyView> {
        self.send(SendMessage::request(receiver.parse()?, text.into())).await
    }

    /// Sends a message and waits for the answer.
    pub async fn send(&self, message: SendMessage) -> Result<ReplyView> {
        match self.client.send(&message, &SendOptions { wait: Some(PATIENCE), ..SendOptions::default() }).await? {
            Sent::Replied(reply) => Ok(*reply),
            Sent::Accepted(MessageAccepted { message, .. }) => bail!("{message} has no answer after {PATIENCE:?}"),
        }
    }

    /// The events of a conversation.
    pub async fn events(&self, conversation: ConversationId) -> Result<Vec<EventView>> {
        Ok(self.client.events(&EventFilter { conversation: Some(conversation), ..EventFilter::default() }, 10_000).await?)
    }

    /// The events of a conversation up to the first of this kind, for which it waits.
    pub async fn until(&self, conversation: ConversationId, kind: &str) -> Result<Vec<EventView>> {
        let filter = EventFilter { conversation: Some(conversation), after: Some(0), ..EventFilter::default() };
        let mut stream = std::pin::pin!(self.client.follow(filter));
        let mut events = Vec::new();
        let follow = async {
            loop {
                match stream.next().await {
                    Some(Ok(Followed::Event(event))) => {
                        let found = event.kind == kind;
                        events.push(*event);
                        if found {
                            return Ok(events);
                        }
                    }
                    Some(Ok(_)) => {}
                    other => bail!("the stream ends with {other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, follow).await?
    }

    /// Stops it in good order.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.running.await??)
    }
}

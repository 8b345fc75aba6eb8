//! Keeps a server connected: finds it, asks for its tools, asks again when they change, and comes back when it was gone.

use super::{Offers, Remote, State, Up, define::define};
use crate::{
    Tools,
    server::{LoadedServer, Module},
};
use caxton_mcp::client::{Backoff, Client, Error};
use caxton_types::Fault as _;
use futures_util::{
    StreamExt as _,
    future::{join_all, pending, select, select_all},
    stream::{self, BoxStream},
};
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The first and the longest pause between attempts; the very first retry comes at once.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// The least time between two looks at what a server offers, however often it says that something changed.
pub(super) const PACE: Duration = Duration::from_millis(100);
/// How often a server is asked for its tools that says nothing of their changing.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

impl Tools {
    /// Keeps the configured servers of others connected until told to stop; their programs have ended then.
    pub async fn run_remotes(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        join_all(self.0.remotes.all().map(|remote| Arc::clone(remote).run(&tasks, &stop))).await;
        tasks.close();
        tasks.wait().await;
    }
}

impl Tools {
    /// Says so whenever what others offer may be something else: a server came, went, or says so.
    pub fn changes(&self) -> BoxStream<'static, ()> {
        let remotes = self.0.remotes.all();
        let all: Vec<_> = remotes.map(|remote| (remote.state.subscribe(), remote.offers.subscribe())).collect();
        let next = async |mut all: Vec<(watch::Receiver<State>, watch::Receiver<Arc<Offers>>)>| {
            if all.is_empty() {
                return pending().await;
            }
            let changed = all.iter_mut().map(|(state, offers)| {
                Box::pin(async {
                    let (state, offers) = (pin!(state.changed()), pin!(offers.changed()));
                    select(state, offers).await.factor_first().0
                })
            });
            let (alive, ..) = select_all(changed).await;
            alive.ok().map(|()| ((), all))
        };
        stream::unfold(all, next).boxed()
    }
}

/// Why a connection was given up.
enum End {
    Stopped,
    Lost(String),
}

impl Remote {
    async fn run(self: Arc<Self>, tasks: &TaskTracker, stop: &CancellationToken) {
        let mut backoff = Backoff::new(PAUSE, PAUSE_MAX);
        loop {
            let reason = match self.hold(tasks, stop, &mut backoff).await {
                End::Stopped => break,
                End::Lost(reason) => reason,
            };
            let pause = backoff.failed(Instant::now());
            let retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(server = self.name(), retry_ms, error = %reason, "MCP server is not there");
            self.down(reason);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.down("this server stops");
    }

    /// Connects and stays so.
    async fn hold(&self, tasks: &TaskTracker, stop: &CancellationToken, backoff: &mut Backoff) -> End {
        let connected = tokio::select! {
            () = stop.cancelled() => return End::Stopped,
            connected = Client::connect(&self.options.server, tasks) => connected,
        };
        let client = match connected {
            Ok(client) => Arc::new(client),
            Err(error) => return lost(&error),
        };
        let end = tokio::select! {
            end = self.stay(&client, stop, backoff) => end,
            never = self.survey(&client) => match never {},
        };
        client.close().await;
        end
    }

    async fn stay(&self, client: &Arc<Client>, stop: &CancellationToken, backoff: &mut Backoff) -> End {
        let mut changes = client.changes();
        loop {
            let offered = tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                ended = client.ended() => return lost(&ended),
                offered = self.offer(client) => offered,
            };
            match offered {
                Ok(()) => backoff.succeeded(Instant::now()),
                // It is busy with what it was asked for; its tools are asked for again when it is not. A call that takes too long ends by itself.
                Err(Error::Timeout { .. }) if client.is_busy() => {
                    tracing::debug!(server = self.name(), "an MCP server does not tell its tools while it works");
                }
                Err(error) => return lost(&error),
            }
            tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                ended = client.ended() => return lost(&ended),
                () = self.cause_to_look(client, &mut changes) => {}
            }
        }
    }

    /// Waits until its tools are to be asked for again.
    async fn cause_to_look(&self, client: &Client, changes: &mut watch::Receiver<u64>) {
        tokio::time::sleep(PACE).await;
        tokio::select! {
            _ = changes.changed() => {}
            () = self.doubt.notified() => {}
            () = idle(client) => {}
        }
    }

    /// Asks for its tools and offers them here.
    async fn offer(&self, client: &Arc<Client>) -> Result<(), Error> {
        let defined = define(client.tools().await?, &self.options);
        let is_known = |up: &Up| up.all.tools() == defined.tools && up.left_out == defined.left_out && up.is_of(client);
        if !self.recall().await? && self.up().is_some_and(|up| is_known(&up)) {
            self.keep().await;
            return Ok(());
        }
        for (tool, reason) in &defined.left_out {
            tracing::warn!(server = self.name(), %tool, %reason, "a tool of an MCP server is left out");
        }
        let about = client.about();
        tracing::info!(server = self.name(), tools = defined.tools.len(), protocol = %about.protocol, "MCP server is there");
        let module = Module::Remote(self.link(client, defined.names));
        let loaded = LoadedServer::new(self.name(), module, defined.tools);
        let unusable = |error: crate::Error| Error::Options { server: self.name().into(), reason: error.to_string() };
        let server = loaded.map_err(unusable)?.start();
        self.note(server.tools()).await;
        self.present(server, about, defined.left_out).map_err(unusable)
    }
}

/// Waits until it is time to look again, and nothing is under way that the server would have to answer first.
pub(super) async fn idle(client: &Client) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        if !client.is_busy() {
            return;
        }
    }
}

impl Up {
    pub(super) fn is_of(&self, client: &Arc<Client>) -> bool {
        matches!(self.server.module(), Module::Remote(link) if link.is_of(client))
    }
}

fn lost(error: &Error) -> End {
    End::Lost(match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

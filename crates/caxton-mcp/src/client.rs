//! Servers of others, as we talk to them: one [`Client`] is one connection.

mod backoff;
mod call;
mod child;
mod convert;
mod error;
mod handler;
mod http;
mod lists;
mod options;
mod types;
mod watched;

pub use self::{
    backoff::Backoff,
    call::Call,
    error::Error,
    options::{Era, Hidden, KEPT_VARIABLES, Options, Place, Program, Url},
    types::{About, Answer, Asker, Content, Listed, Progress, Question, Reply, Tool, Wanted},
};

use self::{
    child::LastWords,
    handler::{Handler, Shared},
    watched::Watched,
};
use caxton_types::printable;
use rmcp::{
    RoleClient,
    model::{ProtocolVersion, ServerCapabilities, SubscriptionFilter},
    service::{
        ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, Peer, RunningService, ServiceError,
        serve_client_with_lifecycle_and_ct,
    },
    transport::Transport,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// The most of a server's own words that a message of ours quotes.
const QUOTED_LEN_MAX: usize = 300;
/// How long to wait before changes are asked for again, where the server ended that.
const LISTEN_AGAIN: Duration = Duration::from_secs(30);
/// How long a connection may take to end.
const CLOSE_WITHIN: Duration = Duration::from_secs(8);

/// A connection to a server. It ends with this value; a program ends with it.
pub struct Client {
    options: Options,
    service: RunningService<RoleClient, Handler>,
    shared: Arc<Shared>,
    /// Nothing comes any more.
    over: CancellationToken,
    /// The transport is no more.
    gone: CancellationToken,
    words: Option<LastWords>,
    is_stateless: bool,
    tasks: TaskTracker,
    /// Ends what listens for changes.
    _listening: DropGuard,
}

impl Client {
    /// Starts or calls the server and agrees with it on the protocol. Its tasks end soon after the connection does.
    pub async fn connect(options: &Options, tasks: &TaskTracker) -> Result<Self, Error> {
        let newest = || vec![ProtocolVersion::V_2026_07_28];
        let attempts = async {
            match options.era {
                Era::Sessions => attempt(options, tasks, ClientLifecycleMode::Initialize).await,
                Era::Stateless => attempt(options, tasks, ClientLifecycleMode::Discover { preferred_versions: newest() }).await,
                Era::Newest => {
                    let mode =
                        ClientLifecycleMode::Auto { preferred_versions: newest(), legacy_version: Some(ProtocolVersion::V_2025_11_25) };
                    match attempt(options, tasks, mode).await {
                        // Some servers end at a request that they do not know: they get one that they must know.
                        Err(Error::Connect { .. } | Error::Closed { .. }) => attempt(options, tasks, ClientLifecycleMode::Initialize).await,
                        other => other,
                    }
                }
            }
        };
        let after = options.connect_timeout;
        tokio::time::timeout(after, attempts).await.unwrap_or_else(|_| Err(Error::Timeout { server: options.name.clone(), after }))
    }

    /// What the server says of itself.
    pub fn about(&self) -> About {
        let info = self.peer().peer_info();
        let server = info.as_ref().and_then(|info| info.server_info.as_ref());
        About {
            name: server.map(|server| server.name.clone()).unwrap_or_default(),
            version: server.map(|server| server.version.clone()).unwrap_or_default(),
            protocol: info.as_ref().map(|info| info.protocol_version.to_string()).unwrap_or_default(),
            instructions: info.as_ref().and_then(|info| info.instructions.clone()),
        }
    }

    /// Changes when one of the server's lists does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Whether calls are under way: a server that takes one request at a time answers others after them.
    pub fn is_busy(&self) -> bool {
        self.shared.is_busy()
    }

    /// Waits until the connection is over and tells why, as far as that is known.
    pub async fn ended(&self) -> Error {
        self.over.cancelled().await;
        self.closed().await
    }

    /// Ends the connection in good order; a program gets time to end.
    pub async fn close(&self) {
        self.service.cancellation_token().cancel();
        // What does not end within the time ends with this value.
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.gone.cancelled()).await;
    }

    fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    fn offers(&self, what: impl Fn(&ServerCapabilities) -> bool) -> bool {
        self.peer().peer_info().is_some_and(|info| what(&info.capabilities))
    }

    fn service(&self, error: ServiceError) -> Error {
        let server = self.options.name.clone();
        match error {
            ServiceError::McpError(data) => Error::Refused { server, code: data.code.0, message: quoted(&data.message) },
            ServiceError::TransportClosed => Error::Closed { server, said: String::new() },
            ServiceError::TransportSend(error) => of_transport(server, &error),
            ServiceError::Timeout { timeout } => Error::Timeout { server, after: timeout },
            ServiceError::UnexpectedResponse => Error::Unexpected { server, what: "with something else than it was asked for" },
            other => Error::Transport { server, reason: quoted(&other.to_string()) },
        }
    }

    async fn closed(&self) -> Error {
        let said = match &self.words {
            Some(words) => words.said().await,
            None => String::new(),
        };
        Error::Closed { server: self.options.name.clone(), said }
    }

    fn timeout(&self, after: Duration) -> Error {
        Error::Timeout { server: self.options.name.clone(), after }
    }

    fn unexpected(&self, what: &'static str) -> Error {
        Error::Unexpected { server: self.options.name.clone(), what }
    }
}

async fn attempt(options: &Options, tasks: &TaskTracker, mode: ClientLifecycleMode) -> Result<Client, Error> {
    match &options.place {
        Place::Program(program) => {
            let (transport, words) = child::start(options, program, tasks)?;
            match serve(options, tasks, transport, mode, Some(words.clone())).await {
                Err(Error::Connect { server, reason }) => {
                    let reason = format!("{reason}{}", words.said().await);
                    Err(Error::Connect { server, reason })
                }
                other => other,
            }
        }
        Place::Url(url) => serve(options, tasks, http::transport(options, url)?, mode, None).await,
    }
}

async fn serve(
    options: &Options,
    tasks: &TaskTracker,
    transport: impl Transport<RoleClient> + 'static,
    mode: ClientLifecycleMode,
    words: Option<LastWords>,
) -> Result<Client, Error> {
    let (shared, over, gone) = (Shared::new(&options.name), CancellationToken::new(), CancellationToken::new());
    let transport = Watched::new(transport, over.clone(), gone.clone());
    let served = serve_client_with_lifecycle_and_ct(Handler(Arc::clone(&shared)), transport, mode, CancellationToken::new()).await;
    let service = served.map_err(|error| of_initialize(&options.name, &error))?;
    // What a list says is wanted as it is now, and a server that does not answer is not to look alive.
    service.peer().set_response_cache_config(ClientCacheConfig::disabled()).await;
    let info = service.peer().peer_info();
    let is_stateless = info.as_ref().is_some_and(|info| !info.protocol_version.has_initialize());
    let listening = over.child_token();
    if let Some(info) = info.filter(|_| is_stateless) {
        tasks.spawn(listening.clone().run_until_cancelled_owned(listen(
            service.peer().clone(),
            Arc::clone(&shared),
            wanted(&info.capabilities),
        )));
    }
    Ok(Client {
        options: options.clone(),
        service,
        shared,
        over,
        gone,
        words,
        is_stateless,
        tasks: tasks.clone(),
        _listening: listening.drop_guard(),
    })
}

/// The changes that the server tells of, where requests stand alone and it must be asked for them.
fn wanted(capabilities: &ServerCapabilities) -> SubscriptionFilter {
    let all = SubscriptionFilter::builder().tools_list_changed().prompts_list_changed().resources_list_changed().build();
    all.supported_by(capabilities)
}

/// Hears of changes until the connection is over.
async fn listen(peer: Peer<RoleClient>, shared: Arc<Shared>, wanted: SubscriptionFilter) {
    if wanted == SubscriptionFilter::new() {
        return;
    }
    loop {
        match peer.listen(wanted.clone()).await {
            Ok(mut subscription) => {
                while let Ok(Some(_)) = subscription.next().await {
                    shared.changed();
                }
            }
            Err(error) => tracing::debug!(%error, "an MCP server does not tell of changes"),
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
        // What changed meanwhile was not told.
        shared.changed();
    }
}

fn of_initialize(server: &str, error: &ClientInitializeError) -> Error {
    const CLOSED: &str = "it closed the connection";
    let (server, reason) = (server.into(), quoted(&reasons(beneath(error))));
    // Without a challenge the library tells a refusal only in words.
    if error.is_authorization_required() || ["HTTP 401", "HTTP 403"].iter().any(|status| reason.contains(status)) {
        return Error::Unauthorized { server, reason };
    }
    let is_closed = matches!(error, ClientInitializeError::ConnectionClosed(_)) || is_broken_pipe(beneath(error));
    Error::Connect { server, reason: if is_closed { CLOSED.into() } else { reason } }
}

/// The transport's own error, which the library wraps in the names of its types.
fn beneath(error: &ClientInitializeError) -> &(dyn std::error::Error + 'static) {
    match error {
        ClientInitializeError::TransportError { error, .. } => &*error.error,
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => beneath(fallback),
        _ => error,
    }
}

/// What is written to a program that has ended.
fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let own = error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
    own || error.source().is_some_and(is_broken_pipe)
}

fn of_transport(server: Box<str>, error: &rmcp::transport::DynamicTransportError) -> Error {
    let reason = quoted(&reasons(error));
    if ["HTTP 401", "HTTP 403", "Auth required", "Insufficient scope"].iter().any(|status| reason.contains(status)) {
        return Error::Unauthorized { server, reason };
    }
    Error::Transport { server, reason }
}

/// The innermost reasons of an error: the outer ones only name the library's parts.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut all = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if all.last().is_none_or(|last| !last.ends_with(&text)) {
            all.push(text);
        }
        source = error.source();
    }
    all.join(": ")
}

/// What a server said, as an error repeats it: bounded, and nothing that moves a cursor or paints.
fn quoted(text: &str) -> String {
    let cut = text.char_indices().nth(QUOTED_LEN_MAX).and_then(|(at, _)| text.get(..at));
    cut.map_or_else(|| printable(text), |shown| printable(shown) + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_repeated_within_bounds_and_paints_nothing() {
        assert_eq!(quoted("line 1\n\tline 2: \u{1b}[2Jno"), "line 1\n\tline 2: \u{fffd}[2Jno");
        assert_eq!(quoted(&"x".repeat(QUOTED_LEN_MAX)), "x".repeat(QUOTED_LEN_MAX));
        assert_eq!(quoted(&"x".repeat(QUOTED_LEN_MAX + 1)), "x".repeat(QUOTED_LEN_MAX) + "…");
    }
}

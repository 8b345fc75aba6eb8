//! The scripted server behind a URL and as a program.

use super::scripted::Scripted;
use axum::{Router, extract::Request, middleware::Next};
use caxton_mcp::client::{Client, Era, Hidden, Options, Place, Program, Url};
use rmcp::{
    ServiceExt as _,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use std::{env, time::Duration};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// Set where this test binary is to be the server.
const SERVE: &str = "CAXTON_MCP_SCRIPTED";

/// A server behind a URL, until dropped.
pub(super) struct Served {
    url: String,
    pub(super) server: Scripted,
    _stop: DropGuard,
}

pub(super) async fn serve() -> Served {
    let (server, stop) = (Scripted::new(), CancellationToken::new());
    let made = server.clone();
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.child_token());
    let service: StreamableHttpService<Scripted, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(made.clone()), Default::default(), config);
    let seen = server.clone();
    let note = axum::middleware::from_fn(move |request: Request, next: Next| {
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        seen.state().headers.lock().extend(headers);
        next.run(request)
    });
    let router = Router::new().nest_service("/mcp", service).layer(note);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let over = stop.clone();
    TaskTracker::new().spawn(async move { axum::serve(listener, router).with_graceful_shutdown(over.cancelled_owned()).await });
    Served { url, server, _stop: stop.drop_guard() }
}

impl Served {
    pub(super) fn options(&self, era: Era) -> Options {
        let headers = vec![("x-of-ours".into(), Hidden::new("yes"))];
        let url = Url { url: self.url.as_str().into(), headers, bearer: Some(Hidden::new("a-token")) };
        Options { era, ..options(Place::Url(url)) }
    }

    pub(super) async fn connect(&self, era: Era) -> Client {
        connect(&self.options(era)).await
    }
}

/// This very test binary as a server.
pub(super) fn program() -> Options {
    let program = Program {
        command: env::current_exe().unwrap().to_str().unwrap().into(),
        args: ["--exact", "client::world::be_the_server", "--nocapture", "--quiet", "--test-threads=2"].map(Into::into).to_vec(),
        env: vec![(SERVE.into(), Hidden::new("1"))],
        cwd: None,
    };
    options(Place::Program(program))
}

fn options(place: Place) -> Options {
    Options { connect_timeout: Duration::from_secs(20), ..Options::new("scripted", place) }
}

pub(super) async fn connect(options: &Options) -> Client {
    Client::connect(options, &TaskTracker::new()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// No test of its own: what [`program`] starts.
#[tokio::test]
async fn be_the_server() {
    if env::var_os(SERVE).is_none() {
        return;
    }
    assert!(env::var_os("CARGO_MANIFEST_DIR").is_none(), "our own environment is not handed on");
    let service = Scripted::new().serve(rmcp::transport::stdio()).await.unwrap();
    service.waiting().await.unwrap();
    std::process::exit(0);
}

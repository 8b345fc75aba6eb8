//! The loop that takes connections in: bounded in number, in idle time and in the time that a stop may take.

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bounds of the listener.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The most connections at the same time; further ones wait in the backlog.
    pub(crate) connections_max: usize,
    /// How long the head of a request may take.
    pub(crate) header_timeout: Duration,
    /// How long open requests may go on after the stop.
    pub(crate) drain: Duration,
}

/// How long to wait after the operating system refused a connection (out of file handles, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most requests of one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 256;

/// Serves until `stop`, then waits for open requests as long as the bounds say.
pub(crate) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    let (connections, open) = (TaskTracker::new(), GracefulShutdown::new());
    let builder = builder(bounds.header_timeout);
    // Cancelled where the drain runs out of time.
    let abort = CancellationToken::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let (connection, abort) = (open.watch(connection), abort.clone());
        connections.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                // A connection that breaks has nobody left to tell.
                result = connection => if let Err(error) = result { tracing::debug!(error, "connection ended"); },
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(bounds.drain, open.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), drain_s = bounds.drain.as_secs(), "requests are cut off: the drain is over");
        abort.cancel();
    }
    connections.wait().await;
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(Duration::from_secs(20));
    builder
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers must not wait for more; where that cannot be set they are only slower.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

//! Servers on the loopback network, for guests that look for one.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What is read of a request.
const REQUEST_LEN_MAX: usize = 16 << 10;
/// Connections that are served at once; more wait.
const CONNECTIONS_MAX: usize = 64;

/// A server that answers every connection alike and counts them; it ends when it is dropped.
pub(crate) struct Local {
    pub(crate) port: u16,
    served: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// What it answers with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) body: String,
    /// As many bytes more.
    pub(crate) padding: usize,
    /// The time it takes.
    pub(crate) delay: Duration,
    /// Where it redirects to.
    pub(crate) location: Option<String>,
}

impl Local {
    /// On a free port of this machine.
    pub(crate) async fn start(answer: Answer) -> io::Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST, 0, answer).await
    }

    pub(crate) async fn start_at(address: Ipv4Addr, port: u16, answer: Answer) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await?;
        let (port, served) = (listener.local_addr()?.port(), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, answer, Arc::clone(&served)));
        Ok(Self { port, served, _tasks: tasks })
    }

    /// Connections so far.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, answer: Answer, served: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        // What cannot be accepted is the client's to try again.
        let Ok((stream, _)) = listener.accept().await else { continue };
        served.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        connections.spawn(async move { drop(respond(stream, &answer).await) });
    }
}

/// The guest may be gone before it has all.
async fn respond(mut stream: TcpStream, answer: &Answer) -> io::Result<()> {
    let (mut seen, mut piece) = (Vec::new(), [0; 1024]);
    while !seen.ends_with(b"\r\n\r\n") && seen.len() < REQUEST_LEN_MAX {
        let len = stream.read(&mut piece).await?;
        if len == 0 {
            break;
        }
        seen.extend_from_slice(piece.get(..len).unwrap_or_default());
    }
    tokio::time::sleep(answer.delay).await;
    let head = match &answer.location {
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
        Some(place) => format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\n"),
    };
    let padding = "x".repeat(answer.padding);
    let len = answer.body.len().saturating_add(answer.padding);
    stream.write_all(format!("{head}content-length: {len}\r\nconnection: close\r\n\r\n{}{padding}", answer.body).as_bytes()).await?;
    stream.shutdown().await
}

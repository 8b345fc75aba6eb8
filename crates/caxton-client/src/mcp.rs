//! MCP over standard streams: a bridge between lines of JSON-RPC and the endpoint of a running server.
//!
//! It passes messages on as they are. What streamable HTTP says in its headers it reads from the messages: which session they belong to in the
//! one era, which version, method and name they are of in the other.

mod lines;
mod session;
mod words;

use self::{
    lines::Lines,
    session::Session,
    words::{Words, failure},
};
use crate::{Client, Error, frames::Frames};
use bytes::Bytes;
use caxton_types::{Code, Fault as _};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{AbortHandle, BoxFuture, abortable},
    stream::FuturesUnordered,
};
use reqwest::{Method, RequestBuilder, Response, header};
use serde_json::Value;
use std::{collections::HashMap, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};

/// The most requests that are under way at the same time.
const REQUESTS_MAX: usize = 256;
/// The most messages that wait to be written.
const WAITING_MAX: usize = 64;
/// The longest message, either way.
const MESSAGE_LEN_MAX: usize = 128 << 20;
/// How long what is under way may take after the input ended.
const GRACE: Duration = Duration::from_secs(30);
/// How long the end of a session may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Before the stream of what the server says by itself is taken up again.
const PAUSE: Duration = Duration::from_secs(3);
/// Long enough for a call that waits for people.
const CALL_TIMEOUT: Duration = Duration::from_hours(24);
const EVENTS: &str = "text/event-stream";
const BOTH: &str = "application/json, text/event-stream";

/// Why the bridge ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The server cannot be spoken to.
    #[error(transparent)]
    Server(#[from] Error),
    /// The standard streams broke.
    #[error("the standard streams broke")]
    Streams(#[from] io::Error),
}

impl Client {
    /// Carries MCP between a program's standard streams and this workspace, until the input ends. `note` hears what goes wrong on the way.
    pub async fn bridge_mcp(
        &self,
        input: impl AsyncBufRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
        note: impl Fn(&str),
    ) -> Result<(), BridgeError> {
        let (out, mut ready) = mpsc::channel(WAITING_MAX);
        let (mut lines, mut bridge) = (Lines::new(input, MESSAGE_LEN_MAX), Bridge::new(self.clone(), out));
        loop {
            tokio::select! {
                biased;
                Some(message) = ready.recv() => write(&mut output, message).await?,
                Some(ended) = bridge.under_way.next(), if !bridge.under_way.is_empty() => bridge.ended(ended, &note),
                () = async { if let Some(news) = &mut bridge.news { news.await } }, if bridge.news.is_some() => bridge.news = None,
                line = lines.next() => match line? {
                    Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                    Some(line) => bridge.take(line, &note).await,
                    None => break,
                },
            }
        }
        let rest = async {
            while !bridge.under_way.is_empty() {
                tokio::select! {
                    biased;
                    Some(message) = ready.recv() => write(&mut output, message).await?,
                    Some(ended) = bridge.under_way.next() => bridge.ended(ended, &note),
                }
            }
            while let Ok(message) = ready.try_recv() {
                write(&mut output, message).await?;
            }
            io::Result::Ok(())
        };
        if let Ok(written) = tokio::time::timeout(GRACE, rest).await {
            written?;
        }
        bridge.goodbye().await;
        Ok(())
    }

    fn mcp(&self, method: Method) -> RequestBuilder {
        self.at_server(method, &["mcp", self.workspace().as_str()]).timeout(CALL_TIMEOUT)
    }
}

async fn write(output: &mut (impl AsyncWrite + Unpin), mut message: String) -> io::Result<()> {
    message.push('\n');
    output.write_all(message.as_bytes()).await?;
    output.flush().await
}

/// How one message ended: the key of the request, and what could not be told to the client.
type Ended = (Option<String>, Option<String>);

struct Bridge {
    client: Client,
    out: mpsc::Sender<String>,
    session: Arc<Session>,
    under_way: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// How to give up a request, by its id.
    handles: HashMap<String, AbortHandle>,
    /// What the server says by itself.
    news: Option<BoxFuture<'static, ()>>,
}

impl Bridge {
    fn new(client: Client, out: mpsc::Sender<String>) -> Self {
        let session = Arc::new(Session::new(client.clone(), out.clone()));
        Self { client, out, session, under_way: FuturesUnordered::new(), handles: HashMap::new(), news: None }
    }

    async fn take(&mut self, line: Vec<u8>, note: &impl Fn(&str)) {
        let words = match serde_json::from_slice::<Value>(&line) {
            Ok(message) => Words::of(&message),
            Err(error) => {
                note(&format!("a line is not JSON: {error}"));
                let _ = self.out.send(failure(&Value::Null, -32700, "the line is not JSON", None)).await;
                return;
            }
        };
        if words.method.as_deref() == Some("initialize") {
            return self.begin(&words, line.into(), note).await;
        }
        // There is no session to send it to: giving a request up is hanging up.
        if let Some(handle) = words.gives_up.as_ref().filter(|_| !self.session.is_there()).and_then(|id| self.handles.remove(id)) {
            return handle.abort();
        }
        if self.under_way.len() >= REQUESTS_MAX {
            let told = words.id.as_ref().map(|id| failure(id, Code::Exhausted.json_rpc(), "too many requests are under way", None));
            if let Some(told) = told {
                let _ = self.out.send(told).await;
            }
            return;
        }
        let key = words.id.as_ref().map(ToString::to_string);
        if words.method.as_deref() == Some("notifications/initialized") && self.session.is_there() {
            self.news = Some(listen(self.client.clone(), Arc::clone(&self.session), self.out.clone()).boxed());
        }
        let (client, session, out) = (self.client.clone(), Arc::clone(&self.session), self.out.clone());
        let (carried, handle) = abortable(async move { carry(&client, &session, &words, line.into(), &out).await });
        if let Some(key) = &key {
            self.handles.insert(key.clone(), handle);
        }
        self.under_way.push(async move { (key, carried.await.unwrap_or_default()) }.boxed());
    }

    /// Nothing else is sent before it is known whether there is a session.
    async fn begin(&mut self, words: &Words, line: Bytes, note: &impl Fn(&str)) {
        match self.session.begin(line).await {
            Ok(messages) => {
                for message in messages {
                    let _ = self.out.send(message).await;
                }
            }
            Err(error) => {
                note(&error.to_string());
                let _ = self.out.send(failed(&words.id.clone().unwrap_or_default(), &error)).await;
            }
        }
    }

    fn ended(&mut self, (key, problem): Ended, note: &impl Fn(&str)) {
        if let Some(key) = key {
            self.handles.remove(&key);
        }
        if let Some(problem) = problem {
            note(&problem);
        }
    }

    async fn goodbye(&self) {
        let _ = tokio::time::timeout(GOODBYE, self.session.end()).await;
    }
}

/// Listens to what the server says by itself, again and again, in whichever session there is.
async fn listen(client: Client, session: Arc<Session>, out: mpsc::Sender<String>) {
    let mut changes = session.watch();
    loop {
        changes.mark_unchanged();
        let heard = async {
            if let Ok(Some(response)) = session.news().await
                && response.status().is_success()
            {
                // A stream that breaks is taken up again.
                let _ = pass(&client, response, &out).await;
            }
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            biased;
            moved = changes.changed() => if moved.is_err() { return },
            () = heard => {}
        }
    }
}

/// Sends a message and passes on what comes back; an answer that says nothing to a request becomes its failure.
async fn carry(client: &Client, session: &Session, words: &Words, line: Bytes, out: &mpsc::Sender<String>) -> Option<String> {
    let passed = match session.post(words, line).await {
        Ok(response) => pass(client, response, out).await,
        Err(error) => Err(error),
    };
    let error = passed.err()?;
    if let Some(id) = &words.id {
        let _ = out.send(failed(id, &error)).await;
    }
    Some(error.to_string())
}

/// A request that was not answered, with the reason.
fn failed(id: &Value, error: &Error) -> String {
    failure(id, error.code().json_rpc(), &error.to_string(), error.hint().as_deref())
}

fn is(response: &Response, wanted: &str) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(wanted.as_bytes()))
}

/// Passes on every message of an answer.
async fn pass(client: &Client, mut response: Response, out: &mpsc::Sender<String>) -> Result<(), Error> {
    if is(&response, EVENTS) {
        let mut frames = Frames::up_to(MESSAGE_LEN_MAX);
        while let Some(piece) = response.chunk().await.map_err(|source| client.failure(source, CALL_TIMEOUT))? {
            for frame in frames.push(&piece).map_err(|_| client.odd("a message is too long"))? {
                // An event without data only says how to come back.
                if !frame.data.is_empty() {
                    let _ = out.send(frame.data).await;
                }
            }
        }
        return Ok(());
    }
    if is(&response, "application/json") {
        let message = client.read::<Value>(response).await?;
        let _ = out.send(message.to_string()).await;
        return Ok(());
    }
    if response.status().is_success() { Ok(()) } else { Err(client.refusal(response).await) }
}

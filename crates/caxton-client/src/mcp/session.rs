//! The session of the era that has them. A server that forgot it is begun with anew, with the client's own words, and the client need not know.

use super::{BOTH, WAITING_MAX, pass, words::Words};
use crate::{Client, Error};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::{Mutex, mpsc, watch};

/// How long it may take to begin anew.
const RENEWAL: Duration = Duration::from_secs(30);
/// The most requests that a session is told again; a server bounds what one session watches, too.
const KEPT_MAX: usize = 512;
const SESSION_ID: &str = "mcp-session-id";
/// What a server may have said while nobody was there to hear it.
const MISSED: [&str; 3] = ["tools", "prompts", "resources"];

pub(super) struct Session {
    client: Client,
    out: mpsc::Sender<String>,
    now: watch::Sender<Now>,
    /// Whoever holds it begins anew, for all that wait for it.
    renewing: Mutex<()>,
}

/// How the session stands.
#[derive(Debug, Default, Clone)]
pub(super) struct Now {
    /// Its id, where there is one.
    pub(super) id: Option<String>,
    /// The version that was agreed on with it.
    version: Option<String>,
    /// The client's own `initialize`.
    first: Bytes,
    /// What else the client told the session that it must know: the level of logs and the resources that are watched.
    kept: BTreeMap<String, Bytes>,
}

impl Now {
    /// The session that the server does not know any more, if this answer says so. A failure of the request itself is told as a message.
    fn lost_by(&self, response: &Response) -> Option<&str> {
        self.id.as_deref().filter(|_| response.status() == StatusCode::NOT_FOUND && !super::is(response, "application/json"))
    }
}

impl Session {
    pub(super) fn new(client: Client, out: mpsc::Sender<String>) -> Self {
        Self { client, out, now: watch::Sender::default(), renewing: Mutex::default() }
    }

    pub(super) fn is_there(&self) -> bool {
        self.now.borrow().id.is_some()
    }

    /// How it stands, and when that changes.
    pub(super) fn watch(&self) -> watch::Receiver<Now> {
        self.now.subscribe()
    }

    /// Begins with the client's `initialize`; the messages that come back are for the client.
    pub(super) async fn begin(&self, first: Bytes) -> Result<Vec<String>, Error> {
        let (id, messages) = self.open(first.clone()).await?;
        let version = agreed(&messages);
        self.now.send_modify(|now| *now = Now { id, version: version.or_else(|| now.version.take()), first, kept: BTreeMap::new() });
        Ok(messages)
    }

    /// Sends a message; once again in a session that began anew, where the server does not know the one that it was sent in.
    pub(super) async fn post(&self, words: &Words, line: Bytes) -> Result<Response, Error> {
        let now = self.now.borrow().clone();
        let response = self.try_post(&now, words, line.clone()).await?;
        let Some(lost) = now.lost_by(&response) else {
            self.keep(words, line);
            return Ok(response);
        };
        self.renew(lost).await?;
        let now = self.now.borrow().clone();
        let response = self.try_post(&now, words, line.clone()).await?;
        self.keep(words, line);
        Ok(response)
    }

    /// Opens the stream of what the server says by itself; none where the session had to begin anew.
    pub(super) async fn news(&self) -> Result<Option<Response>, Error> {
        let now = self.now.borrow().clone();
        let request = in_session(self.client.mcp(Method::GET), &now).header(header::ACCEPT, super::EVENTS);
        let request = match &now.version {
            Some(version) => request.header("mcp-protocol-version", version),
            None => request,
        };
        let response = self.client.respond(request).await?;
        match now.lost_by(&response) {
            Some(lost) => self.renew(lost).await.map(|()| None),
            None => Ok(Some(response)),
        }
    }

    /// Ends it, so that the server need not wait until it is idle long enough.
    pub(super) async fn end(&self) {
        let now = self.now.borrow().clone();
        if now.id.is_some() {
            let _ = self.client.respond(in_session(self.client.mcp(Method::DELETE), &now)).await;
        }
    }

    async fn try_post(&self, now: &Now, words: &Words, line: Bytes) -> Result<Response, Error> {
        let request = in_session(self.client.mcp(Method::POST), now).headers(words.headers(now.version.as_deref()));
        self.client.respond(with_body(request, line)).await
    }

    async fn open(&self, first: Bytes) -> Result<(Option<String>, Vec<String>), Error> {
        let response = self.client.respond(with_body(self.client.mcp(Method::POST), first)).await?;
        let id = response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let (out, mut ready) = mpsc::channel(WAITING_MAX);
        let passing = async move { pass(&self.client, response, &out).await };
        let taking = async {
            let mut messages = Vec::new();
            while let Some(message) = ready.recv().await {
                messages.push(message);
            }
            messages
        };
        let (passed, messages) = tokio::join!(passing, taking);
        passed.map(|()| (id, messages))
    }

    async fn renew(&self, lost: &str) -> Result<(), Error> {
        let _one = self.renewing.lock().await;
        if self.now.borrow().id.as_deref() != Some(lost) {
            // Another message found out and did it.
            return Ok(());
        }
        let renewed = tokio::time::timeout(RENEWAL, self.begin_anew()).await;
        renewed.unwrap_or_else(|_| Err(self.client.odd("the MCP session is lost, and a new one did not begin in time")))
    }

    async fn begin_anew(&self) -> Result<(), Error> {
        let Now { first, kept, version, .. } = self.now.borrow().clone();
        let (id, messages) = self.open(first.clone()).await?;
        let (Some(id), Some(agreed)) = (id, agreed(&messages)) else {
            return Err(self.client.odd("the MCP session is lost, and the server does not begin a new one"));
        };
        if version.is_some_and(|known| known != agreed) {
            return Err(self.client.odd("the MCP session is lost, and the server now speaks another version: start the client again"));
        }
        let now = Now { id: Some(id), version: Some(agreed), first, kept };
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string().into();
        for line in std::iter::once(&told).chain(now.kept.values()) {
            let words = serde_json::from_slice(line).map(|message| Words::of(&message)).unwrap_or_default();
            // The client had its answer in the session before.
            let answer = self.try_post(&now, &words, line.clone()).await?;
            answer.bytes().await.map_err(|source| self.client.failure(source, RENEWAL))?;
        }
        for list in MISSED {
            let changed = json!({"jsonrpc": "2.0", "method": format!("notifications/{list}/list_changed")});
            let _ = self.out.send(changed.to_string()).await;
        }
        // Last of all: whoever waits for it may give this up then.
        self.now.send_replace(now);
        Ok(())
    }

    /// Notes what a session that begins anew must be told again.
    fn keep(&self, words: &Words, line: Bytes) {
        let about = || words.name.clone().unwrap_or_default();
        self.now.send_if_modified(|now| {
            match words.method.as_deref().filter(|_| now.id.is_some()) {
                Some("resources/unsubscribe") => drop(now.kept.remove(&about())),
                Some("resources/subscribe" | "logging/setLevel") if now.kept.len() < KEPT_MAX => drop(now.kept.insert(about(), line)),
                _ => {}
            }
            // Nobody waits for that.
            false
        });
    }
}

fn in_session(request: RequestBuilder, now: &Now) -> RequestBuilder {
    match &now.id {
        Some(id) => request.header(SESSION_ID, id),
        None => request,
    }
}

fn with_body(request: RequestBuilder, line: Bytes) -> RequestBuilder {
    request.header(header::ACCEPT, BOTH).header(header::CONTENT_TYPE, "application/json").body(line)
}

/// The version that the answer to `initialize` names.
fn agreed(messages: &[String]) -> Option<String> {
    let version = |message: &String| {
        let message = serde_json::from_str::<Value>(message).ok()?;
        Some(message.get("result")?.get("protocolVersion")?.as_str()?.to_owned())
    };
    messages.iter().find_map(version)
}

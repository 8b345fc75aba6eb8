//! The way from a guest to where its call was made.

use caxton_sandbox::HostCalls;
use tokio::sync::{mpsc, oneshot};

/// Something that a guest asks, and where the answer goes.
pub(super) enum Asked {
    Recall { query: String, limit: u32, reply: Reply<String> },
    Remember { text: String, scope: String, reply: Reply<()> },
    CallTool { name: String, arguments_json: String, reply: Reply<String> },
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, String>>;

/// What a guest asks goes in at one end and comes out at the other; it asks one thing after the other.
pub(crate) fn line() -> (Line, Listener) {
    let (sender, receiver) = mpsc::channel(1);
    (Line(sender), Listener(receiver))
}

#[derive(Debug)]
pub(crate) struct Line(mpsc::Sender<Asked>);

pub(crate) struct Listener(pub(super) mpsc::Receiver<Asked>);

impl Line {
    async fn ask<T>(&self, asked: impl FnOnce(Reply<T>) -> Asked) -> Result<T, String> {
        let over = || "the call is over".to_owned();
        let (reply, answer) = oneshot::channel();
        self.0.send(asked(reply)).await.map_err(|_| over())?;
        answer.await.unwrap_or_else(|_| Err(over()))
    }
}

#[async_trait::async_trait]
impl HostCalls for Line {
    async fn recall(&self, query: String, limit: u32) -> Result<String, String> {
        self.ask(|reply| Asked::Recall { query, limit, reply }).await
    }

    async fn remember(&self, text: String, scope: String) -> Result<(), String> {
        self.ask(|reply| Asked::Remember { text, scope, reply }).await
    }

    async fn call_tool(&self, name: String, arguments_json: String) -> Result<String, String> {
        self.ask(|reply| Asked::CallTool { name, arguments_json, reply }).await
    }
}

//! Sending, and what comes of it.

use crate::{Client, Error, client::REQUEST_TIMEOUT};
use caxton_api::{ConversationView, MessageAccepted, MessageView, Page, ReplyView, SendMessage, header};
use caxton_types::{ConversationId, MessageId, Performative};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::{str::FromStr, time::Duration};

/// How a message is sent.
#[derive(Debug, Clone, Default)]
pub struct SendOptions {
    /// How long to wait for the reply; not at all where absent. The server waits 120 s at most.
    pub wait: Option<Duration>,
    /// The key under which sending it again is no second message.
    pub idempotency_key: Option<String>,
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// It is recorded and on its way.
    Accepted(MessageAccepted),
    /// It is answered.
    Replied(Box<ReplyView>),
}

/// What came of asking an agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Invoked {
    /// It answered.
    Done {
        /// `inform` where it could, `refuse` or `failure` where it could not.
        performative: Performative,
        /// The answer, or the reason why there is none.
        content: Value,
        /// The message that was sent.
        message: MessageId,
        /// Its conversation.
        conversation: ConversationId,
    },
    /// It has not answered yet.
    Pending(MessageAccepted),
}

/// How long the server waits where it is told nothing.
const INVOKE_WAIT: Duration = Duration::from_secs(30);

fn waiting(request: RequestBuilder, wait: Duration) -> RequestBuilder {
    request.timeout(wait + REQUEST_TIMEOUT)
}

impl Client {
    /// Sends a message.
    pub async fn send(&self, message: &SendMessage, options: &SendOptions) -> Result<Sent, Error> {
        let mut request = self.at(Method::POST, &["messages"]).json(message);
        if let Some(wait) = options.wait {
            request = waiting(request.header(header::PREFER, format!("wait={}", wait.as_secs())), wait);
        }
        if let Some(key) = &options.idempotency_key {
            request = request.header(header::IDEMPOTENCY_KEY, key);
        }
        let response = self.send_request(request).await?;
        if response.status() == StatusCode::ACCEPTED {
            self.read(response).await.map(Sent::Accepted)
        } else {
            self.read(response).await.map(|reply| Sent::Replied(Box::new(reply)))
        }
    }

    /// Asks an agent and waits for its answer: 30 s, or as long as `wait` says.
    pub async fn invoke(&self, agent: &str, content: &Value, wait: Option<Duration>) -> Result<Invoked, Error> {
        let mut request = waiting(self.at(Method::POST, &["agents", agent, "invoke"]), wait.unwrap_or(INVOKE_WAIT)).json(content);
        if let Some(wait) = wait {
            request = request.header(header::PREFER, format!("wait={}", wait.as_secs()));
        }
        let response = self.send_request(request).await?;
        if response.status() == StatusCode::ACCEPTED {
            return self.read(response).await.map(Invoked::Pending);
        }
        Ok(Invoked::Done {
            performative: self.header(&response, header::PERFORMATIVE)?,
            message: self.header(&response, header::MESSAGE)?,
            conversation: self.header(&response, header::CONVERSATION)?,
            content: self.read(response).await?,
        })
    }

    fn header<T: FromStr>(&self, response: &Response, name: &str) -> Result<T, Error> {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
        value.ok_or_else(|| self.odd(format!("it has no `{name}`")))
    }

    /// Reads a message.
    pub async fn message(&self, id: MessageId) -> Result<MessageView, Error> {
        self.fetch(self.at(Method::GET, &["messages", &id.to_string()])).await
    }

    /// Reads a conversation.
    pub async fn conversation(&self, id: ConversationId) -> Result<ConversationView, Error> {
        self.fetch(self.at(Method::GET, &["conversations", &id.to_string()])).await
    }

    /// Lists conversations, newest first.
    pub async fn conversations(&self, after: Option<ConversationId>, limit: u32) -> Result<Page<ConversationView>, Error> {
        let after = after.map(|after| ("after", after.to_string()));
        let query: Vec<_> = after.into_iter().chain([("limit", limit.to_string())]).collect();
        self.query(&["conversations"], &query).await
    }

    /// Lists all messages of a conversation, oldest first.
    pub async fn messages(&self, conversation: ConversationId) -> Result<Vec<MessageView>, Error> {
        let id = conversation.to_string();
        let (mut all, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let query = [("after", after.as_str()), ("limit", "1000")];
            let page: Page<MessageView> = self.query(&["conversations", &id, "messages"], &query).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return Ok(all),
            }
        }
    }
}

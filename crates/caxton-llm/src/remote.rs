//! A provider behind HTTP: one question with its attempts and bounds. The wire formats are genai's.

mod backoff;
mod failure;
mod wire;

use self::{backoff::Backoff, failure::Failed, wire::Timeouts};
use crate::{ApiKey, DeltaSink, Error, Patience, Provider, ProviderOptions, prices};
use caxton_types::{ModelReply, ModelRequest, Price};
use futures_util::StreamExt as _;
use genai::{
    Client, Headers, ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{ChatStreamEvent, StreamEnd},
    resolver::{AuthData, Endpoint},
};
use reqwest::Url;
use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// The most bytes of one answer that are kept.
const REPLY_BYTES_MAX: usize = 8 << 20;
/// The longest pause that a provider may ask for; whoever wants more is given up for this question.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// Which wire format is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    OpenAi,
    Anthropic,
}

impl Wire {
    const fn adapter(self) -> AdapterKind {
        match self {
            Self::OpenAi => AdapterKind::OpenAI,
            Self::Anthropic => AdapterKind::Anthropic,
        }
    }

    const fn own_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1/",
            Self::Anthropic => "https://api.anthropic.com/v1/",
        }
    }
}

pub(crate) struct Remote {
    options: ProviderOptions,
    wire: Wire,
    client: Client,
    endpoint: Endpoint,
    auth: AuthData,
    /// Whether it is the vendor itself that answers.
    at_vendor: bool,
}

impl Remote {
    pub(crate) fn new(options: ProviderOptions, wire: Wire, base_url: Option<String>) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Misconfigured { provider: options.name.clone(), reason };
        let own = base_url.is_none();
        let url = parse_base_url(base_url.as_deref().unwrap_or(wire.own_url())).map_err(wrong)?;
        let key = options.api_key.as_ref().map(ApiKey::reveal).filter(|key| !key.is_empty());
        let auth = match (key, wire) {
            (Some(key), _) if key.chars().any(|c| c.is_control() || !c.is_ascii()) => {
                return Err(wrong("its key holds a character that no HTTP header can".into()));
            }
            (Some(key), _) => AuthData::from_single(key),
            // A server of one's own often has no key; then no `Authorization` is sent at all.
            (None, Wire::OpenAi) if !own => {
                AuthData::RequestOverride { url: format!("{url}chat/completions"), headers: Headers::default() }
            }
            (None, Wire::OpenAi | Wire::Anthropic) => return Err(Error::KeyMissing { provider: options.name.clone() }),
        };
        if key.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            tracing::warn!(provider = %options.name, "the provider's key travels unencrypted: its base_url is not https");
        }
        let client = Client::builder().with_reqwest(build_client(&url).map_err(|error| wrong(error.to_string()))?);
        let client = client.build().map_err(|error| wrong(error.to_string()))?;
        let at_vendor = Url::parse(wire.own_url()).is_ok_and(|own| own.host_str() == url.host_str());
        Ok(Self { wire, client, endpoint: Endpoint::from_owned(url.as_str()), auth, at_vendor, options })
    }

    /// The key is given here, explicitly: genai must not look for one in the environment.
    fn target(&self, model: &str) -> ServiceTarget {
        ServiceTarget { endpoint: self.endpoint.clone(), auth: self.auth.clone(), model: ModelIden::new(self.wire.adapter(), model) }
    }

    async fn attempt(
        &self,
        request: &ModelRequest,
        model: &str,
        deltas: Option<&DeltaSink>,
        told: &AtomicBool,
        begin_until: Instant,
    ) -> Result<ModelReply, Failed> {
        let next = self.options.timeout;
        let timeouts = Timeouts { first: next.min(begin_until.saturating_duration_since(Instant::now())), next };
        let mut waited = timeouts.first;
        let failed = |error, waited| failure::read(error, &self.options, model, waited);
        let (chat, settings) = wire::request(request, self.wire, timeouts);
        let asked = self.client.exec_chat_stream(self.target(model), chat, Some(&settings)).await;
        let mut stream = asked.map_err(|error| failed(error, waited))?.stream;
        let mut bytes = 0_usize;
        while let Some(event) = stream.next().await {
            match event.map_err(|error| failed(error, waited))? {
                ChatStreamEvent::Chunk(chunk) => {
                    bytes = bytes.saturating_add(chunk.content.len());
                    if let Some(deltas) = deltas
                        && !chunk.content.is_empty()
                    {
                        told.store(true, Ordering::Relaxed);
                        deltas(&chunk.content);
                    }
                }
                ChatStreamEvent::ReasoningChunk(chunk) | ChatStreamEvent::ThoughtSignatureChunk(chunk) => {
                    bytes = bytes.saturating_add(chunk.content.len());
                }
                // The piece holds all arguments so far.
                ChatStreamEvent::ToolCallChunk(chunk) => bytes = bytes.max(chunk.tool_call.fn_arguments.as_str().map_or(0, str::len)),
                ChatStreamEvent::Start | ChatStreamEvent::Heartbeat => {}
                ChatStreamEvent::End(end) => return self.reply(end, model),
            }
            waited = next;
            if bytes > REPLY_BYTES_MAX {
                return Err(Failed::for_good(self.unusable(format!("it has more than {} MiB", REPLY_BYTES_MAX >> 20))));
            }
        }
        Err(Failed::transient(Error::Connection {
            provider: self.options.name.clone(),
            reason: "the answer broke off before its end".into(),
        }))
    }

    fn reply(&self, end: StreamEnd, model: &str) -> Result<ModelReply, Failed> {
        wire::reply(end, &self.options.name, model).map_err(|reason| Failed::transient(self.unusable(reason)))
    }

    fn unusable(&self, reason: String) -> Error {
        Error::BadResponse { provider: self.options.name.clone(), reason }
    }

    /// Tries until it succeeds, fails for good, or a bound is reached.
    async fn attempts(
        &self,
        request: &ModelRequest,
        model: &str,
        deltas: Option<&DeltaSink>,
        begin_until: Instant,
    ) -> Result<ModelReply, Error> {
        let retry_until = begin_until.min(Instant::now() + self.options.time_max);
        let mut backoff = Backoff::new(self.options.backoff);
        let mut attempt = 1;
        loop {
            let told = AtomicBool::new(false);
            let failed = match self.attempt(request, model, deltas, &told, begin_until).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            // Once a reader has seen text, a second attempt would tell it again, perhaps differently.
            if !failed.transient || told.into_inner() || attempt >= self.options.attempts_max {
                return Err(failed.error);
            }
            let pause = backoff.next(failed.retry_after);
            if failed.retry_after.is_some_and(|asked| asked > RETRY_AFTER_MAX) || Instant::now() + pause >= retry_until {
                return Err(failed.error);
            }
            tracing::warn!(provider = %self.options.name, attempt, retry_ms = pause_ms(pause), error = %failed.error, "model call failed");
            metrics::counter!("caxton_model_retries_total", "provider" => self.options.name.clone()).increment(1);
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

#[async_trait::async_trait]
impl Provider for Remote {
    fn name(&self) -> &str {
        &self.options.name
    }

    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        let until = (Instant::now() + self.options.time_max).into_std();
        self.ask_within(request, model, deltas, Patience { begin_until: until, until }).await
    }

    async fn ask_within(
        &self,
        request: &ModelRequest,
        model: &str,
        deltas: Option<DeltaSink>,
        patience: Patience,
    ) -> Result<ModelReply, Error> {
        let all = self.attempts(request, model, deltas.as_ref(), patience.begin_until.into());
        // The asker keeps its own bound.
        tokio::time::timeout(self.options.time_max, all)
            .await
            .unwrap_or_else(|_| Err(Error::Timeout { provider: self.options.name.clone(), limit: self.options.time_max }))
    }

    /// The vendor's list price; a server of one's own may cost anything.
    fn price(&self, model: &str) -> Option<Price> {
        let table: &[_] = match self.wire {
            Wire::OpenAi => &prices::OPENAI,
            Wire::Anthropic => &prices::ANTHROPIC,
        };
        self.at_vendor.then(|| prices::look_up(table, model)).flatten()
    }
}

fn pause_ms(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

/// An absolute URL of a directory, so that the paths of the wire format can be put behind it.
fn parse_base_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("its base_url is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("its base_url must begin with `https://` or `http://`".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its base_url holds a user or password; use `api_key`".into());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// A redirect would carry the key to wherever it points: none is followed.
fn build_client(url: &Url) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("caxton/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build()
}

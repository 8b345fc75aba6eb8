//! One question along a chain of providers.

use super::Entry;
use crate::{Asking, BreakerSink, DeltaSink, Error, Patience};
use caxton_types::{CallVerdict, Failover, FallbackMode, Fault as _, ModelReply, ModelRequest};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How long a question may take with all its providers where nobody says.
const TIME_MAX: Duration = Duration::from_mins(10);
/// A shorter silence than this, or than the provider's own `timeout`, proves nothing: the asker was in a hurry.
const SILENCE_MIN: Duration = Duration::from_secs(10);

/// Who answers for a name, in order; never empty.
pub(super) struct Chain<'a> {
    pub(super) name: &'a str,
    pub(super) links: Vec<Link<'a>>,
    pub(super) fallback: FallbackMode,
}

/// One of them: a provider, and its model by the vendor's name.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) entry: &'a Entry,
    pub(super) model: &'a str,
}

impl Chain<'_> {
    pub(super) async fn ask(&self, request: &ModelRequest, asking: Asking) -> Result<ModelReply, Error> {
        let Asking { deltas, deadline, from, mut failovers, on_breaker } = asking;
        let until = deadline.map_or_else(|| Instant::now() + TIME_MAX, Instant::from_std);
        let mut telling = Telling::new(deltas);
        let mut links = self.links.iter().enumerate().skip(from).peekable();
        let came_with = failovers.len();
        while let Some((position, link)) = links.next() {
            let patience = patience(until, self.links.len() - position);
            let error = match link.ask(request, telling.sink(), patience, on_breaker.as_ref()).await {
                Ok(reply) => return Ok(ModelReply { failovers, ..reply }),
                Err(error) => error,
            };
            let next = links.peek().filter(|_| !error.is_the_requests_fault() && Instant::now() < until);
            let Some((position, next)) = next else {
                let (model, source) = (self.name.to_owned(), Box::new(error));
                return Err(if failovers.len() > came_with { Error::ChainFailed { model, failovers, source } } else { *source });
            };
            let step = Failover { from: link.shown(), to: next.shown(), code: error.code(), reason: error.to_string() };
            if self.fallback == FallbackMode::Off {
                let (model, source) = (self.name.to_owned(), Box::new(error));
                return Err(Error::FailoverOff { model, failed: step.from, next: step.to, source });
            }
            failovers.push(step);
            if self.fallback == FallbackMode::Ask {
                let (model, source) = (self.name.to_owned(), Box::new(error));
                return Err(Error::FailoverNeedsApproval { model, position: *position, failovers, source });
            }
            self.tell(failovers.last());
        }
        Err(Error::PositionUnknown { model: self.name.to_owned(), position: from, len: self.links.len() })
    }

    fn tell(&self, step: Option<&Failover>) {
        let Some(Failover { from, to, code, reason }) = step else { return };
        tracing::warn!(model = %self.name, %from, %to, %code, %reason, "the next model provider is asked");
        let labels = [("from", from.clone()), ("to", to.clone()), ("code", code.to_string())];
        metrics::counter!("caxton_model_failovers_total", &labels).increment(1);
    }
}

impl Link<'_> {
    /// As errors and replies show it.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.entry.provider.name(), self.model)
    }

    async fn ask(
        &self,
        request: &ModelRequest,
        deltas: Option<DeltaSink>,
        patience: Patience,
        on_breaker: Option<&BreakerSink>,
    ) -> Result<ModelReply, Error> {
        let pass = self.entry.guard.admit(on_breaker)?;
        let begun = Instant::now();
        let asked = self.entry.provider.ask_within(request, self.model, deltas, patience);
        let answer = timeout_at(patience.until.into(), asked).await;
        let verdict = answer.as_ref().map_or(CallVerdict::Unknown, |answer| self.verdict(answer));
        pass.settle(verdict);
        let late = |_| Err(Error::Timeout { provider: self.entry.provider.name().to_owned(), limit: begun.elapsed() });
        let answer = answer.unwrap_or_else(late);
        self.measure(&answer, begun.elapsed());
        answer
    }

    /// What an answer says of the provider: one that refuses a bad request works.
    fn verdict(&self, answer: &Result<ModelReply, Error>) -> CallVerdict {
        match answer {
            Ok(_) => CallVerdict::Success,
            Err(error) if error.is_the_requests_fault() => CallVerdict::Success,
            Err(Error::Timeout { limit, .. }) if *limit < self.entry.timeout.min(SILENCE_MIN) => CallVerdict::Unknown,
            Err(_) => CallVerdict::Failure,
        }
    }

    fn measure(&self, answer: &Result<ModelReply, Error>, took: Duration) {
        let provider = self.entry.provider.name().to_owned();
        let outcome = if answer.is_ok() { "ok" } else { "error" };
        metrics::counter!("caxton_model_requests_total", "provider" => provider.clone(), "outcome" => outcome).increment(1);
        metrics::histogram!("caxton_model_request_seconds", "provider" => provider.clone()).record(took);
        if let Ok(reply) = answer {
            metrics::counter!("caxton_model_tokens_total", "provider" => provider.clone(), "direction" => "input")
                .increment(reply.usage.input);
            metrics::counter!("caxton_model_tokens_total", "provider" => provider, "direction" => "output").increment(reply.usage.output);
        }
    }
}

/// The time left is shared fairly: a provider that others follow begins nothing new once its part is used, so that they get theirs.
fn patience(until: Instant, links_left: usize) -> Patience {
    let now = Instant::now();
    let part = until.saturating_duration_since(now) / u32::try_from(links_left.max(1)).unwrap_or(u32::MAX);
    Patience { begin_until: (now + part).into_std(), until: until.into_std() }
}

/// The reader of pieces. Once one provider told some, those after it tell none: nobody reads two beginnings of an answer.
struct Telling {
    deltas: Option<DeltaSink>,
    told: Arc<AtomicBool>,
}

impl Telling {
    fn new(deltas: Option<DeltaSink>) -> Self {
        Self { deltas, told: Arc::default() }
    }

    /// The sink for the next provider.
    fn sink(&mut self) -> Option<DeltaSink> {
        if self.told.load(Ordering::Relaxed) {
            self.deltas = None;
        }
        let (deltas, told) = (Arc::clone(self.deltas.as_ref()?), Arc::clone(&self.told));
        Some(Arc::new(move |piece: &str| {
            told.store(true, Ordering::Relaxed);
            deltas(piece);
        }))
    }
}

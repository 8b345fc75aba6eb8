//! How much at once, and for how long.

use super::Fail;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use caxton_types::Code;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets so many in at the same time and turns the rest away at once.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    what: &'static str,
    len_max: usize,
}

impl Gate {
    pub(crate) fn new(what: &'static str, len_max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(len_max)), what, len_max }
    }

    /// A place until the permit is dropped.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Fail> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            metrics::counter!("caxton_turned_away_total", "what" => self.what).increment(1);
            Fail::new(Code::Exhausted, format!("{} {} are open already", self.len_max, self.what)).hint("try again in a moment")
        })
    }
}

/// Admits a request, or answers 429.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.enter() {
        Ok(_place) => next.run(request).await,
        Err(fail) => fail.into_response(),
    }
}

/// How long a request may take until its response begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Duration);

/// Calls a request off when its time is up.
pub(crate) async fn within(State(Deadline(limit)): State<Deadline>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| Fail::new(Code::Deadline, format!("the request took more than {} s", limit.as_secs())).into_response())
}

//! What the process counts of its calls. Found once: looking a figure up by its labels costs more than counting.

use metrics::{Counter, Histogram, counter, histogram};

use crate::{Error, Usage, entry::Reply};

pub(crate) struct Figures {
    found_waiting: Counter,
    found_none: Counter,
    ok: Counter,
    refused: Counter,
    limit: Counter,
    trap: Counter,
    error: Counter,
    call_seconds: Histogram,
    cpu_seconds: Histogram,
}

impl Figures {
    pub(crate) fn new() -> Self {
        Self {
            found_waiting: counter!("caxton_sandbox_reuse_total", "found" => "waiting"),
            found_none: counter!("caxton_sandbox_reuse_total", "found" => "none"),
            ok: counter!("caxton_sandbox_calls_total", "outcome" => "ok"),
            refused: counter!("caxton_sandbox_calls_total", "outcome" => "refused"),
            limit: counter!("caxton_sandbox_calls_total", "outcome" => "limit"),
            trap: counter!("caxton_sandbox_calls_total", "outcome" => "trap"),
            error: counter!("caxton_sandbox_calls_total", "outcome" => "error"),
            call_seconds: histogram!("caxton_sandbox_call_seconds"),
            cpu_seconds: histogram!("caxton_sandbox_cpu_seconds"),
        }
    }

    /// A call that may have an instance that waits looked for one.
    pub(crate) fn looked(&self, has_found: bool) {
        let found = if has_found { &self.found_waiting } else { &self.found_none };
        found.increment(1);
    }

    /// A call has ended.
    pub(crate) fn ended(&self, result: &Result<Reply, Error>, usage: &Usage) {
        let outcome = match result {
            Ok(Reply::Called(Err(_))) => &self.refused,
            Ok(_) => &self.ok,
            Err(Error::Limit(_)) => &self.limit,
            Err(Error::Trap(_)) => &self.trap,
            Err(_) => &self.error,
        };
        outcome.increment(1);
        self.call_seconds.record(usage.wall.as_secs_f64());
        self.cpu_seconds.record(usage.cpu.as_secs_f64());
    }
}

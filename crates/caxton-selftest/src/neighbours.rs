//! Honest callers of an honest tool, for as long as attacks are run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use caxton_sandbox::{Call, Component, Reuse, Sandbox};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Neighbourhood,
    guest::{self, TOOL},
    report::millis,
};

/// How many call at once.
const CALLERS: usize = 4;
/// Between two calls of one.
const PAUSE: Duration = Duration::from_millis(1);
/// Nobody waits longer for a call of theirs than this.
const STANDSTILL: Duration = Duration::from_secs(5);
const TIMES_MAX: usize = 1 << 20;
const ERRORS_MAX: usize = 8;

/// The hash FNV-1a of its arguments in hexadecimal: as many answers as there are arguments, each easily checked.
const HONEST: &str = "(local $hash i32) (local $at i32) (local $digit i32)
    (local.set $hash (i32.const 0x811c9dc5))
    (loop
        (local.set $hash (i32.mul (i32.xor (local.get $hash) (i32.load8_u (i32.add (local.get $args) (local.get $at)))) (i32.const 0x01000193)))
        (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $args_len))))
    (local.set $at (i32.const 0))
    (loop
        (local.set $digit (i32.and (i32.shr_u (local.get $hash) (i32.sub (i32.const 28) (i32.shl (local.get $at) (i32.const 2)))) (i32.const 15)))
        (i32.store8 (i32.add (i32.const 512) (local.get $at))
            (i32.add (local.get $digit) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 9)))))
        (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 8))))
    (call $text (i32.const 512) (i32.const 8))";

/// The answer of the honest tool.
fn honest(arguments: &str) -> String {
    let hash = arguments.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

pub(crate) struct Neighbours {
    shared: Arc<Shared>,
    /// Calls of each so far.
    calls: Vec<watch::Receiver<u64>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// What else goes on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Phase {
    /// Nothing.
    Alone,
    /// An attack, guarded as it is to be.
    Beside,
    /// Something else, of which the time of calls tells nothing.
    #[default]
    Between,
}

#[derive(Default)]
struct Shared {
    calls: AtomicU64,
    wrong: AtomicU64,
    errors: Mutex<Vec<String>>,
    phase: Mutex<Phase>,
    alone: Mutex<Vec<Duration>>,
    beside: Mutex<Vec<Duration>>,
}

impl Neighbours {
    pub(crate) async fn start(sandbox: &Sandbox) -> Result<Self, Error> {
        let failed = |source| Error::Sandbox { attack: "neighbours", source };
        let component = sandbox.load("honest", guest::calling("neighbours", HONEST)?).await.map_err(failed)?;
        let (shared, stop, mut tasks) = (Arc::new(Shared::default()), CancellationToken::new(), JoinSet::new());
        let calls = (0..CALLERS).map(|caller| {
            let (told, calls) = watch::channel(0);
            tasks.spawn(keep_calling(component.clone(), caller, Arc::clone(&shared), told, stop.clone()));
            calls
        });
        Ok(Self { calls: calls.collect(), shared, stop, tasks })
    }

    /// What goes on from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        *self.shared.phase.lock() = phase;
    }

    /// Calls and errors so far.
    pub(crate) fn count(&self) -> (u64, u64) {
        (self.shared.calls.load(Ordering::SeqCst), self.shared.wrong.load(Ordering::SeqCst))
    }

    /// Until every one has made so many calls from now on; false where one of them stands still.
    pub(crate) async fn calls(&mut self, calls: u64) -> bool {
        for caller in &mut self.calls {
            let enough = caller.borrow().saturating_add(calls);
            let until = caller.wait_for(|now| *now >= enough);
            if !matches!(tokio::time::timeout(STANDSTILL, until).await, Ok(Ok(_))) {
                return false;
            }
        }
        true
    }

    pub(crate) async fn end(mut self) -> Neighbourhood {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        let (calls, wrong) = self.count();
        let shared = &self.shared;
        let (alone, beside) = (quantiles(&shared.alone), quantiles(&shared.beside));
        let errors = std::mem::take(&mut *shared.errors.lock());
        Neighbourhood {
            callers: CALLERS,
            calls,
            wrong,
            errors,
            alone_p50_ms: alone.0,
            alone_p99_ms: alone.1,
            p50_ms: beside.0,
            p99_ms: beside.1,
        }
    }
}

async fn keep_calling(component: Component, caller: usize, shared: Arc<Shared>, told: watch::Sender<u64>, stop: CancellationToken) {
    let mut number = 0_u64;
    while !stop.is_cancelled() {
        number += 1;
        let arguments = format!("{{\"caller\":{caller},\"number\":{number}}}");
        // Every other one leaves its instance to its next call.
        let reuse = (caller % 2 == 1).then(Reuse::default);
        let (begun, builds) = (Instant::now(), guest::builds());
        let ended = component.perform(Call { reuse, ..Call::new(TOOL, arguments.as_str()) }).await;
        // What the selftest itself computes beside a call tells nothing of the sandbox.
        let is_apart = builds.is_some() && builds == guest::builds();
        shared.count(is_apart.then(|| begun.elapsed()));
        match ended.result {
            Ok(answer) if answer == honest(&arguments) => {}
            Ok(answer) => shared.wrong(format!("{arguments}: it answers {answer}")),
            Err(error) => shared.wrong(format!("{arguments}: {error}")),
        }
        told.send_replace(number);
        tokio::time::sleep(PAUSE).await;
    }
}

impl Shared {
    /// Counts a call, and its time where that is known.
    fn count(&self, took: Option<Duration>) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let Some(took) = took else { return };
        let times = match *self.phase.lock() {
            Phase::Alone => &self.alone,
            Phase::Beside => &self.beside,
            Phase::Between => return,
        };
        let mut times = times.lock();
        if times.len() < TIMES_MAX {
            times.push(took);
        }
    }

    fn wrong(&self, what: String) {
        self.wrong.fetch_add(1, Ordering::SeqCst);
        let mut errors = self.errors.lock();
        if errors.len() < ERRORS_MAX {
            errors.push(what);
        }
    }
}

/// The median and the 99th of a hundred, in milliseconds.
fn quantiles(times: &Mutex<Vec<Duration>>) -> (f64, f64) {
    let mut times = std::mem::take(&mut *times.lock());
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    (millis(at(50)), millis(at(99)))
}

#[cfg(test)]
mod tests {
    use super::honest;

    #[test]
    fn the_honest_answer_is_the_hash_as_it_is_published() {
        assert_eq!([honest(""), honest("a"), honest("foobar")], ["811c9dc5", "e40c292c", "bf9cf968"]);
    }
}

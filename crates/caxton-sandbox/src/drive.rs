//! Where a call runs, and for how long.
//!
//! A call starts on the task that asked for it: most end within microseconds. One that touches files, or that has used up
//! its first slice of time, moves to a thread of its own, so that no worker of the runtime computes for long. Of those,
//! only as many compute at once as there are processors; they take turns at every tick, and one that waits holds nobody up.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use caxton_types::error::ResourceError;
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    account::Account,
    run::{Answered, Run, TimeLimits},
    sandbox::Shared,
};

type Answer = Result<Answered, Error>;

/// Runs under the limits of wall and processor time; tells where it counted what it used, and when it ended.
pub(crate) fn drive(run: Run, shared: &Shared, begun: Instant) -> impl Future<Output = (Answer, Arc<Account>, Instant)> + Send {
    let (is_long, TimeLimits { wall, cpu, deadline }) = (run.touches_files(), run.time);
    let left = deadline.map(|deadline| deadline.saturating_duration_since(begun)).filter(|left| *left < wall);
    let mut metered = Metered { account: Arc::clone(run.account()), cpu_max: cpu, run: Box::pin(run.perform()) };
    async move {
        let most = left.unwrap_or(wall);
        let too_long = || match left {
            Some(_) => Err(Error::OutOfTime),
            None => Err(ResourceError::TimeLimitExceeded { limit: wall }.into()),
        };
        // A timer that is over before it began may still lose against a guest that is quick.
        if most.is_zero() {
            return (too_long(), metered.account, begun);
        }
        if !is_long {
            // Most have ended when they are looked at once: they need no timer.
            let first = poll_fn(|context| Poll::Ready(metered.poll_since(begun, context))).await;
            if let (Poll::Ready(answer), now) = first {
                return (answer, metered.account, now);
            }
        }
        let (account, turns) = (Arc::clone(&metered.account), Arc::clone(&shared.long));
        let answer = Box::pin(tokio::time::timeout(most.saturating_sub(begun.elapsed()), rest(metered, turns, is_long))).await;
        (answer.unwrap_or_else(|_| too_long()), account, Instant::now())
    }
}

/// Goes on with a run, on a thread of its own as soon as it is long.
async fn rest(mut metered: Metered<impl Future<Output = Answer> + Send + 'static>, turns: Arc<Semaphore>, is_long: bool) -> Answer {
    if !is_long {
        // It has just been looked at, on behalf of this same task.
        let mut is_known = true;
        let first = poll_fn(|context| {
            if metered.account.is_long.load(Ordering::Relaxed) {
                return Poll::Ready(None);
            }
            if std::mem::take(&mut is_known) {
                return Poll::Pending;
            }
            match Pin::new(&mut metered).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if metered.account.is_long.load(Ordering::Relaxed) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        if let Some(answer) = first.await {
            return answer;
        }
    }
    // Dropping this future must end the guest: the guard cancels, the guest gives way at its next tick.
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let runtime = Handle::current();
    let thread = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(Error::Stopping),
                answer = in_turns(metered, &turns) => answer,
            }
        })
    });
    thread.await.unwrap_or_else(|error| Err(Error::Trap(error.to_string())))
}

/// Computes only while it has one of the turns; gives it back whenever it waits or gives way.
async fn in_turns(mut run: impl Future<Output = Answer> + Unpin, turns: &Semaphore) -> Answer {
    loop {
        let Ok(turn) = turns.acquire().await else { return Err(Error::Stopping) };
        let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut run).poll(context))).await;
        drop(turn);
        if let Poll::Ready(answer) = polled {
            return answer;
        }
        // Until the waker that the run was given wakes this task.
        let mut woken = false;
        poll_fn(|_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Counts the time that a run computes; ends it when that is too much.
struct Metered<F> {
    run: Pin<Box<F>>,
    account: Arc<Account>,
    cpu_max: Duration,
}

impl<F: Future<Output = Answer>> Metered<F> {
    /// Looks at the run for the first time, which computes since then; tells when it stopped. Charged by the clock, which is read
    /// anyway: to ask the system twice for what a thread has computed would take about as long as a short call.
    fn poll_since(&mut self, begun: Instant, context: &mut Context<'_>) -> (Poll<Answer>, Instant) {
        let polled = self.run.as_mut().poll(context);
        let now = Instant::now();
        (self.charge(polled, now.saturating_duration_since(begun)), now)
    }

    fn charge(&self, polled: Poll<Answer>, computed: Duration) -> Poll<Answer> {
        let cpu = self.account.compute(computed);
        if polled.is_pending() && cpu > self.cpu_max {
            return Poll::Ready(Err(ResourceError::CpuLimitExceeded { limit: self.cpu_max }.into()));
        }
        polled
    }
}

impl<F: Future<Output = Answer>> Future for Metered<F> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let before = computed();
        let polled = self.run.as_mut().poll(context);
        self.charge(polled, computed().saturating_sub(before))
    }
}

/// What this thread has computed so far: while others have its processor, or it waits for a disk, it computes nothing.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn computed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// By the clock, where the system is not asked.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn computed() -> Duration {
    static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGUN.elapsed()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{sync::mpsc, task::Waker, thread};

    use super::*;
    use crate::Limits;

    #[test]
    fn only_what_a_run_computes_is_charged() {
        let (tell, told) = mpsc::channel();
        // As one that another program keeps from its processor.
        let run = poll_fn(move |_| {
            told.recv().unwrap();
            Poll::Pending
        });
        let mut metered = Metered { run: Box::pin(run), account: Account::new(Limits::default()), cpu_max: Duration::MAX };
        let before = computed();
        thread::scope(|scope| {
            scope.spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(20) {
                    thread::yield_now();
                }
                tell.send(()).unwrap();
            });
            assert!(Pin::new(&mut metered).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        });
        let cpu = metered.account.usage(Duration::ZERO).cpu;
        assert!(cpu > Duration::ZERO && cpu <= computed().saturating_sub(before), "{cpu:?}");
    }
}

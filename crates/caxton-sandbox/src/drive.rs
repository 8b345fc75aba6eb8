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

use crate::{Error, account::Account, call::Run, entry::Reply};

type Answer = Result<Reply, Error>;

/// Runs under the limits of wall and processor time.
pub(crate) async fn drive(run: Run) -> Answer {
    let (limits, shared, account) = (run.job.limits, Arc::clone(&run.shared), Arc::clone(&run.account));
    // A timer that is over before it began may still lose against a guest that is quick.
    if limits.wall.is_zero() {
        return Err(ResourceError::TimeLimitExceeded { limit: limits.wall }.into());
    }
    let is_long = run.touches_files();
    let mut metered = Metered { run: Box::pin(run.run()), account: Arc::clone(&account), cpu_max: limits.cpu };
    let ended = async {
        if !is_long {
            let first = poll_fn(|context| match Pin::new(&mut metered).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if account.is_long.load(Ordering::Relaxed) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            if let Some(answer) = first.await {
                return answer;
            }
        }
        // Dropping this future must end the guest: the guard cancels, the guest gives way at its next tick.
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let (runtime, turns) = (Handle::current(), Arc::clone(&shared.long));
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
    };
    match tokio::time::timeout(limits.wall, ended).await {
        Ok(answer) => answer,
        Err(_) => Err(ResourceError::TimeLimitExceeded { limit: limits.wall }.into()),
    }
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

/// Counts the time spent inside a run; ends it when that is too much.
struct Metered<F> {
    run: Pin<Box<F>>,
    account: Arc<Account>,
    cpu_max: Duration,
}

impl<F: Future<Output = Answer>> Future for Metered<F> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let begun = Instant::now();
        let polled = self.run.as_mut().poll(context);
        let cpu = self.account.compute(begun.elapsed());
        if polled.is_pending() && cpu > self.cpu_max {
            return Poll::Ready(Err(ResourceError::TimeLimitExceeded { limit: self.cpu_max }.into()));
        }
        polled
    }
}

//! Where a call runs, and for how long.
//!
//! A call starts on the task that asked for it: most end within microseconds. One that reads files, or that has used up
//! its first slice of time, moves to a thread of its own, so that no worker of the runtime computes for long.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use caxton_types::error::ResourceError;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{Error, call::Run, entry::Reply};

type Answer = (Result<Reply, Error>, usize);

/// Runs under the limits of wall and processor time; returns the answer, the time spent computing, and the memory.
pub(crate) async fn drive(run: Run) -> (Result<Reply, Error>, Duration, usize) {
    let (limits, shared, is_long) = (run.limits, Arc::clone(&run.shared), Arc::clone(&run.is_long));
    // A timer that is over before it began may still lose against a guest that is quick.
    if limits.wall.is_zero() {
        return (Err(ResourceError::TimeLimitExceeded { limit: limits.wall }.into()), Duration::ZERO, 0);
    }
    let reads = !run.attachments.is_empty();
    let cpu = Arc::new(Mutex::new(Duration::ZERO));
    let mut metered = Metered { run: Box::pin(run.run()), cpu: Arc::clone(&cpu), cpu_max: limits.cpu };
    let ended = async {
        if !reads {
            let first = poll_fn(|context| match Pin::new(&mut metered).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if is_long.load(Ordering::Relaxed) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            if let Some(answer) = first.await {
                return answer;
            }
        }
        let Ok(long) = Arc::clone(&shared.long).acquire_owned().await else {
            return (Err(Error::Stopping), 0);
        };
        // Dropping this future must end the guest: the guard cancels, the guest gives way at its next tick.
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let runtime = Handle::current();
        let thread = tokio::task::spawn_blocking(move || {
            let _long = long;
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    answer = metered => answer,
                    () = stop.cancelled() => (Err(Error::Stopping), 0),
                }
            })
        });
        thread.await.unwrap_or_else(|error| (Err(Error::Trap(error.to_string())), 0))
    };
    let (result, peak) = match tokio::time::timeout(limits.wall, ended).await {
        Ok(answer) => answer,
        Err(_) => (Err(ResourceError::TimeLimitExceeded { limit: limits.wall }.into()), 0),
    };
    let cpu = *cpu.lock();
    (result, cpu, peak)
}

/// Counts the time spent inside a run; ends it when that is too much.
struct Metered<F> {
    run: Pin<Box<F>>,
    cpu: Arc<Mutex<Duration>>,
    cpu_max: Duration,
}

impl<F: Future<Output = Answer>> Future for Metered<F> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let begun = Instant::now();
        let polled = self.run.as_mut().poll(context);
        let cpu = {
            let mut cpu = self.cpu.lock();
            *cpu += begun.elapsed();
            *cpu
        };
        if polled.is_pending() && cpu > self.cpu_max {
            return Poll::Ready((Err(ResourceError::TimeLimitExceeded { limit: self.cpu_max }.into()), 0));
        }
        polled
    }
}

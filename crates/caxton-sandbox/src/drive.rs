//! Where a call runs, and for how long.
//!
//! A call starts on the task that asked for it: most end within microseconds. One that touches files starts on a thread of its
//! own. Either moves on, when it has used up its first slice of time, to a thread that gives way to all others, so that no worker of
//! the runtime computes for long, and what does takes nothing from what does not. Of those on threads, only as many compute at once as
//! there are processors; they take turns at every tick, and one that waits holds nobody up.

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
    call::{Answered, Run},
    sandbox::Shared,
};

type Answer = Result<Answered, Error>;

/// Runs under the limits of wall and processor time; tells when it ended.
pub(crate) fn drive(run: Run, begun: Instant) -> impl Future<Output = (Answer, Instant)> + Send {
    let (touches_files, limits, shared) = (run.touches_files(), run.job.limits, Arc::clone(&run.shared));
    let left = run.deadline.map(|deadline| deadline.saturating_duration_since(begun)).filter(|left| *left < limits.wall);
    let wall = left.unwrap_or(limits.wall);
    let mut metered = Metered { account: Arc::clone(&run.account), cpu_max: limits.cpu, run: Box::pin(run.perform()) };
    let too_long = move || match left {
        Some(_) => Err(Error::OutOfTime),
        None => Err(ResourceError::TimeLimitExceeded { limit: wall }.into()),
    };
    async move {
        // A timer that is over before it began may still lose against a guest that is quick.
        if wall.is_zero() {
            return (too_long(), begun);
        }
        if !touches_files {
            // Most have ended when they are looked at once: they need no timer.
            let first = poll_fn(|context| Poll::Ready(metered.poll_since(begun, context))).await;
            if let (Poll::Ready(answer), now) = first {
                return (answer, now);
            }
        }
        let left = wall.saturating_sub(begun.elapsed());
        let answer = Box::pin(tokio::time::timeout(left, rest(metered, shared, touches_files))).await;
        (answer.unwrap_or_else(|_| too_long()), Instant::now())
    }
}

/// Goes on with a run where it may, until it is long.
async fn rest<F: Future<Output = Answer> + Send + 'static>(metered: Metered<F>, shared: Arc<Shared>, touches_files: bool) -> Answer {
    // Unless it touches files, it has just been looked at, on behalf of this same task.
    let brief = Brief { run: Some(metered), is_known: !touches_files };
    let left = if touches_files { apart(&Handle::current(), brief, &shared.long).await? } else { brief.await };
    match (left, shared.threads.handle()) {
        (Left::Ended(answer), _) => answer,
        (Left::Long(run), Some(threads)) => apart(threads, run, &shared.long).await?,
        (Left::Long(_), None) => Err(Error::Stopping),
    }
}

/// What became of a run that was not to be long.
enum Left<F> {
    Ended(Answer),
    Long(Metered<F>),
}

/// A run until it ends or is long.
struct Brief<F> {
    run: Option<Metered<F>>,
    /// Whether it need not be looked at now.
    is_known: bool,
}

impl<F: Future<Output = Answer>> Future for Brief<F> {
    type Output = Left<F>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Left<F>> {
        let is_known = std::mem::take(&mut self.is_known);
        let Some(mut run) = self.run.take() else { return Poll::Pending };
        if !is_known && let Poll::Ready(answer) = Pin::new(&mut run).poll(context) {
            return Poll::Ready(Left::Ended(answer));
        }
        if run.account.is_long.load(Ordering::Relaxed) {
            return Poll::Ready(Left::Long(run));
        }
        self.run = Some(run);
        Poll::Pending
    }
}

/// Has one of these threads do the work, in turns. Dropping this future ends it: the guard cancels, the guest gives way at its next tick.
async fn apart<T: Send + 'static>(
    threads: &Handle,
    work: impl Future<Output = T> + Unpin + Send + 'static,
    turns: &Arc<Semaphore>,
) -> Result<T, Error> {
    let (stop, turns) = (CancellationToken::new(), Arc::clone(turns));
    let _guard = stop.clone().drop_guard();
    let runtime = Handle::current();
    let thread = threads.spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(Error::Stopping),
                done = in_turns(work, &turns) => done,
            }
        })
    });
    thread.await.unwrap_or_else(|error| Err(Error::Trap(error.to_string())))
}

/// Computes only while it has one of the turns; gives it back whenever it waits or gives way.
async fn in_turns<T>(mut work: impl Future<Output = T> + Unpin, turns: &Semaphore) -> Result<T, Error> {
    loop {
        let Ok(turn) = turns.acquire().await else { return Err(Error::Stopping) };
        let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut work).poll(context))).await;
        drop(turn);
        if let Poll::Ready(done) = polled {
            return Ok(done);
        }
        // Until the waker that the work was given wakes this task.
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

impl<F: Future<Output = Answer>> Metered<F> {
    /// Looks at the run, which computes since then; tells when it stopped.
    fn poll_since(&mut self, begun: Instant, context: &mut Context<'_>) -> (Poll<Answer>, Instant) {
        let polled = self.run.as_mut().poll(context);
        let now = Instant::now();
        let cpu = self.account.compute(now.saturating_duration_since(begun));
        if polled.is_pending() && cpu > self.cpu_max {
            return (Poll::Ready(Err(ResourceError::CpuLimitExceeded { limit: self.cpu_max }.into())), now);
        }
        (polled, now)
    }
}

impl<F: Future<Output = Answer>> Future for Metered<F> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        self.poll_since(Instant::now(), context).0
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{future::pending, pin::pin};

    use rustix::process::getpriority_process;

    use super::*;
    use crate::{Limits, Options, Sandbox, threads::NICENESS};

    /// A run that tells how far its thread stands back.
    fn telling(is_long: bool) -> Metered<impl Future<Output = Answer> + Send + 'static> {
        let account = Account::new(Limits::default());
        account.is_long.store(is_long, Ordering::Relaxed);
        let run = Box::pin(async { Err(Error::Failed(format!("{:?}", getpriority_process(None)))) });
        Metered { account, cpu_max: Duration::MAX, run }
    }

    #[tokio::test]
    async fn what_computes_for_long_gives_way_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Options::new(folder.path())).unwrap();
        let usual = getpriority_process(None).unwrap();
        for (is_long, touches_files, expected) in [(true, false, NICENESS.max(usual)), (true, true, usual), (false, true, usual)] {
            let told = rest(telling(is_long), Arc::clone(&sandbox.0), touches_files).await.err().unwrap().to_string();
            assert_eq!(told, format!("Ok({expected})"), "{is_long} {touches_files}");
        }
    }

    #[test]
    fn what_computes_for_long_takes_no_thread_of_the_server() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let sandbox = Sandbox::new(Options::new(folder.path())).unwrap();
            let account = Account::new(Limits::default());
            account.is_long.store(true, Ordering::Relaxed);
            let endless = Metered { account, cpu_max: Duration::MAX, run: Box::pin(pending()) };
            let mut endless = pin!(rest(endless, Arc::clone(&sandbox.0), false));
            tokio::select! {
                biased;
                ended = &mut endless => panic!("it ended: {:?}", ended.err()),
                read = tokio::task::spawn_blocking(|| 7) => assert_eq!(read.unwrap(), 7),
            }
        });
    }
}

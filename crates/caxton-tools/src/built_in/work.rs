//! Work that computes: off the runtime, watched by a clock, and accounted.

use super::{Answer, Refusal};
use crate::{CallContext, Error};
use caxton_types::ToolDefinition;
use rustix::time::{ClockId, clock_gettime};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What work looks at from time to time: whether anybody still waits for it.
#[derive(Debug)]
pub(crate) struct Watch {
    deadline: Option<Instant>,
    limit: Duration,
    gone: Arc<AtomicBool>,
    ticks: u32,
}

/// How many steps of a loop pass between two looks at the clock.
const STRIDE: u32 = 1024;

impl Watch {
    fn new(limit: Duration, gone: Arc<AtomicBool>) -> Self {
        Self { deadline: Instant::now().checked_add(limit), limit, gone, ticks: 0 }
    }

    /// Once each step of a loop.
    pub(crate) fn tick(&mut self) -> Result<(), Refusal> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(STRIDE) { self.look() } else { Ok(()) }
    }

    /// The same for who looks from elsewhere.
    pub(crate) fn observer(&self) -> Observer {
        Observer { deadline: self.deadline, gone: Arc::clone(&self.gone) }
    }

    /// What is said when the time is over.
    pub(crate) fn late(&self) -> Refusal {
        Refusal::late(self.limit)
    }

    /// Looks at the clock now.
    pub(crate) fn look(&self) -> Result<(), Refusal> {
        if self.observer().is_over() { Err(self.late()) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(crate) fn endless() -> Self {
        Self::new(Duration::MAX, Arc::default())
    }

    /// One whose time is over.
    #[cfg(test)]
    pub(crate) fn over() -> Self {
        Self::new(Duration::ZERO, Arc::default())
    }
}

/// Knows whether the time is over.
pub(crate) struct Observer {
    deadline: Option<Instant>,
    gone: Arc<AtomicBool>,
}

impl Observer {
    pub(crate) fn is_over(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

struct GoneOnDrop(Arc<AtomicBool>);

impl Drop for GoneOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does the work on a thread where it may compute; it ends soon after nobody waits for it any more.
pub(crate) async fn compute(
    tool: &ToolDefinition,
    context: &CallContext<'_>,
    work: impl FnOnce(&mut Watch) -> Result<Answer, Refusal> + Send + 'static,
) -> Result<Answer, Error> {
    let gone = GoneOnDrop(Arc::default());
    let mut watch = Watch::new(context.time_left, Arc::clone(&gone.0));
    let limit = context.time_left;
    let done = tokio::task::spawn_blocking(move || {
        let began = cpu();
        let mut answer = work(&mut watch)?;
        answer.metering.cpu_us = u64::try_from(cpu().saturating_sub(began).as_micros()).ok();
        Ok(answer)
    });
    match done.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(refusal)) if refusal == Refusal::late(limit) => Err(context.out_of_time(&tool.id)),
        Ok(Err(refusal)) => Err(Error::Refused { tool: tool.id.clone(), refusal }),
        Err(_) => Err(Error::Failed { tool: tool.id.clone(), reason: "it stopped before it was done".into() }),
    }
}

/// What this thread has computed so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

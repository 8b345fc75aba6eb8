//! What a server of others asks a person in the middle of a call. The step goes on meanwhile: only its task holds the connection on which the
//! server waits. So the question is a decision in the inbox, and the answer goes back through a channel.

use super::{Driver, Stage, effects::World, waits::Decided};
use crate::Error;
use caxton_store::now;
use caxton_tools::{Asker, Reply};
use caxton_types::{ApprovalId, ApprovalKind, Elicitation, Fact, Ruling, StepId, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::poll_fn,
    task::Poll,
};
use tokio::sync::{SemaphorePermit, mpsc, oneshot};
use tracing::warn;

/// How many questions wait to be recorded; behind them their calls wait.
const QUEUE: usize = 8;
/// How often one step may ask.
const QUESTIONS_MAX: u16 = 100;
/// Sets the ids of questions apart from those of the decisions about a step's attempts.
const OF_QUESTIONS: u32 = 0x800;

/// A question on its way to the driver, and where its answer goes.
pub(super) struct Put {
    step: StepId,
    question: Elicitation,
    reply: oneshot::Sender<Reply>,
}

/// Puts the questions of one call to the driver, one after the other.
pub(super) struct CallAsker<'w> {
    world: &'w World,
    step: StepId,
    /// The call's place among those that run: others run while a person thinks.
    slot: Mutex<Option<SemaphorePermit<'w>>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl<'w> CallAsker<'w> {
    pub(super) fn new(world: &'w World, step: StepId, slot: Option<SemaphorePermit<'w>>) -> Self {
        Self { world, step, slot: Mutex::new(slot), one_at_a_time: tokio::sync::Mutex::default() }
    }
}

impl fmt::Debug for CallAsker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAsker").field("step", &self.step).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Asker for CallAsker<'_> {
    async fn ask(&self, question: Elicitation) -> Reply {
        let _one = self.one_at_a_time.lock().await;
        drop(self.slot.lock().take());
        let (reply, answer) = oneshot::channel();
        let reply = match self.world.questions.send(Put { step: self.step, question, reply }).await {
            Ok(()) => answer.await.unwrap_or(Reply::Cancel),
            Err(_) => Reply::Cancel,
        };
        // The slots are never closed, so there is always one to wait for.
        let slot = self.world.tool_slots.acquire().await.ok();
        *self.slot.lock() = slot;
        reply
    }
}

/// The questions of a turn's calls.
pub(super) struct Questions {
    put: mpsc::Receiver<Put>,
    open: BTreeMap<StepId, Pending>,
    /// How often each step has asked, in all its attempts.
    asked: HashMap<StepId, u16>,
    /// Whether one was recorded since the last commit.
    pub(super) is_news: bool,
}

/// A question that waits for its answer.
struct Pending {
    approval: ApprovalId,
    due: Timestamp,
    reply: oneshot::Sender<Reply>,
}

/// Something about the questions of a turn.
pub(super) enum News {
    /// One is to be put.
    Put(Put),
    /// The server asks no longer, and its call goes on.
    CalledOff(StepId),
}

impl Questions {
    pub(super) fn new() -> (mpsc::Sender<Put>, Self) {
        let (sender, put) = mpsc::channel(QUEUE);
        (sender, Self { put, open: BTreeMap::new(), asked: HashMap::new(), is_news: false })
    }

    /// Goes on counting where an earlier run of the turn stopped.
    pub(super) fn resume(&mut self, step: StepId, asked: u16) {
        if asked > 0 {
            self.asked.insert(step, asked);
        }
    }

    pub(super) fn is_open(&self, step: StepId) -> bool {
        self.open.contains_key(&step)
    }

    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The step has ended: with it the journal withdraws what it asked.
    pub(super) fn forget(&mut self, step: StepId) {
        self.open.remove(&step);
    }

    pub(super) async fn next(&mut self) -> News {
        poll_fn(|context| {
            for (step, pending) in &mut self.open {
                if pending.reply.poll_closed(context).is_ready() {
                    return Poll::Ready(News::CalledOff(*step));
                }
            }
            match self.put.poll_recv(context) {
                Poll::Ready(Some(put)) => Poll::Ready(News::Put(put)),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

impl Driver<'_> {
    pub(super) async fn hear(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Put(put) => self.elicit(put),
            News::CalledOff(step) => {
                if let Some(pending) = self.questions.open.remove(&step) {
                    self.expire(step, pending.approval, Some("the server asks no longer")).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts a server's question into the inbox.
    fn elicit(&mut self, Put { step, question, reply }: Put) {
        let runs = self.open.get(&step).is_some_and(|open| matches!(open.stage, Stage::Running));
        if !runs || reply.is_closed() {
            return;
        }
        let asked = self.questions.asked.entry(step).or_default();
        if *asked >= QUESTIONS_MAX {
            warn!(%step, server = %question.server, questions_max = QUESTIONS_MAX, "a question of an MCP server is declined: it asks too often");
            // The call may have ended meanwhile.
            let _ = reply.send(Reply::Decline);
            return;
        }
        let approval = ApprovalId::derive(self.recorder.turn(), StepId(step.0 | (OF_QUESTIONS | u32::from(*asked)) << 20));
        *asked += 1;
        let (kind, subject, within) = (ApprovalKind::Elicitation, question.digest(), self.runtime.approval_within());
        let fact = Fact::ApprovalAsked { approval, kind, subject, within, elicitation: Some(Box::new(question)) };
        self.recorder.push(Some(step), fact);
        self.questions.open.insert(step, Pending { approval, due: now().plus(within.get()), reply });
        self.questions.is_news = true;
    }

    /// Hands the answers that are there to the calls that wait for them.
    pub(super) async fn look_at_questions(&mut self, decisions: &mut HashMap<ApprovalId, Decided>) -> Result<(), Error> {
        let now = now();
        let open: Vec<_> = self.questions.open.iter().map(|(step, pending)| (*step, pending.approval, now >= pending.due)).collect();
        for (step, approval, is_due) in open {
            let decided = match decisions.remove(&approval) {
                None if is_due => self.expire(step, approval, None).await?,
                decided => decided,
            };
            let Some(decided) = decided else { continue };
            if let Some(pending) = self.questions.open.remove(&step) {
                // The call may have ended meanwhile.
                let _ = pending.reply.send(reply(decided.ruling));
            }
        }
        Ok(())
    }

    /// The turn's time stands still while all that is left to do waits for somebody outside.
    pub(super) fn keep_time(&mut self) {
        let asks = |(step, open): (&StepId, &super::Open)| matches!(open.stage, Stage::Waiting(_)) || self.questions.is_open(*step);
        if self.open.is_empty() || !self.open.iter().all(asks) {
            self.paused = None;
        } else {
            self.paused.get_or_insert_with(|| self.world.patience.pause());
        }
    }
}

/// What was decided, as the server is told it. Only what fits the question was recorded.
fn reply(ruling: Ruling) -> Reply {
    match ruling {
        Ruling::Answered(text) => Reply::Accept(serde_json::from_str(&text).unwrap_or_else(|_| json!({}))),
        Ruling::Approved => Reply::Accept(Value::Null),
        Ruling::Denied => Reply::Decline,
        Ruling::Expired => Reply::Cancel,
    }
}

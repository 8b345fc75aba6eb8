//! Effects that reach outside the server: asking a model, calling a tool.

use super::elicit::{CallAsker, Put};
use crate::{Account, Runtime, files, overheard::Overheard};
use caxton_exchange::{Delta, Exchange};
use caxton_llm::{Asking, BreakerNotice, BreakerSink, DeltaSink, Models};
use caxton_store::Workspace;
use caxton_tools::{CallContext, Called, Heard, Notice, Patience, Payer, Tools, Within};
use caxton_types::{
    AgentName, Attachment, Begin, Code, ConversationId, Effect, Fact, Failover, Failure, Metering, ModelRequest, Outcome, Spend, StepId,
    ToolCall, ToolDefinition, TurnId,
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tracing::{Instrument as _, info_span, warn};

/// What effects of one turn are performed with.
pub(super) struct World {
    exchange: Exchange,
    models: Models,
    tools: Tools,
    workspace: Workspace,
    agent: AgentName,
    conversation: ConversationId,
    turn: TurnId,
    allowed: Arc<[ToolDefinition]>,
    attachments: Vec<Attachment>,
    /// Where the attachments lie as files; looked up when the first tool is called.
    files: OnceCell<Vec<caxton_tools::Attachment>>,
    pub(super) tool_slots: Semaphore,
    /// What pays for the calls that its tools make.
    account: Arc<Account>,
    /// How many tools the turn has called, or its tools have, and how many may be.
    tool_calls: AtomicU64,
    tool_calls_max: u64,
    /// Where servers put what they ask people.
    pub(super) questions: mpsc::Sender<Put>,
    /// Providers that a person agreed to leave, by the step that asks.
    agreed: Mutex<HashMap<StepId, Vec<Failover>>>,
    /// What is left of the turn's time.
    pub(super) patience: Arc<Patience>,
}

/// A step that has ended.
pub(super) struct Performed {
    pub(super) step: StepId,
    pub(super) effect: &'static str,
    pub(super) outcome: Outcome,
    pub(super) metering: Metering,
    /// The tool that was refused, where that is how the step ended.
    pub(super) refused: Option<Box<str>>,
    /// What its budgets are settled at.
    pub(super) spent: Option<Spend>,
    /// What the calls of its tool were settled at, each when it began.
    pub(super) inner_spent: Spend,
    /// The question and the providers that failed, where a person must agree to ask the next one.
    pub(super) proposed: Option<(Effect, Vec<Failover>)>,
    /// What else happened meanwhile.
    pub(super) overheard: Overheard,
}

impl Performed {
    pub(super) fn ended(step: StepId, effect: &'static str, outcome: Outcome, began: Instant) -> Self {
        Self {
            step,
            effect,
            outcome,
            metering: Metering::wall(began.elapsed()),
            refused: None,
            spent: None,
            inner_spent: Spend::ZERO,
            proposed: None,
            overheard: Overheard::default(),
        }
    }

    pub(super) fn waited(step: StepId, effect: &'static str, outcome: Outcome, waited: Duration) -> Self {
        Self { metering: Metering::wall(waited), ..Self::ended(step, effect, outcome, Instant::now()) }
    }
}

impl World {
    pub(super) fn new(
        runtime: &Runtime,
        workspace: &Workspace,
        begin: &Begin,
        left: Duration,
        questions: mpsc::Sender<Put>,
        account: Arc<Account>,
        called: u64,
    ) -> Self {
        Self {
            account,
            tool_calls: AtomicU64::new(called),
            tool_calls_max: begin.agent.limits.tool_calls.into(),
            exchange: runtime.exchange().clone(),
            models: runtime.models().clone(),
            tools: runtime.tools().clone(),
            workspace: workspace.clone(),
            agent: begin.agent.name.clone(),
            conversation: begin.message.conversation,
            turn: begin.turn,
            allowed: Arc::clone(&begin.tools),
            attachments: begin.message.attachments.clone(),
            files: OnceCell::new(),
            tool_slots: Semaphore::new(begin.agent.limits.concurrent_tools.max(1).into()),
            questions,
            agreed: Mutex::default(),
            patience: Patience::new(left),
        }
    }

    /// From now on the step asks the provider behind those that failed.
    pub(super) fn agree(&self, step: StepId, failed: Vec<Failover>) {
        if !failed.is_empty() {
            self.agreed.lock().insert(step, failed);
        }
    }

    /// The tool that a call is for, where the agent may call it.
    pub(super) fn definition(&self, call: &ToolCall) -> Option<&ToolDefinition> {
        Tools::find(&self.allowed, call)
    }

    /// A sink for pieces of the answer; whoever begins to listen while the model speaks hears the rest.
    fn deltas(self: &Arc<Self>) -> DeltaSink {
        let world = Arc::clone(self);
        Arc::new(move |text: &str| {
            world.exchange.publish(world.workspace.name(), || Delta {
                conversation: world.conversation,
                turn: world.turn,
                agent: world.agent.clone(),
                text: text.into(),
            });
        })
    }

    async fn files(&self) -> Result<&[caxton_tools::Attachment], Failure> {
        let lookup = || files::lent(&self.workspace, &self.attachments);
        let lent = self.files.get_or_try_init(lookup).await.map_err(|fault| Failure::of(&fault))?;
        Ok(lent)
    }
}

/// Performs one effect to its end.
pub(super) async fn perform(world: Arc<World>, step: StepId, effect: Effect) -> Performed {
    match effect {
        Effect::Ask(request) => ask(&world, step, &request).await,
        Effect::Call(call) => call_tool(&world, step, &call).await,
        inside @ (Effect::Recall(_) | Effect::Remember(_) | Effect::Send(_) | Effect::Finish(_)) => {
            let failure = Failure::new(Code::Internal, "an effect of the inside was sent outside");
            Performed::ended(step, inside.kind(), Outcome::Failed(failure), Instant::now())
        }
    }
}

async fn ask(world: &Arc<World>, step: StepId, request: &ModelRequest) -> Performed {
    let began = Instant::now();
    let span = info_span!("chat", "gen_ai.request.model" = %request.settings.model, step = step.0);
    let changes = Arc::new(Mutex::new(Vec::new()));
    let left = world.agreed.lock().remove(&step).unwrap_or_default();
    let known = left.len();
    let asking = Asking {
        from: known,
        failovers: left,
        deltas: Some(world.deltas()),
        deadline: Some(Instant::now() + world.patience.left()),
        on_breaker: Some(breaker_facts(&changes)),
    };
    let asked = world.models.ask_with(request, asking).instrument(span).await;
    let mut facts = std::mem::take(&mut *changes.lock());
    let mut proposed = None;
    let outcome = match asked {
        Ok(reply) => {
            facts.extend(reply.failovers.iter().skip(known).map(failed_over));
            Outcome::Answered(reply)
        }
        Err(fault) => {
            facts.extend(fault.failovers().iter().skip(known).map(failed_over));
            if let caxton_llm::Error::FailoverNeedsApproval { failovers, .. } = &fault {
                proposed = Some((Effect::Ask(request.clone()), failovers.clone()));
            }
            let failure = Failure::of(&fault);
            warn!(step = step.0, code = %failure.code, error = %failure.reason, "model call failed");
            Outcome::Failed(failure)
        }
    };
    let overheard = Overheard { facts, ..Overheard::default() };
    Performed { proposed, overheard, ..Performed::ended(step, "ask", outcome, began) }
}

fn breaker_facts(facts: &Arc<Mutex<Vec<Fact>>>) -> BreakerSink {
    let facts = Arc::clone(facts);
    Arc::new(move |notice: &BreakerNotice| {
        let (from, to) = (notice.change.from.as_str().into(), notice.change.to.as_str().into());
        facts.lock().push(Fact::BreakerChanged { breaker: format!("model:{}", notice.provider).into(), from, to });
    })
}

fn failed_over(failover: &Failover) -> Fact {
    let Failover { from, to, code, reason } = failover;
    Fact::ModelFailedOver { from: from.as_str().into(), to: to.as_str().into(), code: *code, reason: reason.as_str().into() }
}

async fn call_tool(world: &Arc<World>, step: StepId, call: &ToolCall) -> Performed {
    let began = Instant::now();
    let span = info_span!(
        "execute_tool", "gen_ai.tool.name" = %call.tool, "gen_ai.agent.name" = %world.agent, workspace = %world.workspace.name(),
        turn = %world.turn, step = step.0
    );
    let overheard = Mutex::new(Overheard::default());
    world.tool_calls.fetch_add(1, Relaxed);
    let purse = Purse { world, paid: Mutex::default() };
    let hear = |notice: Notice| overheard.lock().hear(notice);
    let called = async {
        // The slots are never closed, so there is always one to wait for.
        let asker = CallAsker::new(world, step, world.tool_slots.acquire().await.ok());
        let files = world.files().await?;
        let context = CallContext {
            workspace: world.workspace.name(),
            agent: Some(&world.agent),
            allowed: &world.allowed,
            attachments: files,
            time_left: world.patience.left(),
            idempotency_key: &format!("{}/{step}", world.turn),
            heard: Heard(Some(&hear)),
            asker: Some(&asker),
            within: Within::paid_by(&purse),
        };
        let mut called = calling(&world.tools, context, call).await.map_err(|error| match error {
            caxton_tools::Error::Security(denied) => Failure { code: Code::Denied, ..Failure::of(&denied) },
            other => Failure::of(&other),
        })?;
        let made = files::kept(&world.workspace, std::mem::take(&mut called.files)).await.map_err(|fault| Failure::of(&fault))?;
        called.result.files.extend(made);
        Ok::<_, Failure>(called)
    }
    .instrument(span)
    .await;
    let (overheard, inner_spent) = (overheard.into_inner(), purse.paid.into_inner());
    let performed = match called {
        Ok(called) => Performed { metering: called.metering, ..Performed::ended(step, "call", Outcome::Called(called.result), began) },
        Err(failure) => {
            warn!(step = step.0, tool = %call.tool, code = %failure.code, error = %failure.reason, "tool call failed");
            let refused = (failure.code == Code::Denied).then(|| call.tool.as_str().into());
            let metering = overheard.spent.unwrap_or_else(|| Metering::wall(began.elapsed()));
            Performed { metering, refused, ..Performed::ended(step, "call", Outcome::Failed(failure), began) }
        }
    };
    Performed { inner_spent, overheard, ..performed }
}

type Calling<'c> = Pin<Box<dyn Future<Output = Result<Called, caxton_tools::Error>> + Send + 'c>>;

/// Whoever looks whether a turn may change its thread looks no further than here: a sandbox below has very many types.
fn calling<'c>(tools: &'c Tools, context: CallContext<'c>, call: &'c ToolCall) -> Calling<'c> {
    Box::pin(tools.call(context, call))
}

/// Pays for the calls that the tool of one step makes.
struct Purse<'w> {
    world: &'w World,
    paid: Mutex<Spend>,
}

impl fmt::Debug for Purse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse").field("paid", &*self.paid.lock()).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Payer for Purse<'_> {
    async fn pay(&self) -> Result<(), Failure> {
        let World { account, tool_calls, tool_calls_max, .. } = self.world;
        if tool_calls.fetch_add(1, Relaxed) >= *tool_calls_max {
            return Err(Failure::new(Code::Exhausted, format!("the turn has used its {tool_calls_max} tool calls")));
        }
        let reserved = account.reserve_tool().await?;
        // Its price is known before it is made.
        let _ = account.settle(reserved, Account::TOOL_CALL);
        let mut paid = self.paid.lock();
        *paid = paid.saturating_add(Account::TOOL_CALL);
        Ok(())
    }
}

//! Steps that wait: for a person, for another agent, for a moment. While nothing else of a turn is under way, the turn is a row in an index.

use super::{Driver, Open, Stage, effects::Performed, kept};
use crate::Error;
use caxton_store::{Batch, EventQuery, now};
use caxton_tools::{Tools, TurnTool};
use caxton_types::{
    Address, ApprovalId, ApprovalKind, Caller, Code, Digest, Effect, Fact, Failover, Failure, Message, MessageId, NewEvent, Outcome, Party,
    Performative, Ruling, Spend, StepId, Timestamp, ToolCall, ToolResult, WaitOn, canonical_json, unit::Period,
};
use std::{collections::HashMap, sync::Arc, time::Instant};

/// What a step waits for.
pub(super) struct Waiting {
    pub(super) on: On,
    /// When it stops to.
    pub(super) due: Timestamp,
    pub(super) since: Timestamp,
}

pub(super) enum On {
    /// A person's word on a step, which is then begun once more than it was before.
    Approval { approval: ApprovalId, subject: Digest, asked: Box<Asked> },
    /// The answer to this message.
    Reply(MessageId),
    /// Nothing else.
    Time,
}

/// What a person is asked about.
pub(super) struct Asked {
    pub(super) kind: ApprovalKind,
    pub(super) effect: Effect,
    pub(super) attempts: u16,
    /// The providers that failed, where the next one is to be asked.
    pub(super) failovers: Vec<Failover>,
}

impl Asked {
    pub(super) fn about(kind: ApprovalKind, call: ToolCall) -> Self {
        Self { kind, effect: Effect::Call(call), attempts: 0, failovers: vec![] }
    }
}

/// What was decided, and by whom.
pub(super) struct Decided {
    pub(super) ruling: Ruling,
    pub(super) by: Box<str>,
    pub(super) reason: Option<Box<str>>,
}

/// How many agents may wait for each other in a row.
const DEPTH_MAX: usize = 16;

/// The digest of what is approved: nothing else is done in its name.
pub(super) fn subject(effect: &Effect) -> Digest {
    Digest::of(serde_json::to_value(effect.intent()).map_or_else(|error| error.to_string(), |value| canonical_json(&value)).as_bytes())
}

impl Driver<'_> {
    /// Takes a call: makes it, or asks a person first, or waits for whom it is about.
    pub(super) async fn take_up_call(&mut self, step: StepId, call: ToolCall) -> Result<(), Error> {
        let world = Arc::clone(&self.world);
        let definition = world.definition(&call);
        if let Some(parsed) = definition.and_then(|definition| TurnTool::parse(definition, &call)) {
            self.recorder.intend(step, &Effect::Call(call.clone()), None);
            return match parsed {
                Ok(tool) => self.take_up_turn_tool(step, call, tool).await,
                Err(fault) => {
                    self.performed(Performed::ended(step, "call", Outcome::Failed(Failure::of(&fault)), Instant::now()));
                    Ok(())
                }
            };
        }
        if definition.is_some_and(|definition| Tools::handling(definition, &call.arguments).needs_approval) {
            self.recorder.intend(step, &Effect::Call(call.clone()), None);
            self.ask_person(step, Asked::about(ApprovalKind::Call, call), self.runtime.approval_within());
            return Ok(());
        }
        let reserved = self.account.reserve_tool().await;
        self.intend_and_start(step, Effect::Call(call), reserved);
        Ok(())
    }

    /// A call that the turn performs itself. What it begins is recorded together with its intent, and it is counted when it is over:
    /// a wait keeps nothing from others.
    async fn take_up_turn_tool(&mut self, step: StepId, call: ToolCall, tool: TurnTool) -> Result<(), Error> {
        match self.account.reserve_tool().await {
            Ok(reserved) => self.account.give_back(reserved),
            Err(failure) => {
                self.performed(Performed::ended(step, "call", Outcome::OverBudget(failure), Instant::now()));
                return Ok(());
            }
        }
        match tool {
            TurnTool::AskHuman { within, .. } => self.ask_person(step, Asked::about(ApprovalKind::Question, call), within),
            TurnTool::AskAgent { to, text, within } => self.ask_agent(step, to, text, within).await?,
            TurnTool::Wait(until) => match until.left(now()) {
                Ok(left) => self.wait_for_time(step, Period::new(left)),
                Err(reason) => {
                    let outcome = Outcome::Failed(Failure::new(Code::Invalid, reason));
                    self.performed(Performed::ended(step, "call", outcome, Instant::now()));
                }
            },
        }
        Ok(())
    }

    /// Asks a person about a step.
    pub(super) fn ask_person(&mut self, step: StepId, asked: Asked, within: Period) {
        // A step may be asked about again after each attempt; every time is a decision of its own.
        let approval = ApprovalId::derive(self.recorder.turn(), StepId(step.0 | u32::from(asked.attempts) << 20));
        let subject = subject(&asked.effect);
        self.recorder.push(Some(step), Fact::ApprovalAsked { approval, kind: asked.kind, subject, within, elicitation: None });
        self.wait(step, asked.effect.kind(), On::Approval { approval, subject, asked: Box::new(asked) }, within);
    }

    /// Asks a person whether the next provider may be asked; what the one that failed was kept is free again.
    pub(super) fn ask_to_fail_over(&mut self, step: StepId, effect: Effect, failovers: Vec<Failover>) {
        let reserved = self.open.remove(&step).map_or(Spend::ZERO, |open| open.reserved);
        self.account.give_back(reserved);
        let attempts = u16::try_from(failovers.len()).unwrap_or(u16::MAX);
        self.ask_person(step, Asked { kind: ApprovalKind::Failover, effect, attempts, failovers }, self.runtime.approval_within());
    }

    /// Keeps what an effect may cost.
    pub(super) async fn reserve(&self, effect: &Effect) -> Result<Spend, Failure> {
        match effect {
            Effect::Ask(request) => self.account.reserve_model(request, self.runtime.models()).await,
            _ => self.account.reserve_tool().await,
        }
    }

    fn wait(&mut self, step: StepId, effect: &'static str, on: On, within: Period) {
        let since = now();
        let waiting = Waiting { on, due: since.plus(within.get()), since };
        self.open.insert(step, Open { effect, stage: Stage::Waiting(waiting), reserved: Spend::ZERO });
    }

    /// Waits for nothing but time.
    pub(super) fn wait_for_time(&mut self, step: StepId, within: Period) {
        self.recorder.push(Some(step), Fact::WaitBegan { on: WaitOn::Time, within });
        self.wait(step, "call", On::Time, within);
    }

    /// Asks another agent and waits for its answer.
    pub(super) async fn ask_agent(&mut self, step: StepId, to: Address, text: String, within: Period) -> Result<(), Error> {
        let began = Instant::now();
        let question = self.recorder.question().clone();
        let message = Message {
            id: MessageId::derive(self.recorder.turn(), step),
            performative: Performative::Request,
            sender: Party::Agent(self.cast.name.clone()),
            receiver: to,
            content: text.into(),
            conversation: question.conversation,
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: question.attachments.clone(),
            trace: question.trace,
            sent_at: now(),
        };
        if let Some(failure) = self.waits_for_us(&message).await? {
            self.performed(Performed::ended(step, "call", Outcome::Failed(failure), began));
            return Ok(());
        }
        match self.send(message).await? {
            Ok(id) => {
                self.recorder.push(Some(step), Fact::WaitBegan { on: WaitOn::Reply(id), within });
                self.wait(step, "call", On::Reply(id), within);
            }
            Err(failure) => self.performed(Performed::ended(step, "call", Outcome::Failed(failure), began)),
        }
        Ok(())
    }

    /// Whether the agent that a question would go to waits, directly or through others, for this turn's own answer: neither would ever come.
    async fn waits_for_us(&self, message: &Message) -> Result<Option<Failure>, Error> {
        let Ok(target) = self.runtime.exchange().recipient(&self.workspace, &message.receiver) else { return Ok(None) };
        let mut asker = self.cast.name.clone();
        let mut question = self.recorder.question().id;
        for _ in 0..DEPTH_MAX {
            if asker == target {
                let reason = format!("agent `{target}` waits for the answer of this turn and cannot be asked by it");
                return Ok(Some(Failure::new(Code::Conflict, reason)));
            }
            let Some((turn, _)) = self.workspace.wait_for_reply(question).await? else { return Ok(None) };
            let Some(row) = self.workspace.turn(turn).await? else { return Ok(None) };
            (asker, question) = (row.agent, row.message);
        }
        Ok(Some(Failure::new(Code::Exhausted, format!("agents ask each other {DEPTH_MAX} deep; that is the most"))))
    }

    /// Looks whether something is there that a step waits for; true where the turn can go on.
    pub(super) async fn look(&mut self) -> Result<bool, Error> {
        if let Some(failure) = self.bell.hear() {
            self.give_up(failure);
            return Ok(true);
        }
        let waiting = |open: &Open| matches!(open.stage, Stage::Waiting(_));
        let steps: Vec<StepId> = self.open.iter().filter(|(_, open)| waiting(open)).map(|(step, _)| *step).collect();
        if steps.is_empty() && !self.questions.are_open() {
            return Ok(false);
        }
        let mut decisions = self.decisions().await?;
        self.look_at_questions(&mut decisions).await?;
        let now = now();
        for step in steps {
            let Some(Open { stage: Stage::Waiting(waiting), .. }) = self.open.get(&step) else { continue };
            let is_due = now >= waiting.due;
            match &waiting.on {
                On::Approval { approval, .. } => {
                    let approval = *approval;
                    match decisions.remove(&approval) {
                        Some(decided) => self.decided(step, decided).await,
                        None if is_due => {
                            if let Some(decided) = self.expire(step, approval, None).await? {
                                self.decided(step, decided).await;
                            }
                        }
                        None => {}
                    }
                }
                On::Reply(message) => {
                    let message = *message;
                    match self.runtime.exchange().answer_to(&self.workspace, message).await? {
                        Some(answer) => self.end_wait(step, Outcome::Called(result_of(&answer))),
                        None if is_due => {
                            self.end_wait(step, Outcome::Failed(Failure::new(Code::Deadline, "the other agent did not answer in time")));
                        }
                        None => {}
                    }
                }
                On::Time if is_due => {
                    let text = format!("It is {now} now.");
                    self.end_wait(step, Outcome::Called(ToolResult::text(text)));
                }
                On::Time => {}
            }
        }
        Ok(!self.inputs.is_empty() || !self.outside.is_empty())
    }

    async fn decisions(&self) -> Result<HashMap<ApprovalId, Decided>, Error> {
        let asked = self.open.values().any(|open| matches!(open.stage, Stage::Waiting(Waiting { on: On::Approval { .. }, .. })));
        if !asked && !self.questions.are_open() {
            return Ok(HashMap::new());
        }
        let kinds = vec!["approval_decided".into()];
        let query = EventQuery { turn: Some(self.recorder.turn()), kinds, limit: EventQuery::LIMIT_MAX, ..EventQuery::default() };
        let events = self.workspace.events(query).await?;
        let decided = |event: caxton_types::Event| match event.new.fact {
            Fact::ApprovalDecided { approval, ruling, reason } => Some((approval, Decided { ruling, by: event.new.caller.who, reason })),
            _ => None,
        };
        Ok(events.into_iter().filter_map(decided).collect())
    }

    /// Decides that nobody decided; nothing where somebody just did.
    pub(super) async fn expire(&self, step: StepId, approval: ApprovalId, why: Option<&str>) -> Result<Option<Decided>, Error> {
        let caller = Caller::system(self.workspace.name().clone()).actor();
        let by = caller.who.clone();
        let reason: Option<Box<str>> = why.map(Into::into);
        let fact = Fact::ApprovalDecided { approval, ruling: Ruling::Expired, reason: reason.clone() };
        let event = NewEvent { caller, ..self.recorder.event(Some(step), fact) };
        match self.workspace.commit(Batch::of(vec![event])).await {
            Ok(_) => Ok(Some(Decided { ruling: Ruling::Expired, by, reason })),
            Err(caxton_store::Error::ApprovalClosed { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Does what was decided about a step, and nothing else.
    pub(super) async fn decided(&mut self, step: StepId, decided: Decided) {
        let waiting = self.open.get(&step).map(|open| &open.stage);
        let Some(Stage::Waiting(Waiting { on: On::Approval { subject: approved, asked, .. }, .. })) = waiting else {
            return;
        };
        let Decided { ruling, by, reason } = decided;
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let failed = |code, text: String| Outcome::Failed(Failure::new(code, text));
        let outcome = match (ruling, asked.kind) {
            (Ruling::Approved, ApprovalKind::Call | ApprovalKind::Repeat | ApprovalKind::Failover)
                if *approved == subject(&asked.effect) =>
            {
                let (effect, attempt) = (asked.effect.clone(), asked.attempts.saturating_add(1));
                self.world.agree(step, asked.failovers.clone());
                match self.reserve(&effect).await {
                    Ok(reserved) => {
                        self.recorder.push(Some(step), Fact::StepStarted { attempt, lost: None, reserved: kept(reserved) });
                        self.start(step, effect, reserved);
                    }
                    Err(failure) => self.end_wait(step, Outcome::OverBudget(failure)),
                }
                return;
            }
            (Ruling::Approved, ApprovalKind::Call | ApprovalKind::Repeat | ApprovalKind::Failover) => {
                failed(Code::Denied, format!("what {by} approved is not what is to be done"))
            }
            (Ruling::Answered(text), ApprovalKind::Question) => Outcome::Called(ToolResult::text(text)),
            (Ruling::Expired, ApprovalKind::Question) => failed(Code::Deadline, "nobody answered in time".into()),
            (Ruling::Denied | Ruling::Expired, ApprovalKind::Failover) => {
                let tried = asked.failovers.last();
                let failed_with = tried.map_or_else(String::new, |tried| format!("{} failed: {}; ", tried.from, tried.reason));
                let code = tried.map_or(Code::Unavailable, |tried| tried.code);
                failed(code, format!("{failed_with}the next provider was not asked, by word of {by}{why}"))
            }
            (Ruling::Expired, ApprovalKind::Call) => failed(Code::Denied, "nobody approved the call in time".into()),
            (Ruling::Expired, ApprovalKind::Repeat) => Outcome::Unknown(unknown("; nobody decided in time whether to call again")),
            (Ruling::Denied, ApprovalKind::Repeat) => Outcome::Unknown(unknown(&format!("; {by} decided not to call again{why}"))),
            (Ruling::Denied, ApprovalKind::Call | ApprovalKind::Question) => failed(Code::Denied, format!("denied by {by}{why}")),
            // It is no decision about a step, and handed to its call.
            (Ruling::Denied | Ruling::Expired, ApprovalKind::Elicitation) | (Ruling::Approved | Ruling::Answered(_), _) => {
                failed(Code::Internal, format!("{by} decided something else than was asked"))
            }
        };
        self.end_wait(step, outcome);
    }

    fn end_wait(&mut self, step: StepId, outcome: Outcome) {
        let Some(Open { effect, stage: Stage::Waiting(waiting), .. }) = self.open.get(&step) else { return };
        let performed = Performed::waited(step, effect, outcome, now().since(waiting.since));
        self.performed(performed);
    }
}

/// What the model is told of a call that may or may not have happened.
pub(super) fn unknown(further: &str) -> Failure {
    Failure {
        code: Code::Unavailable,
        reason: format!("the server stopped during this call: it may or may not have happened{further}"),
        hint: Some("find out what happened before calling again".into()),
    }
}

fn result_of(answer: &Message) -> ToolResult {
    let structured = (!answer.content.is_string()).then(|| answer.content.clone());
    ToolResult {
        text: answer.text().into_owned(),
        structured,
        is_error: answer.performative.is_failure(),
        files: answer.attachments.clone(),
    }
}

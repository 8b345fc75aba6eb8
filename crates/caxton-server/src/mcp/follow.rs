//! Following a question through the journal: how far it is, what its turn asks people, and its reply.

use super::{
    Front, Visit,
    ask::{Question, Waited},
    form, said,
    session::Log,
};
use caxton_exchange::ReplyHandle;
use caxton_mcp::{
    rmcp::{
        RoleServer,
        model::{ErrorData, InputResponses, LoggingLevel},
        service::RequestContext,
    },
    server::{Asked, Progress, ask},
};
use caxton_store::{ApprovalState, EventQuery, Workspace};
use caxton_types::{ApprovalId, Caller, ConversationId, Elicitation, Event, Fact, MessageId, Seq, TurnId};
use serde_json::json;
use std::{borrow::Cow, sync::Arc};

/// The most events that one look at the journal takes in.
const CHUNK: u32 = 200;

/// Follows one question to its reply.
pub(super) struct Following<'f> {
    front: &'f Front,
    caller: Caller,
    question: &'f Question,
    context: &'f RequestContext<RoleServer>,
    progress: Progress,
    log: Log,
    given: Option<InputResponses>,
}

impl<'f> Following<'f> {
    pub(super) fn new(
        front: &'f Front,
        visit: &Visit,
        question: &'f Question,
        context: &'f RequestContext<RoleServer>,
        progress: Progress,
        log: Log,
        given: Option<InputResponses>,
    ) -> Self {
        Self { front, caller: visit.caller.clone(), question, context, progress, log, given }
    }

    /// Waits for the reply; tells on the way how far it is, and asks the client what the turn asks people.
    pub(super) async fn until(&self, reply: Option<ReplyHandle>) -> Result<Waited, ErrorData> {
        let can_ask = self.context.client_capabilities().is_some_and(|able| able.elicitation.is_some());
        match reply {
            // Nobody wants to hear of anything else.
            Some(reply) if !can_ask && !self.progress.is_wanted() && !self.log.is_heard() => {
                Ok(reply.recv().await.map_or(Waited::Stopping, Waited::Replied))
            }
            Some(reply) => tokio::select! {
                biased;
                reply = reply.recv() => Ok(reply.map_or(Waited::Stopping, Waited::Replied)),
                asked = self.tell(false) => asked,
            },
            None => self.tell(true).await,
        }
    }

    /// Whoever took the question up has no handle on its reply: it is looked for.
    async fn tell(&self, is_taken_up: bool) -> Result<Waited, ErrorData> {
        let Question { workspace, message, conversation, since, .. } = self.question;
        let (mut news, mut after, mut steps) = (workspace.watch(), *since, 0.0);
        let mut turn = None;
        loop {
            news.borrow_and_update();
            let query = EventQuery { after, conversation: Some(*conversation), limit: CHUNK, ..EventQuery::default() };
            let events = workspace.events(query).await.map_err(said)?;
            for event in &events {
                after = event.seq;
                if let Fact::TurnBegan { message: begun, .. } = &event.new.fact
                    && begun == message
                {
                    turn = event.new.turn;
                }
                if let Some(told) = told(event).filter(|_| event.new.turn.is_some() && event.new.turn == turn) {
                    steps += 1.0;
                    self.progress.report(steps, None, told.as_str()).await;
                    self.log.write(LoggingLevel::Info, json!(told)).await;
                }
                if let Fact::ApprovalAsked { approval, elicitation, .. } = &event.new.fact
                    && event.new.turn == turn
                    && let Some(waited) = self.decide(*approval, elicitation.as_deref()).await?
                {
                    return Ok(waited);
                }
            }
            if is_taken_up
                && !events.is_empty()
                && let Some(reply) = self.front.app.exchange.answer_to(workspace, *message).await.map_err(said)?
            {
                return Ok(Waited::Replied(Arc::new(reply)));
            }
            if events.len() < CHUNK as usize && news.changed().await.is_err() {
                return Ok(Waited::Stopping);
            }
        }
    }

    /// Has whoever sits at the client decide, where it can be asked; else the decision waits in the inbox.
    async fn decide(&self, approval: ApprovalId, elicitation: Option<&Elicitation>) -> Result<Option<Waited>, ErrorData> {
        let workspace = &self.question.workspace;
        let Some(row) = workspace.approval(approval).await.map_err(said)? else { return Ok(None) };
        if row.state != ApprovalState::Open {
            return Ok(None);
        }
        let form = match elicitation {
            Some(asked) => form::of_server(asked.clone()),
            None => form::question(workspace, &row).await?,
        };
        let Some((question, takes)) = form else { return Ok(None) };
        let (name, state) = (approval.to_string(), self.question.message.to_string());
        let requests = [(name.clone(), question)].into_iter().collect();
        let asked = tokio::select! {
            asked = ask(self.context, requests, self.given.as_ref(), state) => asked?,
            () = decided(workspace, approval) => return Ok(None),
        };
        let answers = match asked {
            Asked::Unable => return Ok(None),
            Asked::Later(asks) => return Ok(Some(Waited::Asks(asks))),
            Asked::Answered(answers) => answers,
        };
        let Some(ruling) = answers.get(&name).and_then(|answer| form::ruling(takes, answer)) else { return Ok(None) };
        let reason = Some("decided at the MCP client".into());
        let ruled = self.front.app.runtime.decide(&self.caller, workspace, approval, ruling, reason).await;
        if let Err(error) = ruled {
            // Somebody in the inbox was faster, or the answer does not fit: the question stays there.
            tracing::debug!(%approval, %error, "the decision of an MCP client does not count");
        }
        Ok(None)
    }

    /// Calls the turn of the question off, as soon as it has begun.
    pub(super) fn call_off(&self) {
        let (app, caller, workspace) = (self.front.app.clone(), self.caller.clone(), self.question.workspace.clone());
        let (message, conversation, since) = (self.question.message, self.question.conversation, self.question.since);
        let upkeep = app.upkeep.clone();
        upkeep.spawn(async move {
            let stop = app.life.stopping().clone();
            let turn = tokio::select! {
                turn = begun(&workspace, conversation, message, since) => turn,
                () = stop.cancelled() => None,
            };
            let Some(turn) = turn else { return };
            let reason = Some("the MCP client gave it up".into());
            if let Err(error) = app.runtime.cancel(&caller, &workspace, turn, reason).await {
                tracing::debug!(%turn, %error, "a turn ended before it could be called off");
            }
        });
    }
}

/// The turn that works on the message; waits until there is one.
async fn begun(workspace: &Workspace, conversation: ConversationId, message: MessageId, mut after: Seq) -> Option<TurnId> {
    let mut news = workspace.watch();
    loop {
        news.borrow_and_update();
        let kinds = vec![Cow::Borrowed("turn_began"), Cow::Borrowed("message_dead_lettered")];
        let query = EventQuery { after, conversation: Some(conversation), kinds, limit: CHUNK, ..EventQuery::default() };
        for event in workspace.events(query).await.ok()? {
            after = event.seq;
            match &event.new.fact {
                Fact::TurnBegan { message: begun, .. } if *begun == message => return event.new.turn,
                Fact::MessageDeadLettered { message: dead, .. } if *dead == message => return None,
                _ => {}
            }
        }
        news.changed().await.ok()?;
    }
}

/// Returns when somebody decided.
async fn decided(workspace: &Workspace, approval: ApprovalId) {
    let mut news = workspace.watch();
    loop {
        news.borrow_and_update();
        match workspace.approval(approval).await {
            Ok(Some(row)) if row.state == ApprovalState::Open => {}
            _ => return,
        }
        if news.changed().await.is_err() {
            return;
        }
    }
}

/// An event of a turn in a few words, for people who wait.
fn told(event: &Event) -> Option<String> {
    Some(match &event.new.fact {
        Fact::TurnBegan { .. } => "the turn began".into(),
        Fact::StepIntended { effect, .. } => match &**effect {
            "ask" => "asks the model".into(),
            "call" => "calls a tool".into(),
            "recall" => "looks into its memory".into(),
            other => other.to_owned(),
        },
        Fact::WaitBegan { .. } => "waits".into(),
        Fact::ApprovalAsked { elicitation: Some(asked), .. } => format!("waits for an answer to the server {}", asked.server),
        Fact::ApprovalAsked { .. } => "waits for a person".into(),
        Fact::TurnEnded { .. } => "the turn ended".into(),
        _ => return None,
    })
}

//! What people do with turns: decide what they ask, call them off, try them again.

use crate::{Error, Runtime, dispatch::Resume, past::Past};
use caxton_store::{ApprovalRow, ApprovalState, Batch, EventQuery, TurnRow, Workspace, ids};
use caxton_types::{
    Action, ApprovalId, ApprovalKind, Caller, Code, Elicitation, Fact, Failure, NewEvent, Ruling, TurnId, Wanted, canonical_json,
};

impl Runtime {
    /// Decides what a turn asks. Each decision is taken once; the turn goes on with it.
    pub async fn decide(
        &self,
        caller: &Caller,
        workspace: &Workspace,
        approval: ApprovalId,
        ruling: Ruling,
        reason: Option<Box<str>>,
    ) -> Result<ApprovalRow, Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let row = self.approval(workspace, approval).await?;
        let unfit = |why| Err(Error::RulingUnfit { approval, why });
        let ruling = match (ruling, row.kind) {
            (ruling, ApprovalKind::Elicitation) => self.ruling_for_server(workspace, &row, ruling).await?,
            (ruling, _) => ruling,
        };
        match (&ruling, row.kind) {
            (Ruling::Answered(_), ApprovalKind::Call | ApprovalKind::Repeat | ApprovalKind::Failover) => {
                return unfit("is about a call: approve or deny it");
            }
            (Ruling::Approved, ApprovalKind::Question) => return unfit("is a question: answer it in words, or deny it"),
            (Ruling::Expired, _) => return unfit("expires by itself"),
            (Ruling::Approved | Ruling::Denied | Ruling::Answered(_), _) => {}
        }
        let decided = event(caller, &row, Fact::ApprovalDecided { approval, ruling, reason });
        workspace.commit(Batch::of(vec![decided])).await?;
        let resume =
            Resume { workspace: workspace.clone(), turn: row.turn, agent: row.agent, conversation: row.conversation, opens: false };
        self.wake(resume, None);
        self.approval(workspace, approval).await
    }

    /// A decision about a server's question, checked against what the server wants before anything is recorded.
    async fn ruling_for_server(&self, workspace: &Workspace, row: &ApprovalRow, ruling: Ruling) -> Result<Ruling, Error> {
        let approval = row.approval;
        if row.state != ApprovalState::Open || ruling == Ruling::Denied {
            return Ok(ruling);
        }
        let question = self.elicitation(workspace, row).await?.ok_or(Error::QuestionGone(approval))?;
        match (ruling, &question.wanted) {
            (Ruling::Answered(_), Wanted::Visit(_)) => {
                Err(Error::RulingUnfit { approval, why: "is about a page: approve it when you have visited that, or deny it" })
            }
            (Ruling::Answered(text), Wanted::Form(_)) => match caxton_tools::answer(&question, &text) {
                Ok(answer) => Ok(Ruling::Answered(canonical_json(&answer))),
                Err(reason) => Err(Error::AnswerUnfit { approval, reason, question }),
            },
            // There is nothing to fill in.
            (Ruling::Approved, Wanted::Form(_)) if question.fields().is_empty() => Ok(Ruling::Answered("{}".into())),
            (Ruling::Approved, Wanted::Form(_)) => {
                Err(Error::RulingUnfit { approval, why: "is a question: answer it with what its fields want, or deny it" })
            }
            (ruling, _) => Ok(ruling),
        }
    }

    /// What a server asks in the middle of a call; nothing where the decision is about something else, or is not kept any more.
    async fn elicitation(&self, workspace: &Workspace, row: &ApprovalRow) -> Result<Option<Box<Elicitation>>, Error> {
        let asked = workspace.events(EventQuery::at(row.seq)).await?.pop();
        Ok(asked.and_then(|event| match event.new.fact {
            Fact::ApprovalAsked { elicitation, .. } => elicitation,
            _ => None,
        }))
    }

    /// Gives a decision to somebody else.
    pub async fn delegate(
        &self,
        caller: &Caller,
        workspace: &Workspace,
        approval: ApprovalId,
        to: Box<str>,
        reason: Option<Box<str>>,
    ) -> Result<ApprovalRow, Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let row = self.approval(workspace, approval).await?;
        let delegated = event(caller, &row, Fact::ApprovalDelegated { approval, to, reason });
        workspace.commit(Batch::of(vec![delegated])).await?;
        self.approval(workspace, approval).await
    }

    async fn approval(&self, workspace: &Workspace, approval: ApprovalId) -> Result<ApprovalRow, Error> {
        workspace.approval(approval).await?.ok_or(Error::ApprovalUnknown(approval))
    }

    /// Calls a turn off: it ends as cancelled, with a `failure` to whoever asked.
    pub async fn cancel(&self, caller: &Caller, workspace: &Workspace, turn: TurnId, reason: Option<Box<str>>) -> Result<(), Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let row = self.open_turn(workspace, turn).await?;
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let failure = Failure::new(Code::Cancelled, format!("called off by {}{why}", caller.who));
        let cancelled = NewEvent {
            caller: caller.actor(),
            trace: ids::trace(),
            conversation: Some(row.conversation),
            agent: Some(row.agent.clone()),
            turn: Some(turn),
            step: None,
            fact: Fact::TurnCancelled { failure: failure.clone() },
        };
        workspace.commit(Batch::of(vec![cancelled])).await?;
        let resume = Resume { workspace: workspace.clone(), turn, agent: row.agent, conversation: row.conversation, opens: false };
        self.wake(resume, Some(failure));
        Ok(())
    }

    async fn open_turn(&self, workspace: &Workspace, turn: TurnId) -> Result<TurnRow, Error> {
        let row = workspace.turn(turn).await?.ok_or(Error::TurnUnknown(turn))?;
        match row.ended {
            Some(ended) => Err(Error::TurnEnded { turn, end: ended.end }),
            None => Ok(row),
        }
    }

    /// Reads what the journal holds of a turn.
    pub(crate) async fn past(&self, workspace: &Workspace, turn: TurnId) -> Result<Past, Error> {
        Past::read(workspace, turn).await?.ok_or(Error::TurnUnknown(turn))
    }
}

fn event(caller: &Caller, row: &ApprovalRow, fact: Fact) -> NewEvent {
    NewEvent {
        caller: caller.actor(),
        trace: ids::trace(),
        conversation: Some(row.conversation),
        agent: Some(row.agent.clone()),
        turn: Some(row.turn),
        step: Some(row.step),
        fact,
    }
}

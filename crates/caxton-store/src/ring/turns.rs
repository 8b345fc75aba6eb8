//! What the events of turns mean, in memory: the tables of a journal on disk say the same.

use crate::{
    ApprovalQuery, ApprovalRow, ApprovalState, Awaited, Ended, Error, OpenTurn, SpendQuery, SpendRow, TurnQuery, TurnRow, WaitRow,
    journal::approvals::{self, Stand, Standing},
};
use caxton_types::{
    AgentName, ApprovalId, ApprovalKind, ConversationId, Day, Event, Fact, MessageId, NewEvent, Seq, Spend, StepId, Timestamp, TurnEnd,
    TurnId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct Turns {
    rows: HashMap<TurnId, TurnRow>,
    /// All turns by the seq that they began at.
    began: BTreeMap<Seq, TurnId>,
    /// Open ones by the seq that they began at.
    open: BTreeMap<Seq, TurnId>,
    in_turn: HashMap<MessageId, u32>,
    waits: BTreeMap<(TurnId, StepId), WaitRow>,
    due: BTreeSet<(Timestamp, TurnId, StepId)>,
    replies: HashMap<MessageId, (TurnId, StepId)>,
    approvals: BTreeMap<Seq, ApprovalRow>,
    approval_seqs: HashMap<ApprovalId, Seq>,
    spends: BTreeMap<(Day, AgentName), Spend>,
    spends_conversation: HashMap<ConversationId, Spend>,
}

impl Turns {
    pub(super) fn check(&self, event: &NewEvent, earlier: &[NewEvent], at: Timestamp) -> Result<(), Error> {
        approvals::check(event, earlier, at, |approval| {
            Ok(self.approval(approval).map(|row| Standing { turn: row.turn, step: row.step, state: stand(row) }))
        })
    }

    /// What the event means; `first` is the first event that is kept. Returns the conversation that has more or less to do.
    pub(super) fn derive(&mut self, event: &Event, first: Seq, spends_len_max: usize) -> Option<(ConversationId, i64)> {
        let NewEvent { turn, step, fact, .. } = &event.new;
        match (fact, turn, step) {
            (Fact::TurnBegan { .. }, Some(turn), _) => self.begin(event, *turn).map(|conversation| (conversation, 1)),
            (Fact::TurnEnded { end, reply, spent, .. }, Some(turn), _) => {
                let row = self.end(*turn, event.at, *end, *reply, first)?;
                if let Some(spent) = spent {
                    self.spend(event.at, &row, *spent, spends_len_max);
                }
                Some((row.conversation, -1))
            }
            (Fact::StepStarted { .. } | Fact::StepEnded { .. }, Some(turn), Some(step)) => {
                self.go_on(*turn, *step);
                None
            }
            (Fact::StepIntended { .. }, Some(turn), _) => {
                if let Some(row) = self.rows.get_mut(turn) {
                    row.steps += 1;
                }
                None
            }
            (Fact::WaitBegan { .. }, Some(turn), Some(step)) => {
                self.wait_for(event, *turn, *step);
                None
            }
            (Fact::ApprovalAsked { .. }, Some(turn), Some(step)) => {
                self.ask(event, *turn, *step);
                None
            }
            _ => {
                self.decided(event);
                None
            }
        }
    }

    fn begin(&mut self, event: &Event, turn: TurnId) -> Option<ConversationId> {
        let (Fact::TurnBegan { message, origin, .. }, Some(agent), Some(conversation)) =
            (&event.new.fact, &event.new.agent, event.new.conversation)
        else {
            return None;
        };
        if self.rows.contains_key(&turn) {
            return None;
        }
        let row = TurnRow {
            turn,
            agent: agent.clone(),
            conversation,
            message: *message,
            began: event.seq,
            at: event.at,
            origin: *origin,
            steps: 0,
            ended: None,
        };
        self.rows.insert(turn, row);
        self.began.insert(event.seq, turn);
        self.open.insert(event.seq, turn);
        *self.in_turn.entry(*message).or_default() += 1;
        Some(conversation)
    }

    /// The turn, unless it is not open.
    fn end(&mut self, turn: TurnId, at: Timestamp, end: TurnEnd, reply: Option<MessageId>, first: Seq) -> Option<TurnRow> {
        let row = self.rows.get_mut(&turn).filter(|row| row.ended.is_none())?;
        row.ended = Some(Ended { at, end, reply });
        let row = row.clone();
        self.open.remove(&row.began);
        if let Some(count) = self.in_turn.get_mut(&row.message) {
            *count -= 1;
            if *count == 0 {
                self.in_turn.remove(&row.message);
            }
        }
        let steps: Vec<_> = self.waits.range((turn, StepId(0))..=(turn, StepId(u32::MAX))).map(|((_, step), _)| *step).collect();
        for step in steps {
            self.go_on(turn, step);
        }
        if row.began < first {
            // It outlived the event that began it.
            self.forget_turn(row.began);
        }
        let stale: Vec<Seq> = self.approvals.range(..first).filter(|(_, row)| row.turn == turn).map(|(seq, _)| *seq).collect();
        for seq in stale {
            self.forget_approval(seq);
        }
        Some(row)
    }

    /// The step waits no longer, and what nobody decided for it until now is not to be decided any more.
    fn go_on(&mut self, turn: TurnId, step: StepId) {
        let Some(wait) = self.waits.remove(&(turn, step)) else { return };
        self.due.remove(&(wait.due, turn, step));
        match wait.on {
            Awaited::Reply(message) => drop(self.replies.remove(&message)),
            Awaited::Approval(_) | Awaited::Time => {}
        }
        if let Some(row) = self.approvals.get_mut(&wait.seq).filter(|row| row.state == ApprovalState::Open) {
            row.state = ApprovalState::Withdrawn;
        }
    }

    /// A turn that is not open waits for nothing. Whether this one is.
    fn wait_for(&mut self, event: &Event, turn: TurnId, step: StepId) -> bool {
        let Some((on, due)) = Awaited::of(&event.new.fact, event.at) else { return false };
        if self.rows.get(&turn).is_none_or(|row| row.ended.is_some()) {
            return false;
        }
        self.go_on(turn, step);
        self.waits.insert((turn, step), WaitRow { turn, step, on, seq: event.seq, at: event.at, due });
        self.due.insert((due, turn, step));
        if let Awaited::Reply(message) = on {
            self.replies.insert(message, (turn, step));
        }
        true
    }

    fn ask(&mut self, event: &Event, turn: TurnId, step: StepId) {
        let open = self.wait_for(event, turn, step);
        let Fact::ApprovalAsked { approval, kind, subject, within, .. } = &event.new.fact else { return };
        let (Some(agent), Some(conversation)) = (&event.new.agent, event.new.conversation) else { return };
        let row = ApprovalRow {
            approval: *approval,
            turn,
            step,
            agent: agent.clone(),
            conversation,
            kind: *kind,
            subject: *subject,
            seq: event.seq,
            at: event.at,
            due: event.at.plus(within.get()),
            delegate: None,
            state: if open { ApprovalState::Open } else { ApprovalState::Withdrawn },
            decision: None,
        };
        self.approval_seqs.insert(*approval, event.seq);
        self.approvals.insert(event.seq, row);
    }

    fn decided(&mut self, event: &Event) {
        let (Fact::ApprovalDelegated { approval, .. } | Fact::ApprovalDecided { approval, .. }) = &event.new.fact else { return };
        let Some(row) = self.approval_seqs.get(approval).and_then(|seq| self.approvals.get_mut(seq)) else { return };
        if let Fact::ApprovalDelegated { to, .. } = &event.new.fact {
            row.delegate = Some(to.clone());
        } else if let Some(decision) = approvals::decision(&event.new, event.at) {
            row.state = ApprovalState::Decided;
            row.decision = Some(decision);
            let (kind, turn, step) = (row.kind, row.turn, row.step);
            let waits = self.waits.get(&(turn, step)).is_some_and(|wait| wait.on == Awaited::Approval(*approval));
            if kind == ApprovalKind::Elicitation && waits {
                self.go_on(turn, step);
            }
        }
    }

    fn spend(&mut self, at: Timestamp, row: &TurnRow, spent: Spend, len_max: usize) {
        let day = self.spends.entry((Day::of(at), row.agent.clone())).or_default();
        *day = day.saturating_add(spent);
        while self.spends.len() > len_max {
            self.spends.pop_first();
        }
        let conversation = self.spends_conversation.entry(row.conversation).or_default();
        *conversation = conversation.saturating_add(spent);
    }

    /// Forgets what was derived from an event that is dropped, unless its turn is still open.
    pub(super) fn forget(&mut self, event: &Event) {
        match &event.new.fact {
            Fact::TurnBegan { .. } if !self.open.contains_key(&event.seq) => self.forget_turn(event.seq),
            Fact::ApprovalAsked { .. } if event.new.turn.and_then(|turn| self.rows.get(&turn)).is_none_or(|row| row.ended.is_some()) => {
                self.forget_approval(event.seq);
            }
            _ => {}
        }
    }

    fn forget_turn(&mut self, began: Seq) {
        if let Some(turn) = self.began.remove(&began) {
            self.rows.remove(&turn);
        }
    }

    fn forget_approval(&mut self, seq: Seq) {
        if let Some(row) = self.approvals.remove(&seq) {
            self.approval_seqs.remove(&row.approval);
        }
    }

    pub(super) fn forget_conversation(&mut self, id: ConversationId) {
        self.spends_conversation.remove(&id);
    }
}

fn stand(row: &ApprovalRow) -> Stand {
    match (row.state, &row.decision) {
        (ApprovalState::Open, _) => Stand::Open,
        (ApprovalState::Decided, Some(decision)) => Stand::Decided(decision.clone()),
        (ApprovalState::Decided | ApprovalState::Withdrawn, _) => Stand::Withdrawn,
    }
}

/// What is read.
impl Turns {
    pub(super) fn open_len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_in_turn(&self, message: MessageId) -> bool {
        self.in_turn.contains_key(&message)
    }

    pub(super) fn open_turns(&self) -> Vec<OpenTurn> {
        let rows = self.open.values().filter_map(|turn| self.rows.get(turn));
        let open = |TurnRow { turn, agent, conversation, message, began, at, .. }: &TurnRow| OpenTurn {
            turn: *turn,
            agent: agent.clone(),
            conversation: *conversation,
            message: *message,
            began: *began,
            at: *at,
        };
        rows.map(open).collect()
    }

    pub(super) fn turn(&self, id: TurnId) -> Option<&TurnRow> {
        self.rows.get(&id)
    }

    pub(super) fn turns(&self, query: &TurnQuery) -> Vec<TurnRow> {
        let before = match query.before {
            None => Seq(u64::MAX),
            Some(id) => self.rows.get(&id).map_or(Seq(0), |row| row.began),
        };
        let rows = self.began.range(..before).rev().filter_map(|(_, turn)| self.rows.get(turn));
        let wanted = |row: &&TurnRow| {
            query.state.is_none_or(|state| row.state() == state)
                && query.agent.as_ref().is_none_or(|agent| row.agent == *agent)
                && query.conversation.is_none_or(|id| row.conversation == id)
        };
        rows.filter(wanted).take(query.limit.min(TurnQuery::LIMIT_MAX) as usize).cloned().collect()
    }

    pub(super) fn waits(&self, turn: TurnId) -> Vec<WaitRow> {
        self.waits.range((turn, StepId(0))..=(turn, StepId(u32::MAX))).map(|(_, row)| *row).collect()
    }

    pub(super) fn wait_for_reply(&self, message: MessageId) -> Option<(TurnId, StepId)> {
        self.replies.get(&message).copied()
    }

    pub(super) fn waits_due(&self, now: Timestamp, limit: u32) -> Vec<WaitRow> {
        let due = self.due.iter().take_while(|(due, ..)| *due <= now).take(limit as usize);
        due.filter_map(|(_, turn, step)| self.waits.get(&(*turn, *step)).copied()).collect()
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, ..)| *due)
    }

    pub(super) fn approval(&self, id: ApprovalId) -> Option<&ApprovalRow> {
        self.approval_seqs.get(&id).and_then(|seq| self.approvals.get(seq))
    }

    pub(super) fn approvals(&self, query: &ApprovalQuery) -> Vec<ApprovalRow> {
        let before = match query.before {
            None => Seq(u64::MAX),
            Some(id) => self.approval_seqs.get(&id).copied().unwrap_or_default(),
        };
        let wanted = |row: &&ApprovalRow| {
            query.state.is_none_or(|state| row.state == state)
                && query.agent.as_ref().is_none_or(|agent| row.agent == *agent)
                && query.delegate.as_ref().is_none_or(|who| row.delegate.as_ref() == Some(who))
                && query.conversation.is_none_or(|id| row.conversation == id)
                && query.turn.is_none_or(|id| row.turn == id)
        };
        let rows = self.approvals.range(..before).rev().map(|(_, row)| row).filter(wanted);
        rows.take(query.limit.min(ApprovalQuery::LIMIT_MAX) as usize).cloned().collect()
    }

    pub(super) fn spent(&self, query: &SpendQuery) -> Spend {
        let all = |wanted: &dyn Fn(&Day, &AgentName) -> bool| {
            let rows = self.spends.iter().filter(|((day, agent), _)| wanted(day, agent));
            rows.fold(Spend::ZERO, |sum, (_, spend)| sum.saturating_add(*spend))
        };
        match query {
            SpendQuery::Workspace(on) => all(&|day, _| on.is_none_or(|on| *day == on)),
            SpendQuery::Agent(of, on) => all(&|day, agent| agent == of && on.is_none_or(|on| *day == on)),
            SpendQuery::Conversation(id) => self.spends_conversation.get(id).copied().unwrap_or_default(),
        }
    }

    pub(super) fn spending(&self, from: Day, to: Day) -> Vec<SpendRow> {
        let rows = self.spends.iter().filter(|((day, _), _)| (from..=to).contains(day));
        rows.map(|((day, agent), spend)| SpendRow { day: *day, agent: agent.clone(), spend: *spend }).collect()
    }
}

//! Facts to write, said briefly.

use caxton_store::{Batch, Options, QueueRow, Store, Workspace, ids};
use caxton_types::{
    Actor, Address, AgentName, AgentSpec, CallerKind, Code, ConversationId, Durability, Fact, Failure, Message, MessageId, NewEvent, Party,
    Performative, Prompts, Route, TokenUsage, TraceContext, TurnEnd, TurnId, WorkspaceName,
};
use serde_json::{Map, Value};
use std::path::Path;

pub(crate) const BOTH: [Durability; 2] = [Durability::Memory, Durability::Normal];

pub(crate) fn open(dir: &Path, durability: Durability) -> (Store, Workspace) {
    open_with(Options { durability, ..Options::new(dir) })
}

pub(crate) fn open_with(options: Options) -> (Store, Workspace) {
    let store = Store::open(options).unwrap();
    let workspace = store.workspace(&WorkspaceName::default()).unwrap();
    (store, workspace)
}

pub(crate) fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

pub(crate) fn trace() -> TraceContext {
    TraceContext::new(7, 7)
}

pub(crate) fn event(fact: Fact) -> NewEvent {
    NewEvent {
        caller: Actor { who: "local".into(), kind: CallerKind::Local, verified: false },
        trace: trace(),
        conversation: None,
        agent: None,
        turn: None,
        step: None,
        fact,
    }
}

pub(crate) fn note(key: &str, value: impl Into<Value>) -> NewEvent {
    event(Fact::ConfigChanged { key: key.into(), old: Value::Null, new: value.into() })
}

pub(crate) fn message(id: MessageId, conversation: ConversationId, sender: &str) -> Message {
    Message {
        id,
        performative: Performative::Request,
        sender: Party::Client(sender.into()),
        receiver: Address::Agent(agent("worker")),
        content: Value::String("what is 6 times 7?".into()),
        conversation,
        reply_with: None,
        in_reply_to: None,
        ontology: None,
        language: None,
        protocol: Some("request-reply".into()),
        attachments: Vec::new(),
        trace: trace(),
        sent_at: ids::now(),
    }
}

pub(crate) fn accepted(message: Message, dedup: Option<&str>) -> NewEvent {
    let conversation = Some(message.conversation);
    let fact =
        Fact::MessageAccepted { message: Box::new(message), to: Some(agent("worker")), route: Route::Direct, dedup: dedup.map(Into::into) };
    NewEvent { conversation, agent: Some(agent("worker")), ..event(fact) }
}

/// Accepts a message and queues it.
pub(crate) fn accept(id: MessageId, conversation: ConversationId) -> Batch {
    Batch { events: vec![accepted(message(id, conversation, "local"), None)], enqueue: vec![row(id, conversation)], ..Batch::default() }
}

pub(crate) fn row(message: MessageId, conversation: ConversationId) -> QueueRow {
    QueueRow { message, agent: agent("worker"), conversation }
}

pub(crate) fn began(turn: TurnId, message: MessageId, conversation: ConversationId) -> NewEvent {
    let fact = Fact::TurnBegan { message, revision: 1, spec: caxton_types::Digest::of(b"spec"), pinned: None, origin: None };
    NewEvent { conversation: Some(conversation), agent: Some(agent("worker")), turn: Some(turn), ..event(fact) }
}

pub(crate) fn ended(turn: TurnId, conversation: ConversationId, end: TurnEnd) -> NewEvent {
    let fact = Fact::TurnEnded { end, reply: None, usage: TokenUsage::default(), spent: None, wall_us: 1 };
    NewEvent { conversation: Some(conversation), agent: Some(agent("worker")), turn: Some(turn), ..event(fact) }
}

pub(crate) fn dead(message: MessageId, conversation: ConversationId) -> NewEvent {
    let fact = Fact::MessageDeadLettered { message, failure: Failure::new(Code::Unavailable, "nobody is there") };
    NewEvent { conversation: Some(conversation), ..event(fact) }
}

pub(crate) fn spec(name: &str) -> AgentSpec {
    AgentSpec {
        name: agent(name),
        display_name: name.into(),
        version: "1.0.0".into(),
        description: None,
        capabilities: Vec::new(),
        tools: Vec::new(),
        optional_tools: Vec::new(),
        tool_policies: std::collections::BTreeMap::new(),
        prompts: Prompts { system: "You are terse.".parse().unwrap(), user: None },
        memory: caxton_types::MemorySpec::default(),
        model: caxton_types::ModelSpec::default(),
        limits: caxton_types::TurnLimits::default(),
        budget: caxton_types::AgentBudget::default(),
        output_schema: None,
        parameters: Map::new(),
        documentation: None,
    }
}

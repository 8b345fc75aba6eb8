//! The store, with tasks that each wait for their acknowledgement.

use super::Round;
use crate::Failure;
use caxton_store::{Batch, Options, QueueRow, Store, Workspace, ids};
use caxton_types::{
    Actor, Address, AgentName, CallerKind, ConversationId, Durability, Fact, Message, MessageId, NewEvent, Party, Performative, Route,
    TraceContext, WorkspaceName,
};
use std::time::{Duration, Instant};

pub(crate) fn round(durability: Durability, writers: usize, length: Duration) -> Result<Round, Failure> {
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    runtime.block_on(async {
        let store = Store::open(Options { durability, ..Options::new(dir.path()) })?;
        let workspace = store.workspace(&WorkspaceName::default())?;
        let agent: AgentName = "worker".parse()?;
        let mut tasks = tokio::task::JoinSet::new();
        let start = Instant::now();
        for _ in 0..writers {
            tasks.spawn(write(workspace.clone(), agent.clone(), start + length));
        }
        let mut latencies = Vec::new();
        while let Some(written) = tasks.join_next().await {
            latencies.extend(written??);
        }
        let took = start.elapsed();
        latencies.sort_by(f64::total_cmp);
        store.close().await?;
        Ok(Round { batches: latencies.len(), took, latencies })
    })
}

async fn write(workspace: Workspace, agent: AgentName, until: Instant) -> Result<Vec<f64>, caxton_store::Error> {
    let mut latencies = Vec::new();
    let mut previous = None;
    loop {
        let (message, conversation) = (ids::message(), ids::conversation());
        let batch = Batch {
            events: vec![accepted(message, conversation, &agent)],
            enqueue: vec![QueueRow { message, agent: agent.clone(), conversation }],
            dequeue: previous.into_iter().collect(),
            ..Batch::default()
        };
        previous = Some(message);
        let start = Instant::now();
        workspace.commit(batch).await?;
        let end = Instant::now();
        latencies.push((end - start).as_secs_f64() * 1e6);
        if end >= until {
            return Ok(latencies);
        }
    }
}

pub(crate) fn accepted(id: MessageId, conversation: ConversationId, agent: &AgentName) -> NewEvent {
    let trace = TraceContext::new(7, 7);
    let message = Message {
        id,
        performative: Performative::Request,
        sender: Party::Client("local".into()),
        receiver: Address::Agent(agent.clone()),
        content: "What is the mean of the latitudes of all zones that have a summer offset?".into(),
        conversation,
        reply_with: None,
        in_reply_to: None,
        ontology: None,
        language: Some("text".into()),
        protocol: Some("request-reply".into()),
        attachments: Vec::new(),
        trace,
        sent_at: ids::now(),
    };
    NewEvent {
        caller: Actor { who: "local".into(), kind: CallerKind::Local, verified: false },
        trace,
        conversation: Some(conversation),
        agent: Some(agent.clone()),
        turn: None,
        step: None,
        fact: Fact::MessageAccepted { message: Box::new(message), to: Some(agent.clone()), route: Route::Direct, dedup: None },
    }
}

//! kill -9 in the middle of load: what was acknowledged is in the journal, and nothing is half-written.

use crate::{binary::Process, stub};
use anyhow::{Result, bail};
use caxton_api::{EventView, MessageAccepted, MessageState, SendMessage};
use caxton_client::{Client, EventFilter, Followed, SendOptions, Sent};
use caxton_types::{ConversationId, MessageId, Performative, TurnId};
use futures_util::StreamExt as _;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinSet};

const CLIENTS: usize = 4;
/// How long the restarted server may take to answer what was left; it takes a second or two.
const PATIENCE: Duration = Duration::from_secs(90);
const AGENT: &str = "name = \"echo\"\nversion = \"1.0.0\"\nsystem_prompt = \"Say something.\"\n";

/// Each client opens with a question that the model never answers before the kill and one more in the same conversation, which therefore
/// waits; with more than twice as many acknowledgements as clients, some client has both.
#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_during_load() -> Result<()> {
    for kill_after in [CLIENTS * 2 + 1, 40, 150] {
        let model = stub::Model::start().await?;
        let dir = tempfile::tempdir()?;
        let provider = format!("llm.providers=[{{type: openai, base_url: \"{}\", model: stub, timeout: 5m, max_attempts: 1}}]", model.url);
        let set = ["storage.durability=full".to_owned(), provider];
        let mut server = Process::serve(dir.path(), &set).await?;
        server.client.put_agent(&"echo".parse()?, AGENT).await?;
        let acknowledged = load_until(&mut server, &model, kill_after).await?;
        assert!(acknowledged.len() >= kill_after, "{} of {kill_after}", acknowledged.len());
        model.release();
        let server = Process::serve(dir.path(), &set).await?;
        let journal = settled(&server.client).await?;
        check(&server.client, &acknowledged, &journal).await?;
        println!("killed after {kill_after}: {}", journal.summary());
    }
    Ok(())
}

/// Sends from several clients until so many messages are acknowledged and a turn is certainly open, kills the server, and tells
/// everything that was acknowledged.
async fn load_until(server: &mut Process, model: &stub::Model, kill_after: usize) -> Result<Vec<MessageAccepted>> {
    let (acknowledge, mut acknowledgements) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(speak(server.client.clone(), client, acknowledge.clone()));
    }
    drop(acknowledge);
    let mut all = Vec::new();
    while all.len() < kill_after {
        let Some(accepted) = acknowledgements.recv().await else { bail!("all clients failed before the kill: {}", server.log()) };
        all.push(accepted);
    }
    model.until_holding().await;
    server.kill()?;
    // What the others were told until they noticed counts as well.
    while let Some(accepted) = acknowledgements.recv().await {
        all.push(accepted);
    }
    while let Some(ended) = clients.join_next().await {
        ended?;
    }
    Ok(all)
}

/// Sends without waiting for answers until the server is gone.
async fn speak(client: Client, number: usize, acknowledge: mpsc::UnboundedSender<MessageAccepted>) {
    let mut held = None;
    for at in 0.. {
        let text = if at == 0 { format!("{} by client {number}", stub::HOLD) } else { format!("question {at} of client {number}") };
        let message = SendMessage {
            conversation_id: if at == 1 { held } else { None },
            ..SendMessage::request("echo".parse().unwrap(), json!(text))
        };
        let Ok(Sent::Accepted(accepted)) = client.send(&message, &SendOptions::default()).await else { return };
        held = held.or(Some(accepted.conversation));
        if acknowledge.send(accepted).is_err() {
            return;
        }
    }
}

/// What the whole journal says of messages and turns.
#[derive(Default)]
struct Journal {
    last: u64,
    opened: BTreeSet<ConversationId>,
    /// Messages to agents, each with its conversation.
    asked: BTreeMap<MessageId, ConversationId>,
    answers: BTreeSet<MessageId>,
    /// Turns by the message that began them.
    began: BTreeMap<TurnId, MessageId>,
    /// Turns with a step that was begun again.
    restarted: BTreeSet<TurnId>,
    /// How each turn ended, and with which answer.
    ended: BTreeMap<TurnId, (String, MessageId)>,
}

impl Journal {
    /// Takes the next event in, and holds it against everything before.
    fn read(&mut self, event: &EventView) {
        assert_eq!(event.seq, self.last + 1, "the journal is dense");
        self.last = event.seq;
        let fact = &event.fact;
        match event.kind.as_str() {
            "conversation_opened" => assert!(self.opened.insert(event.conversation.unwrap()), "opened twice: {event:?}"),
            "message_accepted" => {
                let conversation = event.conversation.unwrap();
                assert!(self.opened.contains(&conversation), "a message without its conversation: {event:?}");
                let id: MessageId = fact["message"]["id"].as_str().unwrap().parse().unwrap();
                match fact["to"].as_str() {
                    Some(_) => assert!(self.asked.insert(id, conversation).is_none(), "accepted twice: {event:?}"),
                    None => assert!(self.answers.insert(id), "answered twice: {event:?}"),
                }
            }
            "turn_began" => {
                let message: MessageId = fact["message"].as_str().unwrap().parse().unwrap();
                assert!(self.asked.contains_key(&message), "a turn without its message: {event:?}");
                assert!(!self.began.values().any(|known| *known == message), "two turns of one message: {event:?}");
                assert!(self.began.insert(event.turn.unwrap(), message).is_none(), "begun twice: {event:?}");
            }
            "turn_ended" => {
                let turn = event.turn.unwrap();
                assert!(self.began.contains_key(&turn), "an end without a beginning: {event:?}");
                let end = (fact["end"].as_str().unwrap().to_owned(), fact["reply"].as_str().unwrap().parse().unwrap());
                assert!(self.ended.insert(turn, end).is_none(), "ended twice: {event:?}");
            }
            "step_started" => assert!(self.restarted.insert(event.turn.unwrap()), "begun more than twice: {event:?}"),
            "step_intended" | "step_ended" => assert!(!self.ended.contains_key(&event.turn.unwrap()), "a step after the end: {event:?}"),
            _ => {}
        }
    }

    /// Whether every message has had its turn and its answer.
    fn is_settled(&self) -> bool {
        self.ended.len() == self.asked.len() && self.answers.len() == self.asked.len()
    }

    /// The messages whose turns the kill interrupted.
    fn interrupted(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.restarted.iter().map(|turn| self.began[turn])
    }

    fn summary(&self) -> String {
        format!("{} messages, {} turns went on, {} events", self.asked.len(), self.restarted.len(), self.last)
    }
}

/// Follows the journal from its first event until nothing is left to do.
async fn settled(client: &Client) -> Result<Journal> {
    let known = client.events(&EventFilter::default(), usize::MAX).await?.last().map_or(0, |last| last.seq);
    let mut stream = pin!(client.follow(EventFilter { after: Some(0), ..EventFilter::default() }));
    let mut journal = Journal::default();
    let follow = async {
        while journal.last < known || !journal.is_settled() {
            match stream.next().await {
                Some(Ok(Followed::Event(event))) => journal.read(&event),
                other => bail!("the stream ends with {other:?}"),
            }
        }
        Ok(())
    };
    let ended = tokio::time::timeout(PATIENCE, follow).await;
    if ended.is_err() {
        bail!("{} of {} messages have had their turn", journal.ended.len(), journal.asked.len());
    }
    ended??;
    Ok(journal)
}

async fn check(client: &Client, acknowledged: &[MessageAccepted], journal: &Journal) -> Result<()> {
    for accepted in acknowledged {
        assert_eq!(journal.asked.get(&accepted.message), Some(&accepted.conversation), "an acknowledged message is lost");
        let message = client.message(accepted.message).await?;
        assert_eq!((message.state, message.conversation_id), (MessageState::Done, accepted.conversation));
    }
    // In the same batch as the end, so never without it.
    let answers: BTreeSet<_> = journal.ended.values().map(|(_, answer)| *answer).collect();
    assert_eq!(answers, journal.answers, "an answer for each end and no other");
    assert!(journal.ended.values().all(|(end, _)| end == "completed"), "a turn ends in no other way");
    let answers: BTreeMap<_, _> = journal.ended.iter().map(|(turn, (_, answer))| (journal.began[turn], *answer)).collect();
    let mut held = BTreeSet::new();
    for question in journal.interrupted() {
        let answer = client.message(answers[&question]).await?;
        assert_eq!((answer.performative, answer.state), (Performative::Inform, MessageState::Done));
        let question = client.message(question).await?;
        if question.content.as_str().unwrap().starts_with(stub::HOLD) {
            held.insert(question.conversation_id);
        }
    }
    assert!(!held.is_empty(), "no turn was open at the kill");
    // What waited behind an open turn was answered after the restart.
    let waited: Vec<_> = acknowledged.iter().filter(|accepted| held.contains(&accepted.conversation)).collect();
    let answered: Vec<_> = waited.iter().filter_map(|accepted| answers.get(&accepted.message)).collect();
    assert!(!answered.is_empty(), "nothing waited at the kill");
    for answer in answered {
        let answer = client.message(*answer).await?;
        assert_eq!((answer.performative, answer.content), (Performative::Inform, json!(stub::ANSWER)));
    }
    Ok(())
}

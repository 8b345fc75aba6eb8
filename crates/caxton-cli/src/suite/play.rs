//! One case, played to its end.

mod actor;

use self::actor::Actor;
use super::{
    judge,
    report::Verdict,
    stage::{Stage, Task},
};
use crate::{cassette, cassette::mismatched, console::Painter, deploy::media_type};
use caxton_config::suite::{Line, Model};
use caxton_runtime::{Cassette, Entry, Mismatch, Recording, rehearse, view};
use caxton_types::{
    Attachment, Begin, ConversationId, Digest, Intent, Message, MessageId, Outcome, Party, StepId, Timestamp, ToolAnnotations,
    ToolDefinition, ToolPolicy, TraceContext, TurnId,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

/// The moment at which every case is played, so that prompts with the time in them are alike: 2026-01-01.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Plays cases.
pub(super) struct Player {
    stage: Stage,
    record: bool,
}

/// Why a case could not be played, for its report.
type Unplayable = String;

/// A recording, and what went wrong on the way to it.
struct Played {
    recordings: Vec<Recording>,
    misses: Vec<String>,
}

impl Player {
    pub(super) const fn new(stage: Stage, record: bool) -> Self {
        Self { stage, record }
    }

    pub(super) async fn play(&self, task: &Task) -> Verdict {
        let began = Instant::now();
        let played = match &task.case.model {
            Model::Cassette(file) if self.record => self.record(task, &task.path(&file.value)).await,
            Model::Cassette(file) => self.replay(task, &task.path(&file.value)),
            Model::Script(lines) => self.rehearse(task, Some(lines)).await,
            Model::Offline => self.rehearse(task, None).await,
        };
        let misses = match played {
            Ok(Played { recordings, mut misses }) => {
                // After a miss the turn is not the one that the case is about.
                if misses.is_empty() {
                    let about =
                        recordings.iter().rev().find(|turn| task.agent.as_ref().is_none_or(|agent| turn.begin.agent.name == *agent));
                    match about {
                        Some(turn) => misses = judge::misses(turn, &task.case.expect, &self.stage.prices),
                        None => misses.push("the cassette holds no turn of that agent".into()),
                    }
                }
                misses
            }
            Err(unplayable) => vec![unplayable],
        };
        Verdict::new(task, misses, began.elapsed())
    }

    /// Runs what was recorded again, with the agent as its file is today.
    fn replay(&self, task: &Task, file: &Path) -> Result<Played, Unplayable> {
        let known = open(file)?;
        let mut played = Played { recordings: known.turns().to_vec(), misses: Vec::new() };
        let last = played.recordings.len() - 1;
        for (at, turn) in played.recordings.iter_mut().enumerate() {
            self.cast(&mut turn.begin)?;
            if at == last {
                say_again(task, &mut turn.begin)?;
            }
            if let Some(mismatch) = turn.replay().mismatch {
                played.misses.push(another_way(mismatch, turn));
                break;
            }
        }
        Ok(played)
    }

    /// Puts the agent of today in the place of the recorded one.
    fn cast(&self, begin: &mut Begin) -> Result<(), Unplayable> {
        let name = begin.agent.name.clone();
        let agent = self
            .stage
            .agent(&name)
            .ok_or_else(|| format!("the cassette is about the agent `{name}`, which the workspace does not have"))?;
        begin.tools = self.stage.tools(&agent, &begin.tools).into();
        begin.agent = agent;
        Ok(())
    }

    async fn rehearse(&self, task: &Task, script: Option<&Vec<Line>>) -> Result<Played, Unplayable> {
        let files = files(task)?;
        let begin = self.begin(task, &files)?;
        let actor = Actor::new(&self.stage, &begin, task, script.cloned(), files);
        let recording = rehearse(begin, &actor).await;
        Ok(Played { recordings: vec![recording], misses: actor.misses() })
    }

    /// Asks the configured model, calls tools for real and writes what came of it.
    async fn record(&self, task: &Task, file: &Path) -> Result<Played, Unplayable> {
        let files = files(task)?;
        let begin = if file.is_file() && (task.case.input.is_none() || task.agent.is_none()) {
            let known = open(file)?;
            let [turn] = known.turns() else {
                return Err("the cassette holds several turns: it is refreshed with `caxton cassette export`".into());
            };
            let mut begin = turn.begin.clone();
            self.cast(&mut begin)?;
            say_again(task, &mut begin)?;
            if files.is_empty() && !begin.attachments.is_empty() {
                return Err("the recorded message came with files: name them under `attachments`".into());
            }
            begin
        } else {
            Begin { now: SystemTime::now().into(), ..self.begin(task, &files)? }
        };
        let actor = Actor::new(&self.stage, &begin, task, None, files).live();
        let recording = rehearse(begin, &actor).await;
        if let Some(failure) = model_failure(&recording) {
            return Err(format!("nothing was recorded, because the model could not be asked: {failure}"));
        }
        let secrets: Vec<&str> = self.stage.secrets.iter().map(String::as_str).collect();
        let cassette = Cassette::record(vec![recording], &secrets).map_err(|error| format!("nothing was recorded: {error}"))?;
        file.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(file, cassette.write()))
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
        Ok(Played { recordings: cassette.turns().to_vec(), misses: actor.misses() })
    }

    fn begin(&self, task: &Task, files: &[(Attachment, PathBuf)]) -> Result<Begin, Unplayable> {
        let name = task.agent.as_ref().ok_or("the case does not say which agent is asked")?;
        let agent = self.stage.agent(name).ok_or_else(|| format!("the workspace has no agent `{name}`"))?;
        let stubbed: Vec<ToolDefinition> = task.case.tools.iter().filter_map(|stub| assumed(&stub.tool)).collect();
        let tools = self.stage.tools(&agent, &stubbed);
        // Ids are alike in every run, so that a recording is, too.
        let id = |what: &str| uuid::Uuid::from_bytes(id_bytes(&format!("{what} {} {}", task.file, task.case.name)));
        let message = Message {
            id: MessageId::from_uuid(id("message")),
            performative: task.case.performative,
            sender: Party::Client("test".into()),
            receiver: Party::Agent(name.clone()).into(),
            content: task.case.input.clone().unwrap_or_default(),
            conversation: ConversationId::from_uuid(id("conversation")),
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: files.iter().map(|(attachment, _)| attachment.clone()).collect(),
            trace: TraceContext::new(1, 1),
            sent_at: NOW,
        };
        Ok(Begin {
            turn: TurnId::from_uuid(id("turn")),
            agent,
            message: Arc::new(message),
            history: Vec::new(),
            tools: tools.into(),
            attachments: files.iter().map(|(attachment, path)| view(attachment, path)).collect(),
            now: NOW,
        })
    }
}

/// What the case says of the message counts more than what was recorded.
fn say_again(task: &Task, begin: &mut Begin) -> Result<(), Unplayable> {
    let mut message = Message::clone(&begin.message);
    if let Some(input) = &task.case.input {
        message.content = input.clone();
        message.performative = task.case.performative;
    }
    if !task.case.attachments.is_empty() {
        let files = files(task)?;
        message.attachments = files.iter().map(|(attachment, _)| attachment.clone()).collect();
        begin.attachments = files.iter().map(|(attachment, path)| view(attachment, path)).collect();
    }
    begin.message = Arc::new(message);
    Ok(())
}

/// Names the first step that differs, and what comes nearest to it.
fn another_way(mismatch: Mismatch, turn: &Recording) -> String {
    let mut lines = vec![format!("`{}` goes another way than the cassette", turn.begin.agent.name)];
    lines.extend(crate::replay::differs(&mismatched(mismatch), Painter(false)));
    lines.push("hint: where the change is wanted, `caxton test --record` records the cassette again".into());
    lines.join("\n")
}

fn id_bytes(text: &str) -> [u8; 16] {
    let digest = Digest::of(text.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.as_bytes()).for_each(|(byte, from)| *byte = *from);
    bytes
}

fn open(file: &Path) -> Result<Cassette, Unplayable> {
    cassette::open(file).map_err(|error| error.to_string().trim_start_matches("error: ").to_owned())
}

fn files(task: &Task) -> Result<Vec<(Attachment, PathBuf)>, Unplayable> {
    let mut files = Vec::new();
    for file in &task.case.attachments {
        let path = task.path(&file.value);
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| Attachment::is_valid_name(name));
        let name = name.ok_or_else(|| format!("`{}` cannot be attached under its name", file.value))?;
        let bytes = fs::read(&path).map_err(|error| format!("cannot read `{}`: {error}", file.value))?;
        let attachment =
            Attachment { name: name.into(), media_type: media_type(name).into(), digest: Digest::of(&bytes), size: bytes.len() as u64 };
        files.push((attachment, path));
    }
    Ok(files)
}

/// A tool that only a server has, as far as the case knows it.
fn assumed(name: &str) -> Option<ToolDefinition> {
    Some(ToolDefinition {
        id: name.parse().ok()?,
        description: String::new(),
        input_schema: json!({"type": "object"}),
        output_schema: None,
        annotations: ToolAnnotations::default(),
        policy: ToolPolicy::default(),
        digest: None,
    })
}

/// Why the model gave no answer, where it gave none.
fn model_failure(recording: &Recording) -> Option<&str> {
    let asks = recording.entries.iter().filter_map(|entry| match entry {
        Entry::Intended(step, Intent::Ask { .. }) => Some(*step),
        Entry::Intended(..) | Entry::Ended(..) | Entry::Cancelled(_) => None,
    });
    let asks: BTreeSet<StepId> = asks.collect();
    recording.entries.iter().find_map(|entry| match entry {
        Entry::Ended(step, Outcome::Failed(failure)) if asks.contains(step) => Some(failure.reason.as_str()),
        Entry::Ended(..) | Entry::Intended(..) | Entry::Cancelled(_) => None,
    })
}

//! `caxton ask`: a question, its answer, and where to look for how it came to be.

mod files;
mod live;
mod wait;

pub(crate) use self::wait::of_turn;

use crate::{
    args::Ask,
    console::{Console, NAME},
    deploy::media_type,
    error::{Error, Result},
    session::{Session, explained},
};
use caxton_api::{AttachmentRef, ReplyView, SendMessage};
use caxton_client::{Client, SendOptions, Sent};
use caxton_types::{
    Attachment, Code, ConversationId, TurnEnd,
    unit::{ByteSize, Period},
};
use serde_json::Value;
use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The longest question from standard input; longer texts travel as attachments.
const TEXT_LEN_MAX: u64 = 1_000_000;
/// The longest wait that the server grants at once.
const WAIT_MAX: Duration = Duration::from_mins(2);

pub(crate) async fn run(args: &Ask, session: &Session) -> Result<()> {
    let console = session.console();
    let text = text(args.text.as_deref(), !args.attach.is_empty())?;
    let client = session.client()?;
    let attachments = attach(&args.attach, session.here(), &client, console).await?;
    let message =
        SendMessage { attachments, conversation_id: args.conversation, ..SendMessage::request(args.target.clone(), Value::String(text)) };
    let question = Question::new(message);
    let (reply, printed) = if args.stream && !console.json {
        live::ask(&client, &question, args.timeout, console).await?
    } else {
        let _busy = console.busy(format!("asking {}", args.target));
        (wait::reply(&client, &question, args.timeout, console).await?, false)
    };
    let verdict = finish(&reply, printed, console);
    if let Some(dir) = &args.save {
        files::save(&reply, &session.here().join(dir), &client, console).await?;
    }
    verdict
}

/// Prints a reply, unless that was done while it came, and tells what to make of it.
fn finish(reply: &ReplyView, printed: bool, console: &Console) -> Result<()> {
    if console.json {
        console.value(reply)?;
    } else if !reply.performative.is_failure() && !printed {
        console.line(content(reply))?;
    }
    tell_where(reply, console);
    verdict(reply, console)
}

/// The newest conversation of the workspace.
pub(crate) async fn newest(client: &Client) -> Result<ConversationId> {
    match client.conversations(None, 1).await.map_err(explained)?.items.first() {
        Some(newest) => Ok(newest.id),
        None => Err(Error::new(Code::NotFound, "the workspace has no conversation yet").hint("`caxton ask AGENT \"…\"` begins one")),
    }
}

/// A message that is sent once, however often it is handed in.
pub(crate) struct Question {
    message: SendMessage,
    key: String,
}

impl Question {
    pub(crate) fn new(message: SendMessage) -> Self {
        Self { message, key: uuid::Uuid::now_v7().to_string() }
    }

    async fn send(&self, client: &Client, wait: Option<Duration>) -> Result<Sent> {
        let options = SendOptions { wait, idempotency_key: Some(self.key.clone()) };
        client.send(&self.message, &options).await.map_err(explained)
    }

    /// Sends the message, or asks for it again, until the reply is there.
    pub(crate) async fn reply(&self, client: &Client, timeout: Period) -> Result<ReplyView> {
        self.reply_since(Instant::now(), client, timeout).await
    }

    /// The same where the time runs since then.
    async fn reply_since(&self, began: Instant, client: &Client, timeout: Period) -> Result<ReplyView> {
        loop {
            let left = timeout.get().saturating_sub(began.elapsed());
            let wait = left.clamp(Duration::from_secs(1), WAIT_MAX);
            match self.send(client, Some(wait)).await? {
                Sent::Replied(reply) => return Ok(*reply),
                Sent::Accepted(accepted) if left <= wait => return Err(self.late(accepted.conversation, timeout)),
                Sent::Accepted(_) => {}
            }
        }
    }

    fn late(&self, conversation: ConversationId, timeout: Period) -> Error {
        Error::new(Code::Deadline, format!("{} did not answer within {timeout}", self.message.receiver)).hint(format!(
            "it goes on working: `caxton trace --conversation-id {conversation}` shows how far it is; `--timeout` waits longer"
        ))
    }
}

/// The reply's content for people: text as it is, anything else as JSON.
pub(crate) fn content(reply: &ReplyView) -> String {
    match &reply.content {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_else(|_| other.to_string()),
    }
}

fn tell_where(reply: &ReplyView, console: &Console) {
    if console.has_notes() {
        let painter = console.note_painter();
        let next = format!("caxton trace --conversation-id {}", reply.conversation);
        let cost = reply.cost.as_ref().filter(|cost| cost.micros > 0).map(|cost| format!(", {}", cost.text)).unwrap_or_default();
        console.note(format_args!("conversation: {} ({} ms{cost})", reply.conversation, reply.took_ms));
        for failover in &reply.failovers {
            console.note(format_args!("failed over: {} → {} ({})", failover.from, failover.to, failover.reason));
        }
        files::tell(reply, console);
        console.note(format_args!("next: {}", painter.paint(NAME, next)));
    }
}

/// A refusal or a failure is an error of the command, with the reason that the agent gave.
fn verdict(reply: &ReplyView, console: &Console) -> Result<()> {
    if !reply.performative.is_failure() {
        return Ok(());
    }
    let code = match reply.end {
        Some(TurnEnd::Exhausted | TurnEnd::BudgetExhausted) => Code::Exhausted,
        Some(TurnEnd::Refused) => Code::Denied,
        Some(TurnEnd::Cancelled | TurnEnd::Interrupted) => Code::Cancelled,
        Some(TurnEnd::Completed | TurnEnd::Failed) | None => Code::Internal,
    };
    if console.json {
        return Err(Error::BadNews(code));
    }
    let (reason, hint) = reason(&reply.content);
    Err(Error::new(code, format!("{} answered `{}`: {reason}", reply.sender.name(), reply.performative))
        .hint(hint.unwrap_or_else(|| format!("`caxton trace --conversation-id {}` shows what happened", reply.conversation))))
}

/// The reason and the hint inside the content of a failure.
fn reason(content: &Value) -> (String, Option<String>) {
    let field = |name: &str| content.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let text = match content {
        Value::String(text) => text.clone(),
        other => field("reason").unwrap_or_else(|| other.to_string()),
    };
    (text, field("hint"))
}

/// The question: from the line, or from standard input.
fn text(given: Option<&str>, has_files: bool) -> Result<String> {
    let text = match given {
        Some("-") => read_input()?,
        Some(text) => text.to_owned(),
        None if !io::stdin().is_terminal() => read_input()?,
        None => String::new(),
    };
    if text.trim().is_empty() {
        let what = if has_files { "nothing was asked about the files" } else { "nothing was asked" };
        return Err(Error::invalid(what)
            .hint("write the question behind the target, as in `caxton ask analyzer \"How many rows?\"`, or pipe it in"));
    }
    Ok(text)
}

fn read_input() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(TEXT_LEN_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Error::io("read the question from standard input", &error))?;
    if text.len() as u64 > TEXT_LEN_MAX {
        return Err(
            Error::new(Code::TooLarge, "the question from standard input is longer than 1 MB").hint("send it as a file: `--attach FILE`")
        );
    }
    Ok(text)
}

/// Uploads files and answers with what a message says of them.
pub(crate) async fn attach(files: &[PathBuf], here: &Path, client: &Client, console: &Console) -> Result<Vec<AttachmentRef>> {
    let mut attachments: Vec<AttachmentRef> = Vec::new();
    for file in files {
        let shown = file.display();
        let name = file.file_name().and_then(|name| name.to_str()).filter(|name| Attachment::is_valid_name(name));
        let name = name.ok_or_else(|| Error::invalid(format!("`{shown}` cannot be attached under its name")).hint("rename the file"))?;
        if attachments.iter().any(|known| &*known.name == name) {
            return Err(Error::invalid(format!("two files are named `{name}`")).hint("rename one of them"));
        }
        let bytes = fs::read(here.join(file))
            .map_err(|error| Error::io(format_args!("attach `{shown}`"), &error).hint("`--attach` takes the path of a file"))?;
        let _busy = console.busy(format!("sending {name}"));
        let size = ByteSize::new(bytes.len() as u64);
        let blob = client.upload(bytes, media_type(name)).await.map_err(|error| match explained(error) {
            Error::Failed { code: Code::TooLarge, .. } => {
                Error::new(Code::TooLarge, format!("`{shown}` has {size}, more than the server takes"))
                    .hint("`limits.max_blob_size` of the server's configuration is the bound")
            }
            other => other,
        })?;
        attachments.push(AttachmentRef {
            name: name.into(),
            digest: blob.digest,
            media_type: Some(media_type(name).into()),
            size: Some(blob.size),
        });
    }
    Ok(attachments)
}

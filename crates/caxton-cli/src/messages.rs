//! `caxton message send` and `caxton conversation …`.

use crate::{
    args::{ConversationCommand, Send as SendArgs},
    ask::{attach, content},
    console::{FAINT, NAME, STRONG},
    error::{Error, Result},
    session::{Session, explained},
    table::Table,
};
use caxton_api::{MessageView, SendMessage};
use caxton_client::{SendOptions, Sent};
use caxton_types::ConversationId;
use serde_json::Value;

pub(crate) async fn send(args: &SendArgs, session: &Session) -> Result<()> {
    let console = session.console();
    let body = match (&args.content, &args.content_json) {
        (_, Some(json)) => serde_json::from_str(json).map_err(|error| {
            Error::invalid(format!("`--content-json` is not JSON: {error}"))
                .hint("quote it for the shell, as in '{\"order\": 17}', or use `--content`")
        })?,
        (text, None) => Value::String(text.clone().unwrap_or_default()),
    };
    let client = session.client()?;
    let boxed = |text: &Option<String>| text.as_deref().map(Into::into);
    let message = SendMessage {
        performative: Some(args.performative),
        conversation_id: args.conversation,
        reply_with: boxed(&args.reply_with),
        in_reply_to: boxed(&args.in_reply_to),
        ontology: boxed(&args.ontology),
        language: boxed(&args.language),
        protocol: boxed(&args.protocol),
        attachments: attach(&args.attach, session.here(), &client, console).await?,
        ..SendMessage::request(args.to.clone(), body)
    };
    let options = SendOptions { wait: args.wait.map(caxton_types::unit::Period::get), idempotency_key: args.idempotency_key.clone() };
    match client.send(&message, &options).await.map_err(explained)? {
        Sent::Replied(reply) if console.json => console.value(&reply),
        Sent::Replied(reply) => {
            console.line(format_args!("{} from {}:", console.painter().paint(NAME, reply.performative), reply.sender))?;
            console.line(content(&reply))
        }
        Sent::Accepted(accepted) if console.json => console.value(&accepted),
        Sent::Accepted(accepted) => {
            console.line(format_args!("message: {}", accepted.message))?;
            console.line(format_args!("conversation: {}", accepted.conversation))?;
            if accepted.duplicate {
                console.note("note: this message was sent before; nothing happened twice");
            }
            console.note(format_args!("next: caxton conversation show {}", accepted.conversation));
            Ok(())
        }
    }
}

pub(crate) async fn conversation(command: &ConversationCommand, session: &Session) -> Result<()> {
    match command {
        ConversationCommand::List { limit } => list(*limit, session).await,
        ConversationCommand::Show { id } => show(*id, session).await,
    }
}

async fn list(limit: u32, session: &Session) -> Result<()> {
    let console = session.console();
    let page = session.client()?.conversations(None, limit).await.map_err(explained)?;
    if console.json {
        return console.value(&page.items);
    }
    if page.items.is_empty() {
        console.note("no conversations yet; `caxton ask AGENT \"…\"` begins one");
        return Ok(());
    }
    let mut table = Table::new(["CONVERSATION", "STATE", "MESSAGES", "LAST AT", "PARTICIPANTS"]);
    for view in page.items {
        let participants: Vec<String> = view.participants.iter().map(ToString::to_string).collect();
        let state = serde_json::to_value(view.state).ok().and_then(|state| state.as_str().map(ToOwned::to_owned)).unwrap_or_default();
        let at: String = view.last_at.to_string().chars().take(19).collect();
        table.row([view.id.to_string(), state.replace('_', " "), view.messages.to_string(), at.replace('T', " "), participants.join(", ")]);
    }
    table.print(console)
}

async fn show(id: ConversationId, session: &Session) -> Result<()> {
    let console = session.console();
    let messages = session.client()?.messages(id).await.map_err(explained)?;
    if console.json {
        return console.value(&messages);
    }
    for message in &messages {
        show_one(message, session)?;
    }
    console.note(format_args!("next: caxton trace --conversation-id {id}"));
    Ok(())
}

fn show_one(message: &MessageView, session: &Session) -> Result<()> {
    let console = session.console();
    let painter = console.painter();
    let (who, to) = (painter.paint(STRONG, &message.sender), &message.receiver);
    console.line(format_args!(
        "{} {who} → {to} {}",
        painter.paint(FAINT, message.timestamp.clock()),
        painter.paint(NAME, message.performative)
    ))?;
    let text = match &message.content {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.lines().try_for_each(|line| console.line(format_args!("  {line}")))?;
    message.attachments.iter().try_for_each(|file| console.line(format_args!("  + {}", file.name)))
}

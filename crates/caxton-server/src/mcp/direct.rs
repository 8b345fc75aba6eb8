//! A direct call under way, with what the server behind it asks and tells before it gives its result.

use super::{
    Front, Visit, form,
    parked::{PATIENCE, Place, Upkeep},
    telling::Telling,
};
use caxton_mcp::{
    rmcp::{
        RoleServer,
        model::{ErrorData, InputRequiredResult, InputResponses},
        service::RequestContext,
    },
    server::{Asked, ask as ask_client, error},
};
use caxton_runtime::{DirectCall, DirectCalled, Error};
use caxton_store::Workspace;
use caxton_tools::{Asker, Progress as Told, Reply};
use caxton_types::{Code, Digest, Elicitation, Ruling};
use serde_json::Value;
use std::{pin::Pin, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// Under this name a client is asked what a server asks.
const QUESTION: &str = "question";
/// How often one call may ask.
const QUESTIONS_MAX: usize = 100;
/// How often one question is put to somebody whose answers do not fit.
const TRIES_MAX: usize = 3;
/// The most questions without an answer that a result tells of.
const UNANSWERED_MAX: usize = 10;
/// The most characters of a question that a result repeats.
const QUOTED_LEN_MAX: usize = 300;

/// A call under way. Dropped, it is called off.
pub(super) struct Running {
    called: Pin<Box<dyn Future<Output = Result<DirectCalled, Error>> + Send>>,
    questions: mpsc::Receiver<Open>,
    told: watch::Receiver<Option<Told>>,
    /// What is asked now.
    open: Option<Open>,
    asked: usize,
    /// The first of what was asked and is answered by nobody, for whoever reads the result.
    unanswered: Vec<String>,
}

/// A question of the server.
#[derive(Debug)]
struct Open {
    question: Elicitation,
    reply: oneshot::Sender<Reply>,
    /// Why the answers so far did not fit.
    unfit: Vec<String>,
}

/// How far it came.
pub(super) enum Came {
    /// To its end, with what it asked and nobody answered.
    ToEnd(Box<Result<DirectCalled, Error>>, Vec<String>),
    /// To a question: the client puts it, and then sends its request again.
    ToQuestion(Box<InputRequiredResult>),
}

/// What became of a question.
enum Put {
    Settled,
    Later(Open, Place, Box<InputRequiredResult>),
    /// The call ended before it was answered.
    Overtaken(Box<Result<DirectCalled, Error>>),
}

impl Running {
    /// Makes the call. Where the client cannot ask anybody, the server is told so.
    pub(super) fn begin(
        front: &Front,
        visit: &Visit,
        workspace: &Workspace,
        call: DirectCall,
        context: &RequestContext<RoleServer>,
    ) -> Box<Self> {
        let (put, questions) = mpsc::channel(1);
        let (tell, told) = watch::channel(None);
        let is_able = context.client_capabilities().is_some_and(|able| able.elicitation.is_some());
        let call = DirectCall { asker: Some(Arc::new(Line { put, tell, is_able })), ..call };
        let (runtime, by, workspace) = (front.app.runtime.clone(), visit.caller.clone(), workspace.clone());
        let called = Box::pin(async move { runtime.call_tool(&by, &workspace, call).await });
        Box::new(Self { called, questions, told, open: None, asked: 0, unanswered: vec![] })
    }

    /// Goes on until its end, or until the client has to ask somebody. `given` is what it brought along, `subject` what exactly it calls.
    pub(super) async fn go_on(
        mut self: Box<Self>,
        front: &Front,
        context: &RequestContext<RoleServer>,
        subject: Digest,
        mut given: Option<InputResponses>,
        mut telling: Telling,
    ) -> Result<Came, ErrorData> {
        let called = loop {
            if let Some(open) = self.open.take() {
                let word = Uuid::new_v4();
                match self.put(front, context, open, given.take(), word).await? {
                    Put::Settled => continue,
                    Put::Later(open, place, asks) => {
                        self.open = Some(open);
                        let upkeep = Upkeep { tasks: &front.app.upkeep, stopping: front.app.life.stopping() };
                        front.parked.keep(&upkeep, place, word, subject, self);
                        return Ok(Came::ToQuestion(asks));
                    }
                    Put::Overtaken(called) => break called,
                }
            }
            tokio::select! {
                biased;
                called = &mut self.called => break Box::new(called),
                Some(open) = self.questions.recv() => {
                    self.asked += 1;
                    self.open = Some(open);
                }
                () = context.ct.cancelled() => return Err(error(Code::Cancelled, "called off by the client", None)),
                () = telling.pass_on(&mut self.told) => {}
            }
        };
        telling.end(&mut self.told).await;
        Ok(Came::ToEnd(called, self.unanswered))
    }

    /// Has whoever sits at the client answer a question.
    async fn put(
        &mut self,
        front: &Front,
        context: &RequestContext<RoleServer>,
        mut open: Open,
        given: Option<InputResponses>,
        word: Uuid,
    ) -> Result<Put, ErrorData> {
        if self.asked > QUESTIONS_MAX {
            return Ok(self.decline(open, "It asks too often"));
        }
        let Some((form, takes)) = form::of_server(open.as_shown()) else {
            return Ok(self.decline(open, "It is no form that clients can show"));
        };
        let requests = [(QUESTION.to_owned(), form)].into_iter().collect();
        let asked = tokio::select! {
            biased;
            called = &mut self.called => return Ok(Put::Overtaken(Box::new(called))),
            () = open.reply.closed() => return Ok(Put::Settled),
            asked = ask_client(context, requests, given.as_ref(), word.to_string()) => asked,
        };
        let answers = match asked {
            Ok(Asked::Answered(answers)) => answers,
            Ok(Asked::Later(asks)) => {
                return Ok(match front.parked.place() {
                    Some(place) => Put::Later(open, place, asks),
                    None => self.decline(open, "Too many calls wait for answers already"),
                });
            }
            Ok(Asked::Unable) => return Ok(self.decline(open, "This client cannot ask anybody: it does not support elicitation")),
            Err(gone) if context.ct.is_cancelled() => return Err(gone),
            Err(failed) => return Ok(self.decline(open, &failed.message)),
        };
        let reply = match form::ruling(takes, answers.get(QUESTION).unwrap_or(&Value::Null)) {
            Some(Ruling::Answered(text)) => match caxton_tools::answer(&open.question, &text) {
                Ok(answer) => Reply::Accept(answer),
                Err(reason) if open.unfit.len() + 1 < TRIES_MAX => {
                    open.unfit.push(reason);
                    self.open = Some(open);
                    return Ok(Put::Settled);
                }
                Err(reason) => return Ok(self.decline(open, &format!("The answer does not fit: {reason}"))),
            },
            Some(Ruling::Approved) => Reply::Accept(Value::Null),
            Some(Ruling::Denied) => Reply::Decline,
            Some(Ruling::Expired) | None => Reply::Cancel,
        };
        // The server may have ended its call meanwhile.
        let _ = open.reply.send(reply);
        Ok(Put::Settled)
    }

    fn decline(&mut self, open: Open, why: &str) -> Put {
        let Open { question: Elicitation { server, message, .. }, reply, .. } = open;
        // A server that asks in a circle fills neither the result nor the log.
        if self.unanswered.len() < UNANSWERED_MAX {
            let message: String = message.chars().take(QUOTED_LEN_MAX).collect();
            tracing::info!(%server, why, "a question of an MCP server is declined");
            self.unanswered.push(format!("(The MCP server {server} asked: {message:?}. {why}, so the question was declined.)"));
        }
        // The server may have ended its call meanwhile.
        let _ = reply.send(Reply::Decline);
        Put::Settled
    }
}

impl Open {
    /// The question, with what was wrong with the last answer.
    fn as_shown(&self) -> Elicitation {
        let mut shown = self.question.clone();
        if let Some(reason) = self.unfit.last() {
            shown.message = format!("{}\n(The answer did not fit: {reason})", shown.message);
        }
        shown
    }
}

#[cfg(test)]
impl Running {
    /// A call without an end, which holds this until it is called off.
    pub(super) fn endless(held: tokio_util::sync::DropGuard) -> Box<Self> {
        let called = Box::pin(async move {
            let _held = held;
            std::future::pending().await
        });
        let (questions, told) = (mpsc::channel(1).1, watch::channel(None).1);
        Box::new(Self { called, questions, told, open: None, asked: 0, unanswered: vec![] })
    }
}

/// From the call to whoever goes on with it.
#[derive(Debug)]
struct Line {
    put: mpsc::Sender<Open>,
    tell: watch::Sender<Option<Told>>,
    is_able: bool,
}

#[async_trait::async_trait]
impl Asker for Line {
    fn is_able(&self) -> bool {
        self.is_able
    }

    fn hear(&self, progress: Told) {
        self.tell.send_replace(Some(progress));
    }

    async fn ask(&self, question: Elicitation) -> Reply {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.put.send(Open { question, reply, unfit: vec![] }).await.ok()?;
            answer.await.ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten().unwrap_or(Reply::Cancel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::Wanted;
    use tokio_util::sync::CancellationToken;

    #[test]
    fn a_server_that_asks_in_a_circle_does_not_fill_the_result() {
        let mut running = Running::endless(CancellationToken::new().drop_guard());
        for _ in 0..1000 {
            let (reply, answer) = oneshot::channel();
            let question =
                Elicitation { server: "desk".into(), message: "Who\u{1b}[31m? ".repeat(1000), wanted: Wanted::Visit("https://x".into()) };
            running.decline(Open { question, reply, unfit: vec![] }, "It asks too often");
            assert!(matches!(answer.blocking_recv(), Ok(Reply::Decline)));
        }
        assert_eq!(running.unanswered.len(), UNANSWERED_MAX);
        assert!(running.unanswered.iter().all(|told| told.len() < 1000 && !told.contains('\u{1b}')), "{:?}", running.unanswered);
    }
}

//! A server that speaks just enough of OpenAI's wire format to answer, or to hold an answer back, which no third-party mock does.

use anyhow::Result;
use axum::{Router, extract::State, http::header, routing::post};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::task::TaskTracker;

/// A question with these words is not answered before [`Model::release`].
pub(crate) const HOLD: &str = "hold the line";
/// What is answered.
pub(crate) const ANSWER: &str = "as you say";

/// A model behind HTTP. It ends with the test's runtime.
pub(crate) struct Model {
    /// Its base address.
    pub(crate) url: String,
    state: watch::Sender<Holding>,
    serving: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone, Copy, Default)]
struct Holding {
    held: usize,
    released: bool,
}

impl Model {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1/", listener.local_addr()?);
        let state = watch::Sender::new(Holding::default());
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(state.clone());
        let serving = TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, state, serving })
    }

    /// Waits until somebody waits for an answer.
    pub(crate) async fn until_holding(&self) {
        self.state.subscribe().wait_for(|state| state.held > 0).await.unwrap();
    }

    /// From now on everything is answered.
    pub(crate) fn release(&self) {
        self.state.send_modify(|state| state.released = true);
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(state): State<watch::Sender<Holding>>, body: String) -> ([(header::HeaderName, &'static str); 1], String) {
    if body.contains(HOLD) {
        state.send_modify(|state| state.held += 1);
        state.subscribe().wait_for(|state| state.released).await.unwrap();
    }
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"stub\",\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let said = chunk(&format!("{{\"role\":\"assistant\",\"content\":\"{ANSWER}\"}}"), "null");
    let text = format!("{said}{}data: [DONE]\n\n", chunk("{}", "\"stop\""));
    ([(header::CONTENT_TYPE, "text/event-stream")], text)
}

//! Boots a server of its own for each test.

use caxton_config::server::{Loaded, Options, Sources, load};
use caxton_llm::{DeltaSink, Provider};
use caxton_server::{Limits, Setup, boot, telemetry::LogLevel};
use caxton_types::{ModelReply, ModelRequest, StopReason, TokenUsage};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use std::{io, path::Path, sync::Arc};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A model that says its words in two pieces, once it is let.
pub(crate) struct Scripted {
    words: &'static str,
    permits: Semaphore,
}

impl Scripted {
    /// Says nothing until it is let.
    pub(crate) fn hold(&self) {
        self.permits.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Answers whatever it was asked and will be.
    pub(crate) fn answer(&self) {
        self.permits.add_permits(Semaphore::MAX_PERMITS - self.permits.available_permits());
    }
}

#[async_trait::async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn ask(&self, _: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, caxton_llm::Error> {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        let (head, tail) = self.words.split_at(self.words.len() / 2);
        for piece in [head, tail] {
            if let Some(deltas) = &deltas {
                deltas(piece);
            }
        }
        Ok(ModelReply {
            text: self.words.into(),
            tool_calls: vec![],
            stop: StopReason::End,
            usage: TokenUsage { input: 7, output: 3 },
            provider: "scripted".into(),
            model: model.into(),
            failovers: vec![],
        })
    }
}

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) model: Arc<Scripted>,
    http: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), caxton_server::Error>>,
}

pub(crate) fn config(data_dir: &Path, set: &[&str]) -> Loaded {
    let nothing = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let sources = Sources { env: &|_| None, read: &nothing, cwd: data_dir.to_owned() };
    let data = format!("resources.disk.data_dir={}", data_dir.display());
    let set = ["server.port=0", "storage.durability=normal", &data].into_iter().chain(set.iter().copied());
    load(&Options { set: set.map(Into::into).collect(), ..Options::default() }, &sources).unwrap()
}

pub(crate) fn setup(config: Loaded) -> (Setup, Arc<Scripted>) {
    let model = Arc::new(Scripted { words: "forty-two", permits: Semaphore::new(Semaphore::MAX_PERMITS) });
    let limits = Limits { streams_max: 2, workspaces_max: 2, ..Limits::default() };
    (Setup { limits, providers: vec![Arc::clone(&model) as Arc<dyn Provider>], ..Setup::new(config, LogLevel::detached()) }, model)
}

/// A server over this directory that takes requests.
pub(crate) async fn start(data_dir: &Path) -> Running {
    start_with(config(data_dir, &[])).await
}

pub(crate) async fn start_with(config: Loaded) -> Running {
    let (setup, model) = setup(config);
    let server = boot(setup).await.unwrap();
    let (url, stop) = (server.url(), CancellationToken::new());
    #[expect(clippy::disallowed_methods, reason = "the test joins it")]
    let task = tokio::spawn(server.run(stop.clone()));
    let running = Running { url, model, http: reqwest::Client::builder().no_proxy().build().unwrap(), stop, task };
    while running.get("/ready").send().await.unwrap().status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    running
}

impl Running {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = if path.starts_with("/api") || ["/health", "/ready", "/openapi.json"].contains(&path) {
            path.into()
        } else {
            format!("/api/v1{path}")
        };
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// An agent that answers whatever the scripted model says.
    pub(crate) async fn deploy_agent(&self, name: &str) {
        let response = self.put_agent(name, &agent(name)).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{}", response.text().await.unwrap());
    }

    pub(crate) async fn put_agent(&self, name: &str, toml: &str) -> Response {
        let request = self.request(Method::PUT, &format!("/agents/{name}")).header(header::CONTENT_TYPE, "application/toml");
        request.body(toml.to_owned()).send().await.unwrap()
    }

    /// Tells it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

pub(crate) fn agent(name: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1.0.0\"\ndescription = \"Answers\"\ncapabilities = [\"answering\"]\n\
         system_prompt = \"You answer.\"\nuser_prompt_template = \"{{{{request}}}}\"\n"
    )
}

pub(crate) async fn json(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// A problem with everything that every problem must have.
pub(crate) async fn problem(request: RequestBuilder, status: u16, code: &str) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let got = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!((got, body["status"].as_u64(), body["code"].as_str()), (status, Some(status.into()), Some(code)), "{body}");
    assert_eq!(body["request_id"], id.as_str());
    assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(body["type"], format!("urn:caxton:problem:{code}"));
    body
}

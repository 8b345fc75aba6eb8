//! Bad input at the outer door: each is refused with a code, what is wrong, and what to do about it.

use anyhow::{Context as _, Result};
use caxton_api::Problem;
use caxton_testkit::{Caxton, agent, server};
use caxton_types::{Code, Fault as _};
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

/// A way to break a request, by what the server answers to it.
struct Refusal {
    code: Code,
    detail: &'static str,
    hint: &'static str,
}

const fn refusal(code: Code, detail: &'static str, hint: &'static str) -> Refusal {
    Refusal { code, detail, hint }
}

async fn refused(request: RequestBuilder) -> Result<Problem> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], Problem::MEDIA_TYPE);
    let problem: Problem = serde_json::from_slice(&response.bytes().await?)?;
    assert_eq!((problem.status, problem.code.http()), (status, status), "{problem:?}");
    assert!(problem.request_id.starts_with("req_"), "{problem:?}");
    Ok(problem)
}

async fn check(request: RequestBuilder, expected: Refusal) -> Result<Problem> {
    let problem = refused(request).await?;
    let hint = problem.hint.as_deref().unwrap_or_default();
    assert_eq!((problem.code, problem.detail.as_str(), hint), (expected.code, expected.detail, expected.hint));
    Ok(problem)
}

struct Door<'c> {
    http: reqwest::Client,
    caxton: &'c Caxton,
}

impl<'c> Door<'c> {
    fn of(caxton: &'c Caxton) -> Result<Self> {
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, caxton })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1/{path}", self.caxton.url))
    }

    fn send(&self, message: &Value) -> RequestBuilder {
        self.request(Method::POST, "messages").json(message)
    }

    fn send_text(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "messages").header(header::CONTENT_TYPE, "application/json").body(body)
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_kind_or_size_is_refused() -> Result<()> {
    let small = server().set("messaging.max_message_size=2KB").set("limits.max_blob_size=1KB");
    let caxton = small.agent(agent("sum", "")).start().await?;
    let door = Door::of(&caxton)?;
    let json = "send `Content-Type: application/json`";
    let xml = door.request(Method::POST, "messages").header(header::CONTENT_TYPE, "text/xml").body("<a/>");
    check(xml, refusal(Code::Unsupported, "the body is said to be `text/xml`; expected `application/json`", json)).await?;
    let nothing = door.request(Method::POST, "messages").body("{}");
    check(nothing, refusal(Code::Unsupported, "the body is said to be `nothing`; expected `application/json`", json)).await?;
    let large = |len: usize| door.send(&json!({"receiver": "sum", "content": "x".repeat(len)}));
    let attach = "send large data as an attachment: `POST …/blobs`, then name its digest";
    check(large(20_000), refusal(Code::TooLarge, "the body is larger than this resource takes", attach)).await?;
    // Small enough to be read, and still larger than a message may be.
    let problem = refused(large(3000)).await?;
    assert_eq!((problem.code, problem.hint.as_deref()), (Code::TooLarge, Some("send large data as an attachment (`--attach FILE`)")));
    assert!(problem.detail.ends_with(" bytes; at most 2KB are accepted"), "{}", problem.detail);
    let upload = door.request(Method::POST, "blobs").body(vec![0_u8; 1001]);
    assert_eq!(refused(upload).await?.code, Code::TooLarge);
    caxton.client.upload(vec![0_u8; 1000], "text/plain").await?;
    caxton.stop().await
}

#[tokio::test]
async fn a_receiver_that_nobody_is_is_refused_with_who_is_near() -> Result<()> {
    let caxton = server().agent(agent("data-analyzer", "capabilities = [\"data-analysis\"]")).agent(agent("writer", "")).start().await?;
    let door = Door::of(&caxton)?;
    let to = |receiver: &str| door.send(&json!({"receiver": receiver, "content": "hello"}));
    let near = "did you mean `data-analyzer`?";
    check(to("data-analyser"), refusal(Code::NotFound, "agent `data-analyser` is not deployed in this workspace", near)).await?;
    let list = "`caxton agent list` shows what is deployed";
    check(to("agent:nobody-at-all"), refusal(Code::NotFound, "agent `nobody-at-all` is not deployed in this workspace", list)).await?;
    let offered = "offered here: `data-analysis`";
    check(to("capability:cooking"), refusal(Code::NotFound, "no agent offers the capability `cooking`", offered)).await?;
    for address in ["topic:news", "all"] {
        let problem = refused(to(address)).await?;
        assert_eq!(problem.code, Code::Invalid);
        assert!(
            problem.detail.contains("cannot be addressed from outside yet: expected `agent:NAME` or `capability:TEXT`"),
            "{}",
            problem.detail
        );
    }
    let invoke = door.request(Method::POST, "agents/data-analyser/invoke").json(&json!("hello"));
    check(invoke, refusal(Code::NotFound, "agent `data-analyser` is not deployed in this workspace", near)).await?;
    let elsewhere = door.request(Method::POST, "workspaces/elsewhere/messages").json(&json!({"receiver": "writer", "content": "hello"}));
    let deploy = "the first deployment into a workspace creates it";
    check(elsewhere, refusal(Code::NotFound, "workspace `elsewhere` does not exist", deploy)).await?;
    caxton.stop().await
}

#[tokio::test]
async fn json_that_is_none_is_refused_with_its_place() -> Result<()> {
    let caxton = server().agent(agent("sum", "")).start().await?;
    let door = Door::of(&caxton)?;
    let place = |problem: &Problem| problem.errors.first().map(|error| (error.line, error.column, error.file.clone()));
    let torn = refused(door.send_text("{\n  \"receiver\": \"sum\",\n  \"content\": }\n")).await?;
    assert_eq!((torn.code, place(&torn)), (Code::Invalid, Some((Some(3), Some(14), Some("content".into())))), "{torn:?}");
    let misspelled = refused(door.send_text("{\"receiver\": \"sum\", \"contents\": 1}")).await?;
    assert!(misspelled.detail.contains("unknown field `contents`"), "{}", misspelled.detail);
    let wrong = refused(door.send_text("{\"receiver\": \"sum\", \"content\": 1, \"performative\": \"shout\"}")).await?;
    assert!(wrong.detail.contains("`performative` is not valid: ") && wrong.detail.contains("shout"), "{}", wrong.detail);
    let behind = refused(door.send_text("{\"receiver\": \"sum\", \"content\": 1} {}")).await?;
    assert_eq!(behind.detail, "the body goes on behind its JSON");
    let empty = refused(door.send(&json!({"receiver": "sum", "content": "  "}))).await?;
    assert_eq!(empty.detail, "`content` is empty: say what is asked or told");
    caxton.stop().await
}

#[tokio::test]
async fn pages_of_elsewhere_are_turned_away() -> Result<()> {
    let caxton = server().agent(agent("sum", "")).start().await?;
    let door = Door::of(&caxton)?;
    let agents = || door.request(Method::GET, "agents");
    let rebound = agents().header(header::HOST, "evil.example:8080");
    let name = "address it as `localhost` or `127.0.0.1`";
    check(rebound, refusal(Code::Denied, "this server does not answer as `evil.example:8080`", name)).await?;
    let foreign = agents().header(header::ORIGIN, "https://evil.example");
    check(foreign, refusal(Code::Denied, "pages of `https://evil.example` may not call this server", "")).await?;
    // Also where nothing stands: a page learns nothing about the server.
    let probe = door.http.get(format!("{}/nothing", caxton.url)).header(header::ORIGIN, "https://evil.example");
    assert_eq!(refused(probe).await?.code, Code::Denied);
    assert!(agents().send().await?.status().is_success());
    caxton.stop().await
}

#[tokio::test]
async fn a_second_server_says_what_the_first_one_holds() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let caxton = server().data_dir(&data).start().await?;
    let error = server().data_dir(&data).start().await.err().context("two servers share their data")?;
    let pid = std::process::id();
    assert_eq!(error.to_string(), format!("the data directory `{}` is in use by process {pid}", data.display()));
    let fault = error.downcast_ref::<caxton_server::Error>().context("an error of the server")?;
    let hint = format!("stop process {pid}, or serve from another directory with `--data-dir DIR`");
    assert_eq!((fault.code(), fault.hint()), (Code::Conflict, Some(hint)));
    let port = caxton.url.rsplit_once(':').context("a port")?.1;
    let error = server().set(&format!("server.port={port}")).start().await.err().context("two servers share a port")?;
    assert_eq!(error.to_string(), format!("port {port} of 127.0.0.1 is taken by process {pid}"));
    let fault = error.downcast_ref::<caxton_server::Error>().context("an error of the server")?;
    let hint = "choose another one with `--port PORT` or `server.port`, or stop that process".to_owned();
    assert_eq!((fault.code(), fault.hint()), (Code::Conflict, Some(hint)));
    caxton.stop().await
}

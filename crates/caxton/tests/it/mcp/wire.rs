//! What stands on the wire: sessions and their bounds, what changes, and hanging up.

use anyhow::{Context as _, Result, bail, ensure};
use caxton_client::{EventFilter, Followed};
use caxton_testkit::{Caxton, Line, agent, script, server};
use futures_util::StreamExt as _;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const SESSION: &str = "mcp-session-id";

pub(super) fn post(url: &str, message: &Value) -> RequestBuilder {
    Client::new().post(url).header("accept", "application/json, text/event-stream").json(message)
}

/// A request of the later era, which stands for itself.
pub(crate) fn modern(url: &str, method: &str, name: &str, mut params: Value, able: Value) -> RequestBuilder {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = able;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    post(url, &message).header("mcp-protocol-version", "2026-07-28").header("mcp-method", method).header("mcp-name", name)
}

/// The first message of an answer that has this method, or is an answer where none is named.
pub(crate) async fn message(response: Response, method: Option<&str>) -> Result<Value> {
    let mut pieces = response.bytes_stream();
    let read = async {
        let mut text = String::new();
        while let Some(piece) = pieces.next().await {
            text.push_str(&String::from_utf8_lossy(&piece?));
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let messages =
                whole.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:").unwrap_or(line).trim()).ok());
            let found = messages.into_iter().find(|message| message["method"].as_str() == method);
            if let Some(found) = found {
                return Ok(found);
            }
        }
        serde_json::from_str(&text).with_context(|| format!("no message: {text}"))
    };
    tokio::time::timeout(PATIENCE, read).await?
}

pub(super) async fn session(url: &str) -> Result<String> {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let begun = post(url, &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).send().await?;
    let id = begun.headers().get(SESSION).context("a session")?.to_str()?.to_owned();
    assert_eq!(message(begun, None).await?["result"]["protocolVersion"], "2025-11-25");
    let told = post(url, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).header(SESSION, &id).send().await?;
    assert_eq!(told.status(), StatusCode::ACCEPTED);
    Ok(id)
}

pub(super) async fn started() -> Result<Caxton> {
    server().model(&script().always("Yes.")).agent(agent("clerk", "")).start().await
}

#[tokio::test]
async fn a_session_is_known_in_its_own_workspace_only() -> Result<()> {
    let caxton = started().await?;
    let (name, toml) = agent("clerk", "");
    caxton.client.in_workspace("other".parse()?).put_agent(&name.parse()?, &toml).await?;
    let (here, there) = (format!("{}/mcp/default", caxton.url), format!("{}/mcp/other", caxton.url));
    let id = session(&here).await?;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(post(&here, &list).header(SESSION, &id).send().await?.status(), StatusCode::OK);
    assert_eq!(post(&there, &list).header(SESSION, &id).send().await?.status(), StatusCode::NOT_FOUND);
    let ended = Client::new().delete(&there).header(SESSION, &id).send().await?;
    ensure!(ended.status().is_success());
    assert_eq!(post(&here, &list).header(SESSION, &id).send().await?.status(), StatusCode::OK, "it is not theirs to end");
    Client::new().delete(&here).header(SESSION, &id).send().await?;
    assert_eq!(post(&here, &list).header(SESSION, &id).send().await?.status(), StatusCode::NOT_FOUND);
    let nowhere = post(&format!("{}/mcp/nowhere", caxton.url), &list).send().await?;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert_eq!(nowhere.json::<Value>().await?["code"], "not_found", "it is a problem like every other");
    caxton.stop().await
}

#[tokio::test]
async fn a_session_hears_of_deployments() -> Result<()> {
    let caxton = started().await?;
    let url = format!("{}/mcp", caxton.url);
    let id = session(&url).await?;
    let news = Client::new().get(&url).header(SESSION, &id).header("accept", "text/event-stream").send().await?;
    let (name, toml) = agent("typist", "");
    caxton.client.put_agent(&name.parse()?, &toml).await?;
    message(news, Some("notifications/tools/list_changed")).await?;
    let listed = post(&url, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).header(SESSION, &id).send().await?;
    let listed = message(listed, None).await?.to_string();
    assert!(listed.contains("ask_typist"), "{listed}");
    caxton.stop().await
}

#[tokio::test]
async fn a_subscription_of_the_later_era_hears_of_deployments() -> Result<()> {
    let caxton = started().await?;
    let url = format!("{}/mcp", caxton.url);
    let wanted = json!({"notifications": {"promptsListChanged": true}});
    let news = modern(&url, "subscriptions/listen", "", wanted, json!({})).send().await?;
    let (name, toml) = agent("typist", "");
    caxton.client.put_agent(&name.parse()?, &toml).await?;
    message(news, Some("notifications/prompts/list_changed")).await?;
    caxton.stop().await
}

#[tokio::test]
async fn a_session_hears_of_the_tools_of_others() -> Result<()> {
    let others = started().await?;
    let servers = json!([{"name": "others", "url": format!("{}/mcp", others.url)}]);
    let model = script().always("Yes.");
    let caxton = server().model(&model).agent(agent("clerk", "")).set(&format!("integrations.mcp.servers={servers}")).start().await?;
    while !caxton.client.tools().await?.iter().any(|tool| tool.id == "others/ask_clerk") {
        tokio::task::yield_now().await;
    }
    let url = format!("{}/mcp", caxton.url);
    let id = session(&url).await?;
    let news = Client::new().get(&url).header(SESSION, &id).header("accept", "text/event-stream").send().await?;
    let (name, toml) = agent("typist", "");
    others.client.put_agent(&name.parse()?, &toml).await?;
    message(news, Some("notifications/tools/list_changed")).await?;
    let listed = post(&url, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).header(SESSION, &id).send().await?;
    let listed = message(listed, None).await?.to_string();
    assert!(listed.contains("others__ask_typist"), "{listed}");
    caxton.stop().await?;
    others.stop().await
}

#[tokio::test]
async fn hanging_up_calls_the_turn_off() -> Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let caxton = server().model(&script().line(Line::Waits(gate))).agent(agent("clerk", "")).start().await?;
    let url = format!("{}/mcp", caxton.url);
    let filter = |kind: &str| EventFilter { after: Some(0), kinds: vec![kind.into()], ..EventFilter::default() };
    let follow = async |kind: &str| -> Result<()> {
        let mut events = std::pin::pin!(caxton.client.follow(filter(kind)));
        match tokio::time::timeout(PATIENCE, events.next()).await? {
            Some(Ok(Followed::Event(_))) => Ok(()),
            other => bail!("no {kind}: {other:?}"),
        }
    };
    let call = modern(&url, "tools/call", "ask_clerk", json!({"name": "ask_clerk", "arguments": {"message": "Well?"}}), json!({}));
    tokio::select! {
        answer = call.send() => bail!("nobody has answered: {answer:?}"),
        began = follow("step_intended") => began?,
    }
    follow("turn_cancelled").await?;
    follow("turn_ended").await?;
    caxton.stop().await
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() -> Result<()> {
    let caxton = started().await?;
    let url = format!("{}/mcp", caxton.url);
    let ask = async |name: &str, arguments: Value| {
        let answer = modern(&url, "tools/call", name, json!({"name": name, "arguments": arguments}), json!({})).send().await?;
        message(answer, None).await
    };
    let unknown = ask("nothing__there", json!({})).await?;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let empty = ask("ask_clerk", json!({"message": " "})).await?;
    assert_eq!((&empty["error"]["code"], &empty["error"]["data"]["code"]), (&json!(-32602), &json!("invalid")), "{empty}");
    let answered = ask("ask_clerk", json!({"message": "Well?"})).await?;
    assert_eq!(answered["result"]["content"][0]["text"], "Yes.", "{answered}");
    let turn_only = ask("human__ask", json!({"question": "Who?"})).await?;
    assert_eq!(turn_only["result"]["isError"], true, "{turn_only}");
    let foreign = modern(&url, "tools/list", "", json!({}), json!({})).header("origin", "http://evil.example").send().await?;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    caxton.stop().await
}

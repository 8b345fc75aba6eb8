//! What other people's servers offer beside tools, at the workspace that knows them: in both eras, on either side.

use super::{
    theirs::{Served, serve},
    wire::{SESSION, message, modern, post, session},
};
use anyhow::{Context as _, Result, ensure};
use caxton_api::McpServerState;
use caxton_mcp::{
    client::{Client, Era, Options, Place, Url},
    rmcp::model::{ArgumentInfo, CompleteRequestParams, ContentBlock, PromptArgument, PromptMessage, Reference, ResourceContents, Role},
};
use caxton_testkit::{Caxton, agent, script, server};
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;
use tokio_util::task::TaskTracker;

const ERAS: [(&str, Era); 2] = [("2025-11-25", Era::Stateless), ("2026-07-28", Era::Sessions)];

/// A workspace that knows their server, which has told all that it offers.
async fn knowing(theirs: &Served, era: &str) -> Result<Caxton> {
    let servers = json!([{"name": "desk", "url": theirs.at.url, "protocol": era}]);
    let model = script().always("Yes.");
    let caxton = server().model(&model).agent(agent("clerk", "")).set(&format!("integrations.mcp.servers={servers}")).start().await?;
    loop {
        let desk = caxton.client.mcp_servers().await?.into_iter().next().context("the server that is configured")?;
        if (desk.resources, desk.resource_templates, desk.prompts) == (1, 1, 1) {
            return Ok(caxton);
        }
        tokio::task::yield_now().await;
    }
}

async fn client(caxton: &Caxton, era: Era) -> Result<Client> {
    let place = Place::Url(Url { url: format!("{}/mcp/default", caxton.url).into(), headers: vec![], bearer: None });
    Ok(Client::connect(&Options { era, ..Options::new("ours", place) }, &TaskTracker::new()).await?)
}

#[tokio::test]
async fn resources_of_others_are_listed_and_read() -> Result<()> {
    for (theirs_era, era) in ERAS {
        let theirs = serve().await?;
        let caxton = knowing(&theirs, theirs_era).await?;
        let ours = client(&caxton, era).await?;
        let listed = ours.resources().await?.entries;
        let first = listed.iter().find(|resource| resource.name == "first").context("it is listed")?;
        assert_eq!(first.uri, "caxton://default/mcp/desk/note://first?x#y");
        assert_eq!((first.title.as_deref(), first.mime_type.as_deref(), first.size), (Some("The first"), Some("text/plain"), Some(6)));
        let templates: Vec<_> = ours.resource_templates().await?.entries.into_iter().map(|template| template.uri_template).collect();
        assert_eq!(templates, ["caxton://default/memory/{entity}", "caxton://default/mcp/desk/note://{name}"]);

        // What a client makes of the template, with `a/b %` for the name.
        for theirs in ["note://first?x#y", "note://a%2Fb%20%25"] {
            let here = format!("caxton://default/mcp/desk/{theirs}");
            let read = ours.read(&here).await?.contents;
            let blob = ResourceContents::blob("AAEC", "caxton://default/mcp/desk/note://blob");
            assert_eq!(read, [ResourceContents::text(format!("text of {theirs}"), here), blob]);
        }
        let none = ours.read("caxton://default/mcp/desk/note://none").await.unwrap_err().to_string();
        assert!(none.contains("MCP server `desk` refused: no such note"), "{none}");
        let nobody = ours.read("caxton://default/mcp/dask/note://first").await.unwrap_err().to_string();
        assert!(nobody.contains("there is no resource `caxton://default/mcp/dask/note://first`"), "{nobody}");
        ours.close().await;
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn prompts_of_others_are_listed_written_out_and_completed() -> Result<()> {
    for (theirs_era, era) in ERAS {
        let theirs = serve().await?;
        let caxton = knowing(&theirs, theirs_era).await?;
        let ours = client(&caxton, era).await?;
        let listed = ours.prompts().await?.entries;
        assert_eq!(listed.iter().map(|prompt| prompt.name.as_str()).collect::<Vec<_>>(), ["clerk", "desk__greet"]);
        assert_eq!(listed[1].arguments, Some(vec![PromptArgument::new("name").with_required(true)]));
        let arguments = json!({"name": "Ada"}).as_object().cloned().unwrap_or_default();
        let written = ours.prompt("desk__greet", arguments).await?;
        let note = ContentBlock::embedded_text("caxton://default/mcp/desk/note://first", "a note");
        let expected = vec![PromptMessage::new_text(Role::User, "greet \"Ada\""), PromptMessage::new(Role::Assistant, note)];
        assert_eq!((written.description.as_deref(), written.messages), (Some("Greets"), expected));
        let missing = ours.prompt("desk__greet", Map::new()).await.unwrap_err().to_string();
        assert!(missing.contains("MCP server `desk` refused: `name` is missing") && missing.contains("-32602"), "{missing}");
        let nobody = ours.prompt("dask__greet", Map::new()).await.unwrap_err().to_string();
        assert!(nobody.contains("no MCP server of others is named `dask`") && nobody.contains("-32602"), "{nobody}");

        let complete = async |reference: Reference| -> Result<Vec<String>> {
            let argument = ArgumentInfo::new("name", "A");
            Ok(ours.complete(CompleteRequestParams::new(reference, argument)).await?.values)
        };
        assert_eq!(complete(Reference::for_prompt("desk__greet")).await?, ["name of greet", "A"]);
        let template = "caxton://default/mcp/desk/note://{name}";
        assert_eq!(complete(Reference::for_resource(template)).await?, ["name of note://{name}", "A"]);
        ours.close().await;
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_leaves_its_resources_out_and_reading_says_why() -> Result<()> {
    let theirs = serve().await?;
    let caxton = knowing(&theirs, "2025-11-25").await?;
    let ours = client(&caxton, Era::Newest).await?;
    theirs.is_down.store(true, Ordering::SeqCst);
    while caxton.client.mcp_servers().await?[0].state != McpServerState::Down {
        // Reading puts the connection into doubt.
        let _ = ours.read("caxton://default/mcp/desk/note://first").await;
    }
    assert!(ours.resources().await?.entries.is_empty() && ours.prompts().await?.entries.len() == 1);
    let why = ours.read("caxton://default/mcp/desk/note://first").await.unwrap_err().to_string();
    assert!(why.contains("MCP server `desk` is not there: ") && why.contains("503") && why.contains("(since 2"), "{why}");
    ours.close().await;
    caxton.stop().await
}

#[tokio::test]
async fn who_listens_hears_that_the_lists_of_others_changed() -> Result<()> {
    for (theirs_era, era) in ERAS {
        let theirs = serve().await?;
        let caxton = knowing(&theirs, theirs_era).await?;
        let url = format!("{}/mcp", caxton.url);
        let ours = client(&caxton, era).await?;
        let id = session(&url).await?;
        let news = reqwest::Client::new().get(&url).header(SESSION, &id).header("accept", "text/event-stream").send().await?;
        let wanted = |list: &str| json!({"notifications": {list: true}});
        let resources = modern(&url, "subscriptions/listen", "", wanted("resourcesListChanged"), json!({})).send().await?;
        let prompts = modern(&url, "subscriptions/listen", "", wanted("promptsListChanged"), json!({})).send().await?;
        let arguments = json!({});
        let call = caxton_mcp::client::Call {
            tool: "desk__grow",
            arguments: &arguments,
            meta: &[],
            time_max: std::time::Duration::from_mins(1),
            asker: None,
        };
        ours.call(&call).await?;
        message(news, Some("notifications/resources/list_changed")).await?;
        message(resources, Some("notifications/resources/list_changed")).await?;
        message(prompts, Some("notifications/prompts/list_changed")).await?;
        let listed = ours.resources().await?.entries;
        assert!(listed.iter().any(|resource| resource.uri == "caxton://default/mcp/desk/note://grown"), "{listed:?}");
        assert!(ours.prompts().await?.entries.iter().any(|prompt| prompt.name == "desk__grown"));
        ours.close().await;
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_resource_of_others_cannot_be_watched_by_itself() -> Result<()> {
    let theirs = serve().await?;
    let caxton = knowing(&theirs, "2025-11-25").await?;
    let url = format!("{}/mcp", caxton.url);
    let id = session(&url).await?;
    let uri = "caxton://default/mcp/desk/note://first";
    let watch = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": uri}});
    let refused = message(post(&url, &watch).header(SESSION, &id).send().await?, None).await?;
    let why =
        "`caxton://default/mcp/desk/note://first` is a resource of the MCP server `desk`, and changes of those are not told one by one";
    assert_eq!((&refused["error"]["message"], &refused["error"]["data"]["code"]), (&json!(why), &json!("invalid")), "{refused}");
    let wanted = json!({"notifications": {"resourceSubscriptions": [uri, "caxton://default/memory/ada"]}});
    let news = modern(&url, "subscriptions/listen", "", wanted, json!({})).send().await?;
    let told = message(news, Some("notifications/subscriptions/acknowledged")).await?;
    let accepted: &Value = &told["params"]["notifications"]["resourceSubscriptions"];
    ensure!(*accepted == json!(["caxton://default/memory/ada"]), "{told}");
    caxton.stop().await
}

#[tokio::test]
async fn the_progress_of_a_direct_call_is_passed_on_in_order_and_at_a_bounded_rate() -> Result<()> {
    for (theirs_era, _) in ERAS {
        let theirs = serve().await?;
        let caxton = knowing(&theirs, theirs_era).await?;
        let url = format!("{}/mcp", caxton.url);
        let id = session(&url).await?;
        let params = json!({"name": "desk__work", "arguments": {}, "_meta": {"progressToken": 7}});
        let in_session = post(&url, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})).header(SESSION, &id);
        let params = json!({"name": "desk__work", "arguments": {}, "_meta": {"progressToken": 7}});
        for request in [in_session, modern(&url, "tools/call", "desk__work", params, json!({}))] {
            let text = request.send().await?.error_for_status()?.text().await?;
            let messages: Vec<Value> =
                text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()).collect();
            let (answer, told) = messages.split_last().context("messages")?;
            assert_eq!(answer["result"]["content"][0]["text"], "done", "nothing comes after the answer: {text}");
            let done: Vec<_> = told.iter().filter_map(|message| message["params"]["progress"].as_f64()).collect();
            assert!(done.is_sorted_by(|a, b| a < b) && done.first() == Some(&0.0), "{done:?}");
            assert!(done.len() < 500 && told.iter().any(|message| message["params"]["total"] == 1000.0), "{told:?}");
            assert!(told.iter().all(|message| message["params"]["progressToken"] == 7), "{told:?}");
        }
        caxton.stop().await?;
    }
    Ok(())
}

//! The reference server for everything, seen through a workspace by clients of both eras.

use anyhow::{Context as _, Result, ensure};
use caxton_mcp::{
    client::{Answer, Asker, Call, Client, Era, Options, Place, Progress, Question, Reply, Url},
    rmcp::model::{ArgumentInfo, CompleteRequestParams, CompletionContext, ContentBlock, Reference, ResourceContents},
};
use caxton_testkit::{Caxton, agent, script, server};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::HashMap, env, path::PathBuf, time::Duration};
use tokio_util::task::TaskTracker;

const HERE: &str = "caxton://default/mcp/everything/demo://resource/";

/// Nothing where the tests run without it, which no CI does.
async fn started() -> Result<Option<Caxton>> {
    let Some(dir) = env::var_os("CAXTON_MCP_SERVERS") else {
        ensure!(env::var_os("CI").is_none(), "CAXTON_MCP_SERVERS must be set: run `cargo xtask test`");
        return Ok(None);
    };
    let program = PathBuf::from(dir).join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    let servers = json!([{"name": "everything", "command": "node", "args": [program, "stdio"]}]);
    let model = script().always("Yes.");
    let caxton = server().model(&model).agent(agent("clerk", "")).set(&format!("integrations.mcp.servers={servers}")).start().await?;
    // It offers that tool only to clients that can be asked, a moment later.
    while !caxton.client.tools().await?.iter().any(|tool| tool.id == "everything/trigger-elicitation-request")
        || caxton.client.mcp_servers().await?[0].prompts == 0
    {
        tokio::task::yield_now().await;
    }
    Ok(Some(caxton))
}

/// Whoever sits at the client, and what they heard of how far a call is.
#[derive(Default)]
struct Ada(Mutex<Vec<(f64, Option<f64>)>>);

#[async_trait::async_trait]
impl Asker for Ada {
    fn hear(&self, progress: Progress) {
        self.0.lock().push((progress.done, progress.total));
    }

    async fn ask(&self, _: Question) -> Reply {
        Reply::Accept(json!({"name": "Ada", "email": "ada@example.org"}))
    }
}

async fn call(client: &Client, tool: &str, arguments: Value, ada: &Ada) -> Result<Answer> {
    Ok(client.call(&Call { tool, arguments: &arguments, meta: &[], time_max: Duration::from_mins(1), asker: Some(ada) }).await?)
}

#[tokio::test]
async fn what_the_reference_server_offers_is_used_through_a_workspace() -> Result<()> {
    let Some(caxton) = started().await? else { return Ok(()) };
    for era in [Era::Sessions, Era::Stateless] {
        let place = Place::Url(Url { url: format!("{}/mcp", caxton.url).into(), headers: vec![], bearer: None });
        let client = Client::connect(&Options { era, ..Options::new("ours", place) }, &TaskTracker::new()).await?;

        let listed = client.resources().await?.entries;
        let first = listed.iter().find(|resource| resource.uri.starts_with(HERE)).context("a resource")?;
        assert!(!client.read(&first.uri).await?.contents.is_empty());
        let templates = client.resource_templates().await?.entries;
        let template = format!("{HERE}dynamic/text/{{resourceId}}");
        assert!(templates.iter().any(|listed| listed.uri_template == template), "{templates:?}");
        let seventh = template.replace("{resourceId}", "7");
        let read = client.read(&seventh).await?.contents;
        let [ResourceContents::TextResourceContents { uri, text, .. }] = &read[..] else { panic!("{read:?}") };
        assert!(*uri == seventh && text.starts_with("Resource 7: "), "{read:?}");

        let prompts = client.prompts().await?.entries;
        assert!(prompts.iter().any(|prompt| prompt.name == "everything__simple-prompt"), "{prompts:?}");
        let wanted = json!({"resourceType": "Text", "resourceId": "7"});
        let written = client.prompt("everything__resource-prompt", wanted.as_object().cloned().unwrap_or_default()).await?;
        let is_here = |block: &ContentBlock| {
            matches!(block, ContentBlock::Resource(embedded)
                if matches!(&embedded.resource, ResourceContents::TextResourceContents { uri, .. } if *uri == seventh))
        };
        assert!(written.messages.iter().any(|message| is_here(&message.content)), "{written:?}");

        let team = |argument: &str, begun: &str| {
            CompleteRequestParams::new(Reference::for_prompt("everything__completable-prompt"), ArgumentInfo::new(argument, begun))
        };
        assert_eq!(client.complete(team("department", "E")).await?.values, ["Engineering"]);
        let known = HashMap::from([("department".to_owned(), "Engineering".to_owned())]);
        assert_eq!(client.complete(team("name", "A").with_context(CompletionContext::with_arguments(known))).await?.values, ["Alice"]);
        let id = CompleteRequestParams::new(Reference::for_resource(&template), ArgumentInfo::new("resourceId", "7"));
        assert_eq!(client.complete(id).await?.values, ["7"]);

        let ada = Ada::default();
        let answered = call(&client, "everything__trigger-elicitation-request", json!({}), &ada).await?;
        assert!(format!("{:?}", answered.content).contains("ada@example.org"), "{answered:?}");
        let ada = Ada::default();
        call(&client, "everything__trigger-long-running-operation", json!({"duration": 0.6, "steps": 3}), &ada).await?;
        let told = ada.0.into_inner();
        assert!(told.contains(&(1.0, Some(3.0))) && told.iter().all(|(done, _)| *done <= 3.0), "{told:?}");
        client.close().await;
    }
    caxton.stop().await
}

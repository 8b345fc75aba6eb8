//! What is kept for long enough goes, and a full data directory takes no new work.

use anyhow::{Context as _, Result};
use caxton_client::{EventFilter, Followed};
use caxton_testkit::{agent, script, server};
use caxton_types::Code;
use futures_util::StreamExt as _;
use std::time::Duration;

#[tokio::test]
async fn an_ended_conversation_goes_when_its_time_is_over() -> Result<()> {
    let model = script().always("42");
    let caxton = server()
        .model(&model)
        .agent(agent("sum", ""))
        .set("retention.conversations=1s")
        .set("retention.every=1s")
        .set("storage.durability=normal")
        .start()
        .await?;
    let first = caxton.request("sum", "6*7?").await?;
    // The last event of a journal stays, and its conversation with it.
    let second = caxton.request("sum", "7*6?").await?;
    let filter = EventFilter { after: Some(0), kinds: vec!["events_expired".into()], ..EventFilter::default() };
    let mut stream = std::pin::pin!(caxton.client.follow(filter));
    let expired = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            match stream.next().await.context("the stream ends")?? {
                Followed::Event(event) => return anyhow::Ok(event),
                Followed::Gap(_) | Followed::Delta(_) => {}
            }
        }
    });
    let expired = expired.await??;
    assert!(expired.fact["events"].as_u64() > Some(5), "{expired:?}");
    let gone = caxton.client.conversation(first.conversation).await.unwrap_err();
    assert_eq!(gone.problem().context("a problem")?.code, Code::NotFound);
    assert_eq!(caxton.client.status().await?.agents.len(), 1, "what is deployed stays");
    let _ = second;
    let mut stream = std::pin::pin!(caxton.client.follow(EventFilter { after: Some(0), ..EventFilter::default() }));
    assert!(matches!(stream.next().await.context("the stream ends")??, Followed::Gap(gap) if gap.from == 1));
    assert!(matches!(stream.next().await.context("the stream ends")??, Followed::Event(event) if event.kind == "deployed"));
    caxton.stop().await
}

#[tokio::test]
async fn a_plan_tells_and_apply_removes_what_nothing_names() -> Result<()> {
    let caxton = server().set("storage.durability=normal").set("retention.uploads=1m").start().await?;
    caxton.client.upload("waits for its message", "text/plain").await?;
    let plan = caxton.client.plan_gc().await?;
    assert!(!plan.applied && plan.keeps_all && plan.workspaces.is_empty(), "{plan:?}");
    let done = caxton.client.apply_gc().await?;
    assert!(done.applied && done.workspaces.is_empty() && done.files == 0, "{done:?}");
    caxton.stop().await
}

#[tokio::test]
async fn a_full_data_directory_takes_no_new_work_and_says_what_to_do() -> Result<()> {
    let model = script().always("42");
    let caxton =
        server().model(&model).agent(agent("sum", "")).set("storage.durability=normal").set("retention.disk_max=16MB").start().await?;
    for number in 0_u8..16 {
        caxton.client.upload(vec![number; 1_000_000], "text/plain").await.ok();
    }
    let error = caxton.request("sum", "6*7?").await.unwrap_err();
    let problem = error.downcast_ref::<caxton_client::Error>().and_then(caxton_client::Error::problem).context("a problem")?;
    assert_eq!((problem.code, problem.status), (Code::Exhausted, 429));
    assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("caxton gc --plan")), "{problem:?}");
    caxton.stop().await
}

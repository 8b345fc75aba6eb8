//! The built-in tools, as an agent uses them.

use anyhow::{Context as _, Result};
use caxton_api::{AttachmentRef, SendMessage};
use caxton_testkit::{agent, script, server};
use caxton_types::Performative;
use serde_json::json;

const SALES: &str = "region;amount\nnorth;10,5\nsouth;20\nnorth;4,5\n";

#[tokio::test]
async fn an_agent_reads_a_table_computes_and_answers_with_a_chart() -> Result<()> {
    let read = json!({"attachment": "sales.csv", "where": [{"column": "amount", "op": ">", "value": 5}]});
    let model = script()
        .calls("data_reader__read", read)
        .calls("stats_calculator__describe", json!({"columns": ["amount"], "group_by": "region"}))
        .calls("chart_generator__draw", json!({"kind": "bar", "name": "sales", "title": "Sales & more", "x": "region", "y": ["amount"]}))
        .says("North sold 15, south 20.");
    let tools = "tools = [\"csv_parser\", \"stats-calculator\", \"chart-generator\"]\n";
    let caxton = server().model(&model).agent(agent("analyst", tools)).start().await?;
    let blob = caxton.client.upload(SALES, "text/csv").await?;
    let table = AttachmentRef { name: "sales.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    let question = SendMessage { attachments: vec![table], ..SendMessage::request("analyst".parse()?, json!("How did we sell?")) };
    let reply = caxton.send(question).await?;
    assert_eq!((reply.performative, &reply.content), (Performative::Inform, &json!("North sold 15, south 20.")));
    let file = reply.attachments.first().context("the reply carries the chart")?;
    assert_eq!((&*file.name, file.media_type.as_deref(), reply.attachments.len()), ("sales.svg", Some("image/svg+xml"), 1));
    let svg = String::from_utf8(caxton.client.blob(file.digest).await?.to_vec())?;
    assert!(svg.starts_with("<svg") && svg.contains("Sales &amp; more") && svg.contains("north"), "{svg}");
    let told = serde_json::to_string(&model.asked().last().context("the model was asked")?.dialogue)?;
    for expected in
        ["sales.csv: 3 rows, 2 columns; 2 fit", "amount where region is north", "mean 7.5", "Drew the bar chart", "north 15, south 20"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    caxton.stop().await
}

#[tokio::test]
async fn files_and_databases_are_those_that_the_operator_grants() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let place = dir.path().display();
    let directories = format!("tools.file_system.directories=[{{name: notes, path: {place}, access: read_write, max_size: 1MB}}]");
    let databases = format!("tools.database.files=[{{name: orders, path: {place}/orders.db, access: read_write}}]");
    let model = script()
        .calls("file_system__write", json!({"path": "a.txt", "text": "found it"}))
        .calls("file_system__read", json!({"path": "../secret"}))
        .calls("database__execute", json!({"sql": "CREATE TABLE item (name TEXT)"}))
        .calls("database__execute", json!({"sql": "INSERT INTO item VALUES (:name)", "params": {"name": "fountain pen"}}))
        .calls("database__query", json!({"sql": "SELECT upper(name) FROM item"}))
        .calls("database__query", json!({"sql": "DELETE FROM item"}))
        .says("done");
    let clerk = agent("clerk", "tools = [\"file_system\", \"database\"]\n");
    let caxton = server().model(&model).agent(clerk).set(&directories).set(&databases).start().await?;
    caxton.request("clerk", "Note it.").await?;
    let told = serde_json::to_string(&model.asked().last().context("the model was asked")?.dialogue)?;
    for expected in ["`a.txt` was written, 8 bytes", "leads upwards", "FOUNTAIN PEN", "the statement is not allowed"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    caxton.stop().await
}

#[tokio::test]
async fn what_an_agent_keeps_is_there_after_a_restart() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let clerk = || agent("clerk", "tools = [\"state\"]\n");
    let model = script().calls("state__put", json!({"key": "orders/17", "value": {"paid": true}, "if_version": 0})).says("kept");
    let caxton = server().model(&model).agent(clerk()).data_dir(dir.path()).start().await?;
    caxton.request("clerk", "Keep it.").await?;
    caxton.stop().await?;
    let model = script().calls("state__get", json!({"key": "orders/17"})).calls("state__list", json!({"prefix": "orders/"})).says("here");
    let caxton = server().model(&model).agent(clerk()).data_dir(dir.path()).start().await?;
    caxton.request("clerk", "What was it?").await?;
    let told = serde_json::to_string(&model.asked().last().context("the model was asked")?.dialogue)?;
    assert!(told.contains("paid") && told.contains("orders/17"), "{told}");
    caxton.stop().await
}

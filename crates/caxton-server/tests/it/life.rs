use crate::support::{config, json, setup, start};
use caxton_server::{Error, PortError, boot, dry_run};
use caxton_types::{Code, Fault};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_in_good_order_and_starts_again_with_all_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    server.post("/agents/sum/invoke", &json!("6*7?")).send().await.unwrap();
    let (_, before) = json(server.get("/events?limit=1000")).await;
    server.stop().await;
    let again = start(dir.path()).await;
    let (_, after) = json(again.get("/events?limit=1000")).await;
    assert_eq!(after, before);
    let (status, answer) = json(again.post("/agents/sum/invoke", &json!("6*7?"))).await;
    assert_eq!((status, answer), (StatusCode::OK, json!("forty-two")));
    let (_, system) = json(again.get("/api/v1/workspaces/_system/events")).await;
    let kinds: Vec<_> = system["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["server_started", "server_stopped", "server_started"]);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_open_at_the_stop_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    server.model.hold();
    let model = std::sync::Arc::clone(&server.model);
    let mut stream = server.get("/events?kind=step_intended").header("accept", "text/event-stream").send().await.unwrap();
    let request = server.post("/agents/sum/invoke", &json!("6*7?")).send();
    let ((), response) = tokio::join!(
        async {
            // The turn asks its model: now the server is told to stop, and then the model answers.
            stream.chunk().await.unwrap().unwrap();
            let stopping = server.stop();
            let letting = async { model.answer() };
            tokio::join!(stopping, letting);
        },
        request
    );
    let response = response.unwrap();
    assert_eq!((response.status(), response.json::<serde_json::Value>().await.unwrap()), (StatusCode::OK, json!("forty-two")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_says_why_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let port = server.url.rsplit_once(':').unwrap().1.to_owned();

    let taken = config(&dir.path().join("b"), &[&format!("server.port={port}")]);
    let error = boot(setup(taken.clone()).0).await.err().unwrap();
    assert!(matches!(error, Error::Port(PortError::InUse { .. })));
    assert!(error.to_string().starts_with(&format!("port {port} of 127.0.0.1 is taken")), "{error}");
    assert!(error.hint().unwrap().contains("--port"));
    assert!(dry_run(&setup(taken).0).await.is_err());

    let error = boot(setup(config(dir.path(), &[])).0).await.err().unwrap();
    assert!(matches!(error, Error::Store(caxton_store::Error::DataDirInUse { .. })), "{error}");

    let beyond = config(&dir.path().join("c"), &["server.host=0.0.0.0"]);
    let error = boot(setup(beyond).0).await.err().unwrap();
    assert_eq!((error.code(), error.to_string().contains("no authentication yet")), (Code::Denied, true), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_checks_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let lines = dry_run(&setup(config(&data, &[])).0).await.unwrap();
    assert!(lines.iter().any(|line| line.contains("will be created")), "{lines:?}");
    assert!(!data.exists());
    std::fs::write(&data, "a file").unwrap();
    let error = dry_run(&setup(config(&data, &[])).0).await.unwrap_err();
    assert!(error.to_string().ends_with("cannot be used: it is no directory"), "{error}");
}

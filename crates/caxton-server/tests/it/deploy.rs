use crate::support::{agent, json, problem, start};
use caxton_types::Digest;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_travels_by_digest_and_is_applied_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let text = agent("sum");
    let digest = Digest::of(text.as_bytes()).to_string();
    let file = json!({"path": "agents/sum.toml", "digest": digest, "size": text.len()});
    let manifest = json!({"files": [file], "git": {"commit": "0123abc", "branch": "main", "dirty": false}});
    let (status, needs) = json(server.post("/deploy", &manifest)).await;
    assert_eq!((status, needs["state"].as_str(), &needs["missing"]), (StatusCode::OK, Some("needs_files"), &json!([digest])));
    let (_, status) = json(server.get("/status")).await;
    assert_eq!((status["version"].as_u64(), status["files"].as_array().unwrap().len()), (Some(0), 0), "nothing is applied yet");

    server.request(Method::POST, "/blobs").body(text.clone()).send().await.unwrap();
    let (_, done) = json(server.post("/deploy", &manifest)).await;
    assert_eq!((done["state"].as_str(), done["changed"].as_bool()), (Some("deployed"), Some(true)), "{done}");
    assert_eq!((done["deployment"]["version"].as_u64(), done["deployment"]["added"].as_u64()), (Some(1), Some(1)));
    assert_eq!(done["deployment"]["git"], manifest["git"]);
    assert_eq!(done["changes"], json!([{"path": "agents/sum.toml", "change": "added"}]));

    let (_, again) = json(server.post("/deploy", &manifest)).await;
    assert_eq!((again["changed"].as_bool(), again["deployment"]["version"].as_u64()), (Some(false), Some(1)));
    let (_, status) = json(server.get("/status")).await;
    assert_eq!((status["version"].as_u64(), status["agents"][0]["name"].as_str()), (Some(1), Some("sum")));
    assert_eq!(
        (status["files"][0]["path"].as_str(), status["files"][0]["digest"].as_str()),
        (Some("agents/sum.toml"), Some(digest.as_str()))
    );
    let (_, log) = json(server.get("/deployments")).await;
    assert_eq!((log["items"].as_array().unwrap().len(), log["items"][0]["git"]["commit"].as_str()), (1, Some("0123abc")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_does_not_hold_together_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let text = format!("{}tools = [\"nothing-here\"]\n", agent("sum"));
    server.request(Method::POST, "/blobs").body(text.clone()).send().await.unwrap();
    let file = |path: &str| json!({"path": path, "digest": Digest::of(text.as_bytes()).to_string(), "size": text.len()});
    let refused = problem(server.post("/deploy", &json!({"files": [file("agents/sum.toml")]})), 400, "invalid").await;
    assert_eq!(refused["errors"][0]["file"], "agents/sum.toml", "{refused}");
    assert!(refused["errors"][0]["rendered"].as_str().unwrap().contains("nothing-here"));
    problem(server.post("/deploy", &json!({"files": [file("../sum.toml")]})), 400, "invalid").await;
    let mut shorter = file("agents/sum.toml");
    shorter["size"] = json!(1);
    let refused = problem(server.post("/deploy", &json!({"files": [shorter]})), 400, "invalid").await;
    let told = format!("`agents/sum.toml` has {} bytes, and the deployment says 1", text.len());
    assert!(refused["detail"].as_str().unwrap().contains(&told), "{refused}");
    let (_, status) = json(server.get("/status")).await;
    assert_eq!(status["version"], 0);
    server.stop().await;
}

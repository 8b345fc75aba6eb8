use crate::support::{agent, json, problem, start};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_put_listed_read_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    for name in ["sum", "mean", "median"] {
        server.deploy_agent(name).await;
    }
    let (_, page) = json(server.get("/agents?limit=2")).await;
    let names = |page: &serde_json::Value| page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect::<Vec<_>>();
    assert_eq!((names(&page), page["next"].as_str()), (vec![json!("mean"), json!("median")], Some("median")));
    let (_, page) = json(server.get("/agents?limit=2&after=median")).await;
    assert_eq!((names(&page), page.get("next")), (vec![json!("sum")], None));
    let (_, page) = json(server.get("/agents?capability=Answering")).await;
    assert_eq!(names(&page).len(), 3);
    let (_, page) = json(server.get("/agents?capability=flying")).await;
    assert_eq!(names(&page).len(), 0);

    let changed = agent("sum").replace("Answers", "Answers well");
    let again = server.put_agent("sum", &changed).await;
    assert_eq!(again.status(), StatusCode::OK);
    let (_, detail) = json(server.get("/agents/Sum")).await;
    assert_eq!((detail["agent"]["revision"].as_u64(), detail["spec"]["description"].as_str()), (Some(2), Some("Answers well")));

    let gone = server.request(Method::DELETE, "/agents/sum").send().await.unwrap();
    assert_eq!((gone.status(), gone.text().await.unwrap().as_str()), (StatusCode::NO_CONTENT, ""));
    problem(server.get("/agents/sum"), 404, "not_found").await;
    problem(server.request(Method::DELETE, "/agents/sum"), 404, "not_found").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_agent_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let put = |name: &str, kind: &str, body: String| {
        server.request(Method::PUT, &format!("/agents/{name}")).header("content-type", kind.to_owned()).body(body)
    };
    let broken = problem(put("sum", "application/toml", "name = \"sum\"\nversion = \n".into()), 400, "invalid").await;
    assert_eq!((broken["errors"][0]["line"].as_u64(), broken["errors"][0]["severity"].as_str()), (Some(2), Some("error")), "{broken}");
    problem(put("sum", "application/toml", agent("mean")), 400, "invalid").await;
    problem(put("Sum", "application/toml", agent("sum")), 400, "invalid").await;
    problem(put("sum", "application/xml", agent("sum")), 415, "unsupported").await;
    problem(put("sum", "application/json", json!({"tomll": ""}).to_string()), 400, "invalid").await;
    let good = put("sum", "application/json", json!({"toml": agent("sum")}).to_string()).send().await.unwrap();
    assert_eq!(good.status(), StatusCode::CREATED);
    assert_eq!(good.headers()["location"], "/api/v1/workspaces/default/agents/sum");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_apart_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let put = |workspace: &str| {
        let path = format!("/api/v1/workspaces/{workspace}/agents/sum");
        server.request(Method::PUT, &path).header("content-type", "application/toml").body(agent("sum"))
    };
    assert_eq!(put("other").send().await.unwrap().status(), StatusCode::CREATED);
    problem(server.get("/agents/sum"), 404, "not_found").await;
    problem(put("third"), 429, "exhausted").await;
    problem(put("_system"), 403, "denied").await;
    problem(put("No"), 400, "invalid").await;
    problem(server.get("/api/v1/workspaces/nowhere/status"), 404, "not_found").await;
    server.stop().await;
}

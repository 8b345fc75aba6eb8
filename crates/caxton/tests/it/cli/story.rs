//! The way of a newcomer, command by command.

use super::Desk;
use anyhow::{Context as _, Result, ensure};
use std::fs;

const FILE: &str = "agents/analyzer/examples/zones.csv";

#[tokio::test]
async fn a_deployment_prints_what_the_architecture_shows() -> Result<()> {
    let desk = Desk::with_workspace().await?;
    let first = desk.good("shop", &["deploy"])?;
    insta::assert_snapshot!("first_deployment", desk.masked(&first));
    let again = desk.good("shop", &["deploy"])?;
    insta::assert_snapshot!("same_deployment", desk.masked(&again));
    fs::write(desk.path("shop/agents/analyzer/prompts/user.md"), "Please: {{request}}\n")?;
    fs::write(desk.path("shop/agents/second.toml"), "name = \"second\"\nversion = \"1.0.0\"\nsystem_prompt = \"You wait.\"\n")?;
    desk.commit("shop")?;
    let changed = desk.good("shop", &["deploy"])?;
    ensure!(changed.contains("Found 2 modified configurations"), "{changed}");
    let quiet = desk.good("shop", &["deploy", "--quiet"])?;
    ensure!(changed.ends_with(&format!("Deployment ID: {quiet}")) && quiet.starts_with("dep_"), "the result alone: {quiet}");

    let log = desk.json("shop", &["log"])?;
    let versions: Vec<_> =
        log.as_array().context("a list")?.iter().map(|one| (one["version"].as_u64(), one["git"]["dirty"].as_bool())).collect();
    assert_eq!(versions, [(Some(2), Some(false)), (Some(1), Some(false))]);
    assert_ne!(log[0]["git"]["commit"], log[1]["git"]["commit"]);
    Ok(())
}

#[tokio::test]
async fn status_tells_what_changed_also_without_a_server() -> Result<()> {
    let mut desk = Desk::with_workspace().await?;
    let before = desk.json("shop", &["status"])?;
    assert_eq!((before["compared_with"].as_str(), before["server"]["reachable"].as_bool()), (Some("nothing"), Some(true)));
    desk.good("shop", &["deploy"])?;
    let clean = desk.json("shop", &["status"])?;
    assert_eq!((clean["compared_with"].as_str(), clean["changes"].as_array().map(Vec::len)), (Some("server"), Some(0)));

    fs::write(desk.path("shop/agents/analyzer/prompts/user.md"), "Please: {{request}}\n")?;
    fs::remove_file(desk.path("shop/agents/analyzer/README.md"))?;
    fs::write(desk.path("shop/agents/second.toml"), "name = \"second\"\nversion = \"1.0.0\"\nsystem_prompt = \"You wait.\"\n")?;
    let changes = desk.json("shop/agents", &["status"])?["changes"].clone();
    let expected = serde_json::json!([
        {"path": "agents/analyzer/README.md", "change": "removed"},
        {"path": "agents/analyzer/prompts/user.md", "change": "modified"},
        {"path": "agents/second.toml", "change": "added"},
    ]);
    assert_eq!(changes, expected);

    desk.server.take().context("a server")?.kill()?;
    let offline = desk.json("shop", &["status"])?;
    assert_eq!((offline["compared_with"].as_str(), offline["server"]["reachable"].as_bool()), (Some("last_deployment"), Some(false)));
    assert_eq!(offline["changes"], expected);
    Ok(())
}

#[tokio::test]
async fn an_answer_can_be_had_in_every_form_and_traced() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let question = "What is the mean of latitude?";
    let plain = desk.run("shop", &["ask", "analyzer", question, "--attach", FILE])?;
    ensure!(plain.code == 0 && plain.out.contains("17.955"), "{} {}", plain.out, plain.err);
    ensure!(plain.err.contains("caxton trace --conversation-id cnv_"), "{}", plain.err);
    let streamed = desk.good("shop", &["ask", "capability:data-analysis", question, "--attach", FILE, "--stream", "--quiet"])?;
    ensure!(streamed.contains("17.955"), "{streamed}");
    let piped = desk.run_with("shop", &["ask", "analyzer", "--attach", FILE, "--json"], question)?;
    let reply: serde_json::Value = serde_json::from_str(&piped.out)?;
    assert_eq!((reply["performative"].as_str(), reply["end"].as_str()), (Some("inform"), Some("completed")));
    let conversation = reply["conversation"].as_str().context("a conversation")?;

    let lines = desk.good("shop", &["trace", "--conversation-id", conversation, "--last", "5m"])?;
    for part in [
        "client=\"local\" message=\"request\" status=\"sent\"",
        "agent=\"analyzer\" message=\"request\" status=\"received\"",
        "agent=\"analyzer\" tool=\"csv-stats/stats\" status=\"ok\" duration=\"",
        "agent=\"analyzer\" memory=\"remember\" status=\"ok\"",
        "agent=\"analyzer\" turn=\"completed\"",
        "agent=\"analyzer\" message=\"inform\" status=\"sent\"",
    ] {
        ensure!(lines.contains(part), "{part} is not in\n{lines}");
    }
    let tree = desk.good("shop", &["trace", "--conversation-id", "last", "--tree"])?;
    ensure!(tree.starts_with(conversation) && tree.contains("csv-stats/stats") && tree.contains("zones.csv"), "{tree}");
    let events = desk.json("shop", &["trace", "--conversation-id", conversation])?;
    ensure!(events.as_array().is_some_and(|events| events.len() > 8), "{events}");
    Ok(())
}

#[tokio::test]
async fn messages_and_conversations_have_a_long_form() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let words = ["message", "send", "--to", "agent:analyzer", "--performative", "query-ref", "--content", "How many rows are there?"];
    let file = ["--attach", "agents/analyzer/tests/small.csv"];
    let out = desk.good("shop", &[&words[..], &file, &["--wait", "30s"]].concat())?;
    ensure!(out.starts_with("inform from agent:analyzer:") && out.contains('6'), "{out}");
    let key = ["--idempotency-key", "order-17"];
    let accepted = desk.json("shop", &[&words[..], &key].concat())?;
    let again = desk.json("shop", &[&words[..], &key].concat())?;
    assert_eq!((&accepted["message"], accepted["duplicate"].as_bool()), (&again["message"], Some(false)));
    assert_eq!(again["duplicate"].as_bool(), Some(true));
    let id = accepted["conversation"].as_str().context("a conversation")?;
    let listed = desk.good("shop", &["conversation", "list"])?;
    ensure!(listed.contains(id), "{listed}");
    let shown = desk.good("shop", &["conversation", "show", id])?;
    ensure!(shown.contains("client:local → agent:analyzer query_ref\n  How many rows are there?"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn agents_and_templates_are_listed_shown_and_checked() -> Result<()> {
    let desk = Desk::with_agent().await?;
    desk.good("shop", &["agent", "create", "order-desk", "--template", "task-automator", "--capability", "order-processing"])?;
    let valid = desk.good("shop", &["agent", "validate"])?;
    assert_eq!(valid, "✓ analyzer agents/analyzer/agent.toml\n✓ order-desk agents/order-desk/agent.toml\n");
    assert_eq!(desk.good("shop/agents", &["agent", "validate", "order-desk"])?, "✓ order-desk order-desk/agent.toml\n");
    desk.commit("shop")?;
    desk.good("shop", &["deploy"])?;
    let list = desk.good("shop", &["agent", "list"])?;
    ensure!(list.lines().count() == 3 && list.contains("order-processing"), "{list}");
    let inspected = desk.good("shop", &["agent", "inspect", "analyzer"])?;
    ensure!(inspected.contains("tool        csv-stats/describe") && inspected.contains("# Analyzer"), "{inspected}");
    let inspected = desk.good("shop", &["tool", "inspect", "csv-stats/describe"])?;
    ensure!(inspected.contains("1MiB of result") && inspected.contains("64 open, "), "{inspected}");
    let templates = desk.good("", &["template", "list"])?;
    insta::assert_snapshot!("templates", templates);
    Ok(())
}

#[tokio::test]
async fn the_configuration_is_shown_changed_and_checked() -> Result<()> {
    let desk = Desk::new().await?;
    assert_eq!(desk.good("", &["--set", "server.port=9001", "config", "get", "server.port"])?, "9001\n");
    let origin = desk.good("", &["--set", "server.port=9001", "config", "get", "server.port", "--origin"])?;
    ensure!(origin.contains("--set server.port"), "{origin}");
    let set = desk.good("", &["config", "set", "observability.logging.level=debug"])?;
    ensure!(set.contains("→ debug"), "{set}");
    let dry = desk.good("", &["server", "start", "--dry-run", "--port", "0", "--data-dir", "data-2"])?;
    ensure!(dry.contains("Nothing was started"), "{dry}");
    ensure!(!desk.path("data-2").exists(), "a dry run makes nothing");
    let health = desk.good("", &["health"])?;
    ensure!(health.starts_with("ok http://127.0.0.1:"), "{health}");
    Ok(())
}

#[tokio::test]
async fn the_questions_that_come_with_the_template_are_answered() -> Result<()> {
    let desk = Desk::with_agent().await?;
    let tests = desk.path("shop/agents/analyzer/tests");
    let questions = fs::read_to_string(tests.join("questions.csv"))?;
    ensure!(questions.lines().count() > 3, "{questions}");
    for line in questions.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [question, file, wanted] = cells[..] else { anyhow::bail!("`{line}` has not three cells") };
        let file = tests.join(file).display().to_string();
        let answer = desk.good("shop", &["ask", "analyzer", question, "--attach", &file])?;
        ensure!(answer.contains(wanted), "{question}: {answer}");
    }
    Ok(())
}

#[test]
fn without_a_name_in_git_the_first_commit_is_made_by_caxton() -> Result<()> {
    let desk = Desk::without_server()?;
    desk.good("", &["init", "shop"])?;
    let log = desk.command(std::path::Path::new("git"), "shop").args(["log", "--format=%an <%ae> %s"]).output()?;
    assert_eq!(String::from_utf8(log.stdout)?, "Caxton <caxton@localhost> Begin a Caxton workspace\n");
    Ok(())
}

//! What MCP servers ask people in the middle of a call: asked in the inbox, answered there, and handed to the server that waits.

mod direct;
mod theirs;

use crate::approvals::{answer_to, inbox, send};
use anyhow::{Context as _, Result, ensure};
use caxton_api::{ApprovalState, ApprovalView, CallTool, ElicitationView, MessageAccepted, RulingView, SendMessage, StepState};
use caxton_client::{ApprovalFilter, Client};
use caxton_mcp::client as mcp;
use caxton_testkit::{Caxton, Line, Script, ServerBuilder, agent, script, server};
use caxton_types::{ApprovalKind, Code, Fault as _, Performative, TurnEnd};
use serde_json::{Map, json};
use std::{env, path::PathBuf, process::Command, time::Duration};
use theirs::{Served, serve};
use tokio_util::task::TaskTracker;

const ERAS: [&str; 2] = ["2025-11-25", "2026-07-28"];

fn calls(tools: &[&str]) -> Script {
    script().line(Line::Calls(tools.iter().map(|tool| (format!("desk__{tool}"), json!({}))).collect())).says("done")
}

/// A server that knows theirs.
fn knowing(theirs: &Served, era: &str, model: &Script) -> ServerBuilder {
    let servers = json!([{"name": "desk", "url": theirs.at.url, "protocol": era}]);
    server().model(model).set(&format!("integrations.mcp.servers={servers}"))
}

/// It serves, is connected, and has a clerk.
async fn started(builder: ServerBuilder, lines: &str) -> Result<Caxton> {
    let caxton = builder.start().await?;
    while !caxton.client.tools().await?.iter().any(|tool| tool.id == "desk/order") {
        tokio::task::yield_now().await;
    }
    let (name, toml) = agent("clerk", &format!("tools = [\"desk\"]\n{lines}"));
    caxton.client.put_agent(&name.parse()?, &toml).await?;
    Ok(caxton)
}

async fn ask(client: &Client) -> Result<MessageAccepted> {
    send(client, SendMessage::request("clerk".parse()?, json!("Order it."))).await
}

async fn one(client: &Client) -> Result<ApprovalView> {
    Ok(inbox(client, 1).await?.remove(0))
}

/// What the model was told after its calls.
fn told(model: &Script) -> Result<String> {
    Ok(serde_json::to_string(&model.asked().get(1).context("a second question to the model")?.dialogue)?)
}

#[tokio::test]
async fn what_a_server_asks_and_nobody_answers_expires() -> Result<()> {
    for era in ERAS {
        let (theirs, model) = (serve().await?, calls(&["order"]));
        let caxton = started(knowing(&theirs, era, &model).set("runtime.approval_timeout=30ms"), "").await?;
        let asked = ask(&caxton.client).await?;
        let (performative, _) = answer_to(&caxton.client, asked.conversation, asked.message).await?;
        assert_eq!(performative, Performative::Inform, "the server was told that nobody answers, and the agent what it made of that");
        let late = caxton.client.approvals(&ApprovalFilter::default(), 10).await?.remove(0);
        assert_eq!((late.kind, late.decision.map(|decision| decision.ruling)), (ApprovalKind::Elicitation, Some(RulingView::Expired)));
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_server_asks_is_answered_in_the_inbox() -> Result<()> {
    for era in ERAS {
        let (theirs, model) = (serve().await?, calls(&["order"]));
        let caxton = started(knowing(&theirs, era, &model), "").await?;
        let asked = ask(&caxton.client).await?;
        let open = one(&caxton.client).await?;
        assert_eq!((open.kind, open.tool.as_deref()), (ApprovalKind::Elicitation, Some("desk/order")));
        let ElicitationView { server, message, form, url } = open.elicitation.clone().context("the question")?;
        assert_eq!((&*server, &*message, url), ("desk", "Which seats?", None));
        assert_eq!(form.context("a form")?["properties"]["seats"]["maximum"], 9);
        let step = caxton.client.turn(open.turn).await?.steps.into_iter().find(|step| step.step == open.step).context("the step")?;
        assert_eq!((step.state, step.attempts), (StepState::Waiting, 1));

        let unfit = caxton.client.answer(open.id, r#"{"row": "front", "seats": 20}"#.into(), None).await.unwrap_err();
        let text = unfit.to_string();
        assert!(
            unfit.code() == Code::Invalid && text.contains("is not what the server `desk` asks for: at `/seats`: 20 is greater"),
            "{text}"
        );
        let hint = "it wants `row` (one of \"front\", \"back\", may be left out), `seats` (a whole number from 1 to 9); for example: ";
        assert!(unfit.hint().context("a hint")?.starts_with(hint), "{:?}", unfit.hint());
        let approved = caxton.client.approve(open.id, None).await.unwrap_err();
        assert!(approved.code() == Code::Invalid && approved.to_string().contains("answer it with what its fields want"), "{approved}");
        assert_eq!(one(&caxton.client).await?.state, ApprovalState::Open, "nothing was decided");

        let answered = caxton.client.answer(open.id, r#"{"seats": 2,   "row": "back"}"#.into(), None).await?;
        assert_eq!(answered.decision.and_then(|decision| decision.answer).as_deref(), Some(r#"{"row":"back","seats":2}"#));
        let page = one(&caxton.client).await?;
        assert_ne!(page.id, open.id);
        assert_eq!(page.elicitation.context("a page")?.url.as_deref(), Some("https://example.org/pay"));
        let words = caxton.client.answer(page.id, "paid".into(), None).await.unwrap_err();
        assert!(words.to_string().contains("approve it when you have visited that"), "{words}");
        caxton.client.approve(page.id, None).await?;
        assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?, (Performative::Inform, json!("done")));
        let told = told(&model)?;
        assert!(told.contains(r#"\"seats\":2"#) && told.matches(r#"\"action\":\"accept\""#).count() == 2, "{told}");
        let again = caxton.client.answer(open.id, r#"{"seats": 3}"#.into(), None).await.unwrap_err();
        assert_eq!(again.code(), Code::Conflict);
        let replayed = caxton.client.replay_turn(open.turn).await?;
        assert!(replayed.equal && replayed.end == Some(TurnEnd::Completed), "{replayed:?}");
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_person_may_think_longer_than_the_turn_may_take_and_then_decline() -> Result<()> {
    for era in ERAS {
        let (theirs, model) = (serve().await?, calls(&["ticket"]));
        let caxton = started(knowing(&theirs, era, &model), "[limits]\nwall_time = \"1s\"").await?;
        let asked = ask(&caxton.client).await?;
        let open = one(&caxton.client).await?;
        let ended = caxton.until(asked.conversation, "turn_ended");
        assert!(tokio::time::timeout(Duration::from_millis(1500), ended).await.is_err(), "its time stands still");
        caxton.client.deny(open.id, Some("none of your business".into())).await?;
        assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("done"));
        let told = told(&model)?;
        assert!(told.contains(r#"\"action\":\"decline\""#), "{told}");
        let turn = caxton.client.turn(open.turn).await?;
        assert!(turn.wall_us.is_some_and(|wall| wall < 1_000_000), "{:?}", turn.wall_us);
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn other_calls_go_on_while_one_of_them_asks() -> Result<()> {
    let (theirs, model) = (serve().await?, calls(&["ticket", "count", "ticket"]));
    let caxton = started(knowing(&theirs, ERAS[0], &model), "[limits]\nconcurrent_tools = 1").await?;
    let asked = ask(&caxton.client).await?;
    let open = inbox(&caxton.client, 2).await?;
    let running = |turn: &caxton_api::TurnDetail| turn.steps.iter().filter(|step| step.state != StepState::Done).count();
    while running(&caxton.client.turn(open[0].turn).await?) > 2 {
        tokio::task::yield_now().await;
    }
    caxton.client.answer(open[1].id, "Bob".into(), None).await?;
    caxton.client.answer(open[0].id, "Ada".into(), None).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("done"));
    let told = told(&model)?;
    assert!(["Ada", "Bob", "count []"].iter().all(|text| told.contains(text)), "{told}");
    caxton.stop().await
}

#[tokio::test]
async fn a_turn_that_is_called_off_asks_no_longer() -> Result<()> {
    let (theirs, model) = (serve().await?, calls(&["ticket"]));
    let caxton = started(knowing(&theirs, ERAS[0], &model), "").await?;
    let asked = ask(&caxton.client).await?;
    let open = one(&caxton.client).await?;
    caxton.client.cancel_turn(open.turn, None).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.0, Performative::Failure);
    theirs.called_off.notified().await;
    assert_eq!(caxton.client.approval(open.id).await?.state, ApprovalState::Withdrawn);
    let late = caxton.client.answer(open.id, "Ada".into(), None).await.unwrap_err();
    assert_eq!(late.code(), Code::Conflict);
    caxton.stop().await
}

#[tokio::test]
async fn after_a_stop_a_call_that_may_be_repeated_asks_anew_and_the_other_is_unknown() -> Result<()> {
    for era in ERAS {
        let (theirs, model, dir) = (serve().await?, calls(&["look", "ticket"]), tempfile::tempdir()?);
        let first = started(knowing(&theirs, era, &model).data_dir(dir.path()), "").await?;
        let asked = ask(&first.client).await?;
        let before = inbox(&first.client, 2).await?;
        first.stop().await?;

        let again = knowing(&theirs, era, &model).data_dir(dir.path()).start().await?;
        let anew = loop {
            let open = one(&again.client).await?;
            if before.iter().all(|known| known.id != open.id) {
                break open;
            }
        };
        assert_eq!(anew.tool.as_deref(), Some("desk/look"));
        for known in &before {
            assert_eq!(again.client.approval(known.id).await?.state, ApprovalState::Withdrawn);
        }
        again.client.answer(anew.id, r#"{"name": "Ada"}"#.into(), None).await?;
        assert_eq!(answer_to(&again.client, asked.conversation, asked.message).await?.1, json!("done"));
        let told = told(&model)?;
        assert!(told.contains("Ada") && told.contains("it may or may not have happened"), "{told}");
        again.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn nobody_is_asked_in_a_call_outside_of_a_turn() -> Result<()> {
    for era in ERAS {
        let theirs = serve().await?;
        let caxton = started(knowing(&theirs, era, &script()), "").await?;
        let called = caxton.client.call_tool("desk/ticket", &CallTool { arguments: Map::new(), attachments: vec![], approve: false }).await;
        let text = format!("{called:?}");
        assert!(text.contains("decline") || text.contains("elicit"), "{text}");
        assert!(inbox(&caxton.client, 0).await?.is_empty());
        caxton.stop().await?;
    }
    Ok(())
}

/// Whoever sits at an MCP client of ours.
struct Person;

#[async_trait::async_trait]
impl mcp::Asker for Person {
    async fn ask(&self, question: mcp::Question) -> mcp::Reply {
        match question.message.as_str() {
            "The MCP server desk asks:\nWhich seats?" => mcp::Reply::Accept(json!({"seats": 2})),
            "The MCP server desk asks:\nPay for it.\nApprove when you have visited https://example.org/pay" => {
                mcp::Reply::Accept(json!({"approve": true}))
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn whoever_sits_at_an_mcp_client_answers_there() -> Result<()> {
    for (theirs_era, era) in [(ERAS[0], mcp::Era::Stateless), (ERAS[1], mcp::Era::Sessions)] {
        let (theirs, model) = (serve().await?, calls(&["order"]));
        let caxton = started(knowing(&theirs, theirs_era, &model), "").await?;
        let place = mcp::Place::Url(mcp::Url { url: format!("{}/mcp/default", caxton.url).into(), headers: vec![], bearer: None });
        let client = mcp::Client::connect(&mcp::Options { era, ..mcp::Options::new("ours", place) }, &TaskTracker::new()).await?;
        let arguments = json!({"message": "Order it."});
        let call =
            mcp::Call { tool: "ask_clerk", arguments: &arguments, meta: &[], time_max: Duration::from_mins(1), asker: Some(&Person) };
        let answer = client.call(&call).await?;
        assert!(!answer.is_error && format!("{:?}", answer.content).contains("done"), "{answer:?}");
        assert!(told(&model)?.contains(r#"\"seats\":2"#));
        let decided = caxton.client.approvals(&ApprovalFilter::default(), 10).await?;
        let why = |view: &ApprovalView| view.decision.as_ref().and_then(|decision| decision.reason.clone());
        assert!(decided.len() == 2 && decided.iter().all(|view| why(view).as_deref() == Some("decided at the MCP client")), "{decided:?}");
        client.close().await;
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_command_line_shows_what_is_asked_and_how_to_answer() -> Result<()> {
    let (theirs, model) = (serve().await?, calls(&["ticket"]));
    let caxton = started(knowing(&theirs, ERAS[1], &model), "").await?;
    let asked = ask(&caxton.client).await?;
    let open = one(&caxton.client).await?;
    let run = async |args: &[&str]| -> Result<String> {
        let mut command = Command::new(crate::binary::caxton());
        command.args(args).args(["--server", &caxton.url]).env("NO_COLOR", "1");
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?)
    };
    let id = open.id.to_string();
    let listed = run(&["approvals", "list"]).await?;
    assert!(listed.contains("desk asks: \"For whom?\""), "{listed}");
    let shown = run(&["approvals", "show", &id]).await?;
    let parts = ["clerk passes on what a server asks in the middle of desk/ticket", "For whom?", "field `name` (text): A name"];
    assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
    assert!(shown.contains(&format!("next: caxton approvals answer {id} '…' | caxton approvals deny {id}")), "{shown}");
    let conversation = asked.conversation.to_string();
    let tree = run(&["trace", "--tree", "--conversation-id", &conversation]).await?;
    assert!(tree.contains("waits for an answer to the server desk until 2"), "{tree}");
    let lines = run(&["trace", "--lines", "--conversation-id", &conversation]).await?;
    assert!(lines.contains(r#"status="waiting" for="answer""#) && lines.contains(r#"server="desk" question="For whom?""#), "{lines}");
    let answered = run(&["approvals", "answer", &id, "Ada"]).await?;
    assert!(answered.contains("answered desk asks: \"For whom?\""), "{answered}");
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("done"));
    assert_eq!(caxton.client.approval(open.id).await?.decision.context("a decision")?.ruling, RulingView::Answered);
    caxton.stop().await
}

/// The reference server, as a program; nothing where the tests run without it, which no CI does.
#[tokio::test]
async fn the_reference_server_gets_what_it_asks_for() -> Result<()> {
    let Some(dir) = env::var_os("CAXTON_MCP_SERVERS") else {
        ensure!(env::var_os("CI").is_none(), "CAXTON_MCP_SERVERS must be set: run `cargo xtask test`");
        return Ok(());
    };
    let program = PathBuf::from(dir).join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    let servers = json!([{"name": "everything", "command": "node", "args": [program, "stdio"]}]);
    let model = script().calls("everything__trigger-elicitation-request", json!({})).says("done");
    let caxton = server().model(&model).set(&format!("integrations.mcp.servers={servers}")).start().await?;
    while !caxton.client.tools().await?.iter().any(|tool| tool.id == "everything/echo") {
        tokio::task::yield_now().await;
    }
    let (name, toml) = agent("clerk", "tools = [\"everything\"]");
    caxton.client.put_agent(&name.parse()?, &toml).await?;
    let asked = ask(&caxton.client).await?;
    let open = one(&caxton.client).await?;
    let unfit = caxton.client.answer(open.id, r#"{"name": "Ada", "email": "nowhere"}"#.into(), None).await.unwrap_err();
    assert!(unfit.to_string().contains("\"nowhere\" is not a \"email\""), "{unfit}");
    caxton.client.answer(open.id, r#"{"name": "Ada"}"#.into(), None).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("done"));
    let told = told(&model)?;
    assert!(told.contains("Ada") && told.contains("It was a dark and stormy night."), "{told}");
    caxton.stop().await
}

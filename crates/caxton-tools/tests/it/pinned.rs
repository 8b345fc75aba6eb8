//! A turn goes on with the code that it began with.

use crate::{
    guest::{ECHO, Guest, tool, tool_with},
    support::Bench,
};
use caxton_tools::{Archived, Error, Grant, Limits, Options};
use caxton_types::{Code, Digest, Fault as _, ToolDefinition, WorkspaceName};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn grant() -> Grant {
    let mib = caxton_types::unit::ByteSize::mib(1);
    let limits = Limits { memory: mib, wall: Duration::from_secs(10), cpu: Duration::from_secs(10), output: mib, ..Limits::default() };
    Grant { limits, attachments: false, permissions: Arc::default(), reuse: None }
}

/// A component whose tool `say` answers `word`.
fn says(word: &str) -> Vec<u8> {
    let answer = json!({"content": [{"type": "text", "text": word}]}).to_string();
    let fields = format!("(data (i32.const 2048) \"{}\")", answer.replace('"', "\\22"));
    let body =
        format!("(i32.store (i32.const 3076) (i32.const 2048)) (i32.store (i32.const 3080) (i32.const {})) (i32.const 3072)", answer.len());
    tool_with(&Guest { body: &body, fields: &fields, name: "say", ..Guest::default() })
}

async fn deploy(bench: &Bench, wasm: Option<Vec<u8>>) -> Vec<ToolDefinition> {
    let mut servers = Vec::new();
    if let Some(wasm) = wasm {
        servers.push(bench.tools.load("voice", wasm, grant()).await.unwrap());
    }
    bench.tools.install(&WorkspaceName::default(), servers);
    bench.tools.available(&WorkspaceName::default())
}

async fn said(bench: &Bench, allowed: &[ToolDefinition]) -> Result<String, Error> {
    let called = bench.call_as(allowed, "voice__say", json!({}), &[], Duration::from_secs(10)).await;
    called.map(|called| called.result.text)
}

fn digest(definitions: &[ToolDefinition]) -> Digest {
    definitions.iter().find(|tool| tool.id.server() == "voice").and_then(|tool| tool.digest).unwrap()
}

#[tokio::test]
async fn a_call_reaches_the_code_that_its_turn_began_with() {
    let bench = Bench::new(Options::default());
    let first = deploy(&bench, Some(says("one"))).await;
    let second = deploy(&bench, Some(says("two"))).await;
    assert_eq!((digest(&first), digest(&second)), (Digest::of(&says("one")), Digest::of(&says("two"))));
    for _ in 0..2 {
        assert_eq!((said(&bench, &first).await.unwrap(), said(&bench, &second).await.unwrap()), ("one".into(), "two".into()));
    }
    deploy(&bench, None).await;
    assert_eq!((said(&bench, &first).await.unwrap(), said(&bench, &second).await.unwrap()), ("one".into(), "two".into()));
    let now = deploy(&bench, Some(says("one"))).await;
    assert_eq!((said(&bench, &now).await.unwrap(), said(&bench, &second).await.unwrap()), ("one".into(), "two".into()));
}

#[tokio::test]
async fn code_that_is_not_at_hand_comes_from_the_archive_once() {
    let bench = Bench::new(Options::default());
    let first = deploy(&bench, Some(says("one"))).await;
    // As after a restart: another process knows what is deployed now, and the archive.
    let restarted = Bench::new(Options::default());
    deploy(&restarted, Some(says("two"))).await;
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    restarted.tools.set_archive(Box::new(move |workspace, server, digest| {
        counted.fetch_add(1, Ordering::Relaxed);
        let wanted = workspace == WorkspaceName::default() && &*server == "voice" && digest == Digest::of(&says("one"));
        Box::pin(async move { Ok(wanted.then(|| Archived { binary: says("one").into(), grant: grant() })) })
    }));
    let (one, other) = tokio::join!(said(&restarted, &first), said(&restarted, &first));
    assert_eq!((one.unwrap(), other.unwrap(), reads.load(Ordering::Relaxed)), ("one".into(), "one".into(), 1));
}

#[tokio::test]
async fn code_that_is_gone_is_said_to_be_gone() {
    let bench = Bench::new(Options::default());
    let first = deploy(&bench, Some(says("one"))).await;
    let restarted = Bench::new(Options::default());
    for archive in [false, true] {
        if archive {
            restarted.tools.set_archive(Box::new(|_, _, _| Box::pin(async { Ok(None) })));
        }
        let error = said(&restarted, &first).await.unwrap_err();
        assert!(matches!(&error, Error::CodeGone { digest, .. } if *digest == Digest::of(&says("one"))), "{error}");
        assert_eq!(error.code(), Code::NotFound);
    }
    let broken = Bench::new(Options::default());
    broken.tools.set_archive(Box::new(|_, _, _| Box::pin(async { Err("the disk is gone".into()) })));
    assert!(matches!(said(&broken, &first).await.unwrap_err(), Error::Archive { .. }));
}

#[tokio::test]
async fn a_server_that_was_recorded_without_its_code_is_the_present_one() {
    let bench = Bench::new(Options::default());
    let mut old = deploy(&bench, Some(says("one"))).await;
    for tool in &mut old {
        tool.digest = None;
    }
    deploy(&bench, Some(says("two"))).await;
    assert_eq!(said(&bench, &old).await.unwrap(), "two");
    deploy(&bench, None).await;
    assert!(said(&bench, &old).await.unwrap_err().to_string().contains("not deployed any more"));
}

#[tokio::test]
async fn no_workspace_brings_a_server_of_a_built_in_name() {
    let bench = Bench::new(Options::default());
    for name in ["http_client", "human", "agents", "time"] {
        let error = bench.tools.load(name, tool(ECHO), grant()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            (Code::Invalid, format!("a tool server cannot be named `{name}`: that one is built in"))
        );
    }
}

//! Calls of guests that behave, and of guests that do not.

use std::time::{Duration, Instant};

use caxton_sandbox::{Attachment, Caller, Error, Limits};
use caxton_types::{Code, Fault, error::ResourceError, unit::ByteSize};

use crate::{
    guest::{Guest, tool, tool_with},
    support::{call_limited, csv_stats, echo, load, sandbox},
};

const LOOP: &str = "(loop (br 0)) (unreachable)";

#[tokio::test]
async fn a_call_gets_an_answer_and_tells_what_it_used() {
    let component = load(tool(crate::guest::ECHO)).await;
    let outcome = component.call(echo(r#"{"a":1}"#)).await.unwrap();
    assert_eq!(outcome.result_json, r#"{"a":1}"#);
    assert_eq!(outcome.usage.memory_peak, ByteSize::new(2 * 65536));
    assert_eq!((outcome.usage.result, outcome.usage.metering().result), (ByteSize::new(7), Some(7)));
    assert!(outcome.usage.cpu <= outcome.usage.wall);
}

#[tokio::test]
async fn nothing_is_left_for_the_next_call() {
    // Counts in its memory and answers with as many bytes as it has counted.
    let count = "(i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
        (i32.store (i32.const 3076) (i32.const 1100)) (i32.store (i32.const 3080) (i32.load (i32.const 512))) (i32.const 3072)";
    let component = load(tool(count)).await;
    for _ in 0..20 {
        assert_eq!(component.call(echo("{}")).await.unwrap().result_json, "e");
    }
}

#[tokio::test]
async fn a_guest_finds_the_key_of_its_call_and_nothing_else_in_its_environment() {
    let import = (
        "package wasi:cli@0.2.6 { interface environment { get-environment: func() -> list<tuple<string, string>>; } }",
        "wasi:cli/environment@0.2.6",
    );
    let fields = r#"(import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))"#;
    // Answers with the value of the only variable, or with its arguments where there is no variable, or traps.
    let body = "(call $environment (i32.const 2048))
        (if (i32.gt_u (i32.load (i32.const 2052)) (i32.const 1)) (then (unreachable)))
        (if (result i32) (i32.eqz (i32.load (i32.const 2052)))
            (then (i32.store (i32.const 3076) (local.get $args)) (i32.store (i32.const 3080) (local.get $args_len)) (i32.const 3072))
            (else
                (i32.store (i32.const 3076) (i32.load offset=8 (i32.load (i32.const 2048))))
                (i32.store (i32.const 3080) (i32.load offset=12 (i32.load (i32.const 2048))))
                (i32.const 3072)))";
    let component = load(tool_with(&Guest { import: Some(import), fields, body, ..Guest::default() })).await;
    let keyed = caxton_sandbox::Call { idempotency_key: Some("trn_1/2".into()), ..echo("{}") };
    assert_eq!(component.call(keyed).await.unwrap().result_json, "trn_1/2");
    assert_eq!(component.call(echo("{}")).await.unwrap().result_json, "{}");
}

#[tokio::test]
async fn a_crash_ends_its_own_call_only() {
    let component = load(tool("(unreachable)")).await;
    let error = component.call(echo("{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "the tool crashed: wasm trap: wasm `unreachable` instruction executed");
    assert_eq!(error.code(), Code::Internal);
    let deep =
        load(tool_with(&Guest { fields: "(func $deep (call $deep))", body: "(call $deep) (unreachable)", ..Guest::default() })).await;
    assert_eq!(deep.call(echo("{}")).await.unwrap_err().to_string(), "the tool crashed: wasm trap: call stack exhausted");
    assert!(load(tool(crate::guest::ECHO)).await.call(echo("{}")).await.is_ok());
}

#[tokio::test]
async fn an_endless_loop_ends_at_its_limit() {
    let component = load(tool(LOOP)).await;
    let limit = Duration::from_millis(50);
    let error = call_limited(&component, |limits| limits.wall = limit).await.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::TimeLimitExceeded { limit: told }) if told == limit), "{error}");
    assert_eq!(error.code(), Code::Deadline);
    assert!(error.hint().unwrap().contains("`timeout`"));
    let limit = Duration::from_millis(20);
    let error = call_limited(&component, |limits| limits.cpu = limit).await.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::CpuLimitExceeded { limit: told }) if told == limit), "{error}");
    assert!(error.hint().unwrap().contains("`cpu`"));
    // A deadline is nobody's limit; what was used until then is known.
    let ended = component.perform(caxton_sandbox::Call { deadline: Some(Instant::now() + limit), ..echo("{}") }).await;
    assert!(matches!(ended.result, Err(Error::OutOfTime)), "{:?}", ended.result);
    assert!(ended.usage.cpu > Duration::ZERO && ended.usage.memory_peak > ByteSize::new(0), "{:?}", ended.usage);
}

#[tokio::test]
async fn a_call_without_time_does_not_begin_however_quick_the_guest_is() {
    let component = load(tool(crate::guest::ECHO)).await;
    for _ in 0..200 {
        let error = call_limited(&component, |limits| limits.wall = Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, Error::Limit(ResourceError::TimeLimitExceeded { .. })), "{error}");
    }
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let component = load(tool(bomb)).await;
    let error = call_limited(&component, |limits| limits.memory = ByteSize::mib(8)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the memory limit of {} is exceeded", ByteSize::mib(8)));
    // No call has more than the sandbox grants to any.
    let (small, _folder) = sandbox(|options| options.memory_max = ByteSize::mib(4));
    let component = small.load("bomb", tool(bomb)).await.unwrap();
    let error = call_limited(&component, |limits| limits.memory = ByteSize::mib(8)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the memory limit of {} is exceeded", ByteSize::mib(4)));
    // Already what it begins with may be too much.
    let error = call_limited(&load(tool(crate::guest::ECHO)).await, |limits| limits.memory = ByteSize::new(65536)).await.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::MemoryLimitExceeded { .. })), "{error}");
}

#[tokio::test]
async fn tables_end_at_their_limit() {
    let fields = "(table $table 1 funcref)";
    let grow = "(loop (br_if 0 (i32.ne (table.grow $table (ref.null func) (i32.const 5000)) (i32.const -1))))";
    let bomb = || tool_with(&Guest { fields, body: &format!("{grow} (unreachable)"), ..Guest::default() });
    let error = load(bomb()).await.call(echo("{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 100000 table entries were wanted");
    assert_eq!(error.code(), Code::Exhausted);
    let (small, _folder) = sandbox(|options| options.table_entries_max = 24_000);
    let error = small.load("bomb", bomb()).await.unwrap().call(echo("{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 24000 table entries were wanted");
    // It may live with that.
    let tries = tool_with(&Guest { fields, body: &format!("{grow} {}", crate::guest::ECHO), ..Guest::default() });
    assert_eq!(load(tries).await.call(echo("{}")).await.unwrap().result_json, "{}");
}

#[tokio::test]
async fn how_deep_calls_go_is_the_operators_to_say() {
    let fields = "(func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))";
    let body = format!("(call $deep (i32.const 50000)) {}", crate::guest::ECHO);
    let deep = || tool_with(&Guest { fields, body: &body, ..Guest::default() });
    let error = load(deep()).await.call(echo("{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "the tool crashed: wasm trap: call stack exhausted");
    let (roomy, _folder) = sandbox(|options| options.stack = ByteSize::mib(8));
    assert_eq!(roomy.load("deep", deep()).await.unwrap().call(echo("{}")).await.unwrap().result_json, "{}");
}

#[tokio::test]
async fn a_guest_may_live_with_the_memory_it_is_refused() {
    let tries = format!("(drop (memory.grow (i32.const 60000))) {}", crate::guest::ECHO);
    let component = load(tool(&tries)).await;
    assert_eq!(component.call(echo("{}")).await.unwrap().result_json, "{}");
}

#[tokio::test]
async fn a_result_ends_at_its_limit() {
    // Also beyond what a call of the host may take, which it is not.
    for len in [1 << 20, 3 << 20, 6 << 20] {
        let body = format!("(i32.store (i32.const 3076) (i32.const 0)) (i32.store (i32.const 3080) (i32.const {len})) (i32.const 3072)");
        let component = load(tool_with(&Guest { body: &body, pages: 128, ..Guest::default() })).await;
        let error = call_limited(&component, |limits| limits.output = ByteSize::new((1 << 20) - 1)).await.unwrap_err();
        assert!(matches!(error, Error::Limit(ResourceError::OutputLimitExceeded { .. })), "{error}");
    }
    // Nor does a small bound of calls of the host take anything from it.
    let component = load(tool_with(&Guest { pages: 64, ..Guest::default() })).await;
    let arguments = format!("\"{}\"", "a".repeat(512 << 10));
    let limits = Limits { host_call: ByteSize::new(64 << 10), ..Limits::default() };
    let call = caxton_sandbox::Call { limits, ..echo(&arguments) };
    assert_eq!(component.call(call).await.unwrap().usage.result, ByteSize::new(arguments.len() as u64));
}

#[tokio::test]
async fn a_guests_own_errors_keep_their_kind() {
    for (kind, code) in [(0, Code::NotFound), (1, Code::Invalid), (2, Code::Internal)] {
        let body = format!(
            "(i32.store8 (i32.const 3072) (i32.const 1)) (i32.store8 (i32.const 3076) (i32.const {kind}))
            (i32.store (i32.const 3080) (i32.const 1100)) (i32.store (i32.const 3084) (i32.const 4)) (i32.const 3072)"
        );
        let error = load(tool(&body)).await.call(echo("{}")).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, "echo"));
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_named_with_the_nearest() {
    let component = load(csv_stats()).await;
    let error = component.call(caxton_sandbox::Call::new("stat", "{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "component `guest` has no tool `stat`; did you mean `stats`?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_pool_queues() {
    let (sandbox, _folder) = sandbox(|options| options.slots = 1);
    let component = sandbox.load("echo", tool(crate::guest::ECHO)).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let component = component.clone();
        calls
            .spawn(async move { component.call(echo(&number.to_string())).await.map(|outcome| outcome.result_json == number.to_string()) });
    }
    let all = calls.join_all().await;
    assert!(all.len() == 200 && all.iter().all(|answered| matches!(answered, Ok(true))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_leaves_slots_for_others_and_so_do_calls_without_one() {
    let by = |agent: &str| {
        let agent = Some(agent).filter(|agent| !agent.is_empty()).map(|agent| agent.parse().unwrap());
        let caller = Caller { workspace: "shop".parse().unwrap(), agent };
        caxton_sandbox::Call { caller: Some(caller), ..echo("{}") }
    };
    for (greedy, share, leaves) in [("greedy", None, true), ("", None, true), ("greedy", Some(4), false)] {
        let (sandbox, _folder) = sandbox(|options| (options.agent_slots_max, options.wait_max) = (share, Duration::from_millis(50)));
        let (endless, quick) =
            (sandbox.load("endless", tool(LOOP)).await.unwrap(), sandbox.load("echo", tool(crate::guest::ECHO)).await.unwrap());
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (endless, call) = (endless.clone(), by(greedy));
            calls.spawn(async move { endless.call(call).await.unwrap_err() });
        }
        // Those that do not get a slot are refused after a while, the others never end.
        let (held, refused) = if leaves { (2, 10) } else { (4, 8) };
        for _ in 0..refused {
            let error = calls.join_next().await.unwrap().unwrap();
            assert_eq!((matches!(error, Error::ShareTaken { slots: 2, .. }), error.code()), (leaves, Code::Exhausted), "{error}");
        }
        assert_eq!(calls.len(), held);
        assert_eq!(quick.call(by("modest")).await.is_ok(), leaves);
        assert_eq!(quick.call(echo("{}")).await.is_ok(), leaves);
    }
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let (sandbox, _folder) = sandbox(|options| (options.slots, options.waiting_max) = (1, 0));
    let (endless, quick) =
        (sandbox.load("endless", tool(LOOP)).await.unwrap(), sandbox.load("echo", tool(crate::guest::ECHO)).await.unwrap());
    let error = tokio::select! {
        biased;
        _ = endless.call(echo("{}")) => panic!("it never ends"),
        refused = quick.call(echo("{}")) => refused.unwrap_err(),
    };
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Exhausted, "all 1 slots are taken and 0 calls wait"));
}

#[tokio::test]
async fn dropping_a_call_frees_its_slot() {
    let (sandbox, folder) = sandbox(|options| options.slots = 1);
    let (endless, quick) =
        (sandbox.load("endless", tool(LOOP)).await.unwrap(), sandbox.load("echo", tool(crate::guest::ECHO)).await.unwrap());
    for reads in [false, true] {
        let mut call = echo("{}");
        call.attachments.extend(reads.then(|| Attachment::bytes("a.csv", "a\n")));
        // The second call waits in the queue until the first is gone: its slot, its thread, its folder.
        let mut first = Box::pin(endless.call(call));
        let waiting = quick.call(echo("{}"));
        tokio::select! {
            biased;
            _ = &mut first => panic!("it never ends"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        assert_eq!(waiting.await.unwrap().result_json, "{}");
        assert_eq!(std::fs::read_dir(folder.path().join("scratch")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn attachments_are_there_for_their_call_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blob");
    std::fs::write(&file, "n\n1\n2\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file, folder.path().join("linked")).unwrap();
    let component = load(csv_stats()).await;
    let ask = |name: &str, attachments: Vec<Attachment>| {
        let mut call = caxton_sandbox::Call::new("stats", format!(r#"{{"file":"{name}","operation":"count"}}"#));
        call.attachments = attachments;
        component.call(call)
    };
    let given = || {
        vec![
            Attachment::file("a.csv", &file),
            Attachment::bytes("b.csv", "n\n1\n"),
            Attachment::file("c.csv", folder.path().join("linked")),
        ]
    };
    for (name, rows) in [("a.csv", "2"), ("b.csv", "1"), ("c.csv", "2")] {
        let answer = ask(name, given()).await.unwrap().result_json;
        assert!(answer.contains(&format!("\"value\":{rows}")), "{answer}");
    }
    assert_eq!(ask("a.csv", Vec::new()).await.unwrap_err().to_string(), "no attachment is named `a.csv`");
    for name in ["../a.csv", "/etc/passwd", "..", ""] {
        let error = ask("a.csv", vec![Attachment::file(name, &file)]).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{name}");
        assert_eq!(ask(name, given()).await.unwrap_err().code(), Code::Invalid, "{name}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "n\n1\n2\n");
}

//! Instances that serve more than one call, and code that is put away while nobody calls.

use std::time::Duration;

use caxton_sandbox::{Attachment, Call, Component, Error, Limits, Options, Reuse};
use caxton_types::unit::ByteSize;

use crate::{
    guest::tool,
    support::{csv_stats, echo, sandbox},
};

/// Counts in its memory and answers with as many bytes of the tool's name as it has counted.
const COUNT: &str = "(i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
    (i32.store (i32.const 3076) (i32.const 1100)) (i32.store (i32.const 3080) (i32.load (i32.const 512))) (i32.const 3072)";

fn again(arguments: &str) -> Call {
    Call { reuse: Some(Reuse::default()), ..echo(arguments) }
}

async fn counted(component: &Component, call: Call) -> usize {
    component.call(call).await.unwrap().result_json.len()
}

#[tokio::test]
async fn an_instance_serves_the_next_call_where_both_allow_it() {
    let (sandbox, _folder) = sandbox(|_| {});
    let component = sandbox.load("count", tool(COUNT)).await.unwrap();
    assert_eq!([counted(&component, again("{}")).await, counted(&component, again("{}")).await], [1, 2]);
    // One that does not allow it has an instance of its own, and so has one with files or with other limits.
    assert_eq!(counted(&component, echo("{}")).await, 1);
    assert_eq!(counted(&component, Call { attachments: vec![Attachment::bytes("a", "")], ..again("{}") }).await, 1);
    let limits = Limits { memory: ByteSize::mib(3), ..Limits::default() };
    assert_eq!(counted(&component, Call { limits, ..again("{}") }).await, 1);
    // Less time is no other limit.
    let limits = Limits { wall: Duration::from_secs(7), ..Limits::default() };
    assert_eq!(counted(&component, Call { limits, ..again("{}") }).await, 3);
    // Loaded again: for another workspace, or with other grants.
    let other = sandbox.load("count", tool(COUNT)).await.unwrap();
    assert_eq!(counted(&other, again("{}")).await, 1);
    assert_eq!(sandbox.pool().waiting_instances, 3);
    drop((component, other));
    assert_eq!(sandbox.pool().waiting_instances, 0);
}

#[tokio::test]
async fn each_call_counts_what_it_uses_itself() {
    let (sandbox, _folder) = sandbox(|_| {});
    let grow = format!("(drop (memory.grow (i32.const 1))) {}", crate::guest::ECHO);
    let component = sandbox.load("grow", tool(&grow)).await.unwrap();
    for pages in 3..6_u64 {
        let usage = component.call(again("{}")).await.unwrap().usage;
        assert_eq!(usage.memory_peak, ByteSize::new(pages << 16), "what it keeps stays counted");
        assert!(usage.cpu <= usage.wall);
    }
}

#[tokio::test]
async fn an_instance_that_went_wrong_serves_nobody() {
    let (sandbox, _folder) = sandbox(|_| {});
    // Traps, never ends, asks for too much memory or fails, where the arguments are as long as that.
    let body = format!(
        "(if (i32.eq (local.get $args_len) (i32.const 3)) (then (unreachable)))
        (if (i32.eq (local.get $args_len) (i32.const 4)) (then (loop (br 0))))
        (if (i32.eq (local.get $args_len) (i32.const 5)) (then (drop (memory.grow (i32.const 60000)))))
        (if (i32.eq (local.get $args_len) (i32.const 6)) (then
            (i32.store8 (i32.const 3072) (i32.const 1)) (i32.store8 (i32.const 3076) (i32.const 2))
            (i32.store (i32.const 3080) (i32.const 1100)) (i32.store (i32.const 3084) (i32.const 4)) (return (i32.const 3072))))
        {COUNT}"
    );
    let component = sandbox.load("count", tool(&body)).await.unwrap();
    for arguments in ["{ }", "{  }", "{   }", "{    }"] {
        assert_eq!([counted(&component, again("{}")).await, counted(&component, again("{}")).await], [1, 2]);
        let mut call = again(arguments);
        call.limits.wall = Duration::from_millis(30);
        assert_eq!(component.call(call).await.is_ok(), arguments == "{   }");
        assert_eq!(sandbox.pool().waiting_instances, 0, "after {arguments:?}");
    }
}

#[tokio::test]
async fn instances_have_an_end() {
    let (sandbox, _folder) = sandbox(|options| options.waiting_instances_max = 1);
    let component = sandbox.load("count", tool(COUNT)).await.unwrap();
    let twice = Reuse { calls: 2, ..Reuse::default() };
    let mut counts = Vec::new();
    for _ in 0..5 {
        counts.push(counted(&component, Call { reuse: Some(twice), ..echo("{}") }).await);
    }
    assert_eq!(counts, [1, 2, 1, 2, 1]);
    // There is room for one of all components.
    let other = sandbox.load("count", tool(COUNT)).await.unwrap();
    assert_eq!([counted(&other, again("{}")).await, counted(&other, again("{}")).await], [1, 1]);
    // One that waits too long is thrown away.
    assert_eq!(sandbox.put_away().instances, 0);
    let brief = Reuse { idle: Duration::ZERO, ..Reuse::default() };
    assert_eq!(counted(&component, Call { reuse: Some(brief), ..echo("{}") }).await, 2);
    assert_eq!((sandbox.put_away().instances, sandbox.pool().waiting_instances), (1, 0));
}

#[tokio::test]
async fn the_instances_of_a_pool_stay_until_another_component_comes_in_its_place() {
    let (sandbox, _folder) = sandbox(|_| {});
    let component = sandbox.load("count", tool(COUNT)).await.unwrap();
    let reuse = Reuse { kept: 2, idle: Duration::ZERO, ..Reuse::default() };
    assert_eq!(component.start(3, Limits::default(), reuse).await.unwrap(), 3);
    assert_eq!((sandbox.put_away().instances, sandbox.pool().waiting_instances), (1, 2));
    // One that serves a call comes back to the others.
    let call = || Call { reuse: Some(reuse), ..echo("{}") };
    assert_eq!([counted(&component, call()).await, counted(&component, call()).await], [1, 2]);
    assert_eq!((sandbox.put_away().instances, sandbox.pool().waiting_instances), (0, 2));
    component.retire();
    assert_eq!(sandbox.pool().waiting_instances, 0);
    assert_eq!(counted(&component, call()).await, 1, "calls are still taken");
    assert_eq!((sandbox.put_away().instances, sandbox.pool().waiting_instances), (1, 0));
}

#[tokio::test]
async fn instances_that_wait_make_room_for_calls() {
    let (sandbox, _folder) = sandbox(|options| (options.slots, options.waiting_max) = (2, 0));
    let (kept, other) = (sandbox.load("kept", tool(COUNT)).await.unwrap(), sandbox.load("other", tool(COUNT)).await.unwrap());
    assert_eq!(kept.start(9, Limits::default(), Reuse::default()).await.unwrap(), 2);
    // All slots are taken by those that only wait.
    assert_eq!(counted(&other, echo("{}")).await, 1);
    assert_eq!(sandbox.pool().waiting_instances, 1);
    assert_eq!(counted(&kept, again("{}")).await, 1);
}

#[tokio::test]
async fn code_is_put_away_and_comes_back_with_the_next_call() {
    let compiled = tempfile::tempdir().unwrap();
    let keep = |options: &mut Options| {
        options.compiled_dir = Some(compiled.path().join("compiled"));
        options.code_idle_max = Duration::ZERO;
    };
    let (kept, _folder) = sandbox(keep);
    let component = kept.load("csv-stats", csv_stats()).await.unwrap();
    let ask = async || {
        let mut call = Call::new("stats", r#"{"file":"a.csv","operation":"count"}"#);
        call.attachments.push(Attachment::bytes("a.csv", "n\n1\n"));
        component.call(call).await
    };
    for _ in 0..3 {
        assert!(component.is_resident());
        assert_eq!(kept.put_away().components, 1);
        assert!(!component.is_resident() && component.tools().len() == 3);
        assert!(ask().await.is_ok());
    }
    // Without a place to come back from it stays.
    let (unkept, _folder) = sandbox(|options| options.code_idle_max = Duration::ZERO);
    let stays = unkept.load("count", tool(COUNT)).await.unwrap();
    assert_eq!(unkept.put_away().components, 0);
    assert!(stays.is_resident());
    // Changed there since it was last looked at: it is not run.
    kept.put_away();
    let entries = std::fs::read_dir(compiled.path().join("compiled")).unwrap().map(|entry| entry.unwrap().path());
    let code = entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap();
    let mut changed = std::fs::read(&code).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&code, changed).unwrap();
    assert!(matches!(ask().await.unwrap_err(), Error::CodeGone { .. }));
    // Gone from there: the one thing that is then left to say.
    std::fs::remove_dir_all(compiled.path().join("compiled")).unwrap();
    assert!(matches!(ask().await.unwrap_err(), Error::CodeGone { .. }));
}

#[tokio::test]
async fn code_stays_while_an_instance_has_it() {
    let compiled = tempfile::tempdir().unwrap();
    let (sandbox, _folder) = sandbox(|options| {
        options.compiled_dir = Some(compiled.path().join("compiled"));
        options.code_idle_max = Duration::ZERO;
    });
    let component = sandbox.load("count", tool(COUNT)).await.unwrap();
    assert_eq!(counted(&component, again("{}")).await, 1);
    // It would be loaded a second time beside what the instance holds.
    assert_eq!(sandbox.put_away().components, 0);
    assert!(component.is_resident());
    component.retire();
    assert_eq!(sandbox.put_away().components, 1);
}

#[tokio::test]
async fn code_that_is_relied_on_is_not_thrown_away_for_room() {
    let compiled = tempfile::tempdir().unwrap();
    let (sandbox, _folder) = sandbox(|options| {
        options.compiled_dir = Some(compiled.path().join("compiled"));
        options.compiled_size_max = ByteSize::new(60_000);
        options.code_idle_max = Duration::ZERO;
    });
    let mut components = Vec::new();
    for number in 0..4 {
        let body = format!("(drop (i32.const {number})) {}", crate::guest::ECHO);
        components.push(sandbox.load("guest", tool(&body)).await.unwrap());
    }
    assert_eq!(sandbox.put_away().components, 4);
    for component in &components {
        assert_eq!(component.call(echo("{}")).await.unwrap().result_json, "{}");
    }
}

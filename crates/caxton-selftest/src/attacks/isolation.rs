//! Guests that look for what others have left, or pass themselves off as others.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use caxton_sandbox::{Call, Caller, Component, Error as SandboxError, Reuse};
use caxton_types::{AgentName, WorkspaceName};
use tokio::task::JoinSet;

use crate::{
    Error, Guard, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, TOOL},
    local::{Answer, Local},
    stage::{CALLS_OF_ONE, OWN_SLOTS, SLOTS, Stage, host, hosts},
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "state-between-calls" by FreshInstance: "looks for what the call before left in its memory" => state_between_calls;
    "leak-between-workspaces" by FreshInstance: "looks for what the same tool was told in another workspace" => between_workspaces;
    "memory-residue" by FreshInstance: "looks through new memory for what others had there" => memory_residue;
    "slot-flood" by Share: "holds every slot there is, waiting for a server that never answers" => slot_flood;
    "forged-sender" by Window: "calls itself another agent, to spend what that one may use" => forged_sender;
};

/// Keeps what it is told, and answers with what it was told before.
const KEEPS: &str = "(if (i32.load (i32.const 516)) (then (return (call $text (i32.const 520) (i32.load (i32.const 516))))))
    (memory.copy (i32.const 520) (local.get $args) (local.get $args_len))
    (i32.store (i32.const 516) (local.get $args_len))
    (call $text (i32.const 520) (i32.const 0))";

/// Fills four megabytes of new memory if it is told so by an `f`; otherwise tells whether there is anything in them.
const SCANS: &str = "(local $at i32)
    (if (i32.eq (i32.load8_u (local.get $args)) (i32.const 102)) (then
        (drop (memory.grow (i32.const 64)))
        (memory.fill (i32.const 262144) (i32.const 90) (i32.const 4194304))
        (return (call $done))))
    (if (i32.lt_u (memory.size) (i32.const 68)) (then (drop (memory.grow (i32.const 64)))))
    (local.set $at (i32.const 262144))
    (loop
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (call $done))))
        (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 4456448))))
    (call $text (i32.const 0) (i32.const 0))";

/// How often it is tried: as often as there are slots, and more.
const TRIES: usize = 20;
/// How long anything is waited for that takes no time.
const PATIENCE: Duration = Duration::from_secs(10);

async fn load(stage: &Stage, attack: &'static str, wasm: &Bytes) -> Result<Component, Error> {
    stage.sandbox.load("hostile", wasm.clone()).await.map_err(|source| Error::Sandbox { attack, source })
}

fn call(arguments: &str, reuse: bool) -> Call {
    Call { reuse: reuse.then(Reuse::default), ..Call::new(TOOL, arguments) }
}

/// What a second call finds of the first.
fn found(answer: Result<caxton_sandbox::CallOutcome, SandboxError>, wanted: &str, told: &str) -> Outcome {
    match answer {
        Ok(outcome) if outcome.result_json == wanted => Outcome::succeeded(wanted),
        Ok(outcome) if outcome.result_json.is_empty() => Outcome::foiled(Guard::FreshInstance, told),
        Ok(outcome) => Outcome::odd(&outcome.result_json),
        Err(error) => Outcome::stopped(&error),
    }
}

/// Widened, both calls allow that instances are used again.
async fn state_between_calls(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let component = load(stage, "state-between-calls", &guest::calling("state-between-calls", KEEPS)?).await?;
    let reuse = side.pick(false, true);
    let (word, told) = (stage.canary.word.as_str(), "the call before has left nothing");
    if let Err(error) = component.call(call(word, reuse)).await {
        return Ok(Outcome::stopped(&error));
    }
    Ok(found(component.call(call("{}", reuse)).await, word, told))
}

/// Both workspaces allow that instances are used again; widened, the two are one.
async fn between_workspaces(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let wasm = guest::calling("leak-between-workspaces", KEEPS)?;
    let one = load(stage, "leak-between-workspaces", &wasm).await?;
    let other = match side {
        Side::Guarded => load(stage, "leak-between-workspaces", &wasm).await?,
        Side::Widened => one.clone(),
    };
    let (word, told) = (stage.canary.word.as_str(), "the other workspace's instance is another one");
    if let Err(error) = one.call(call(word, true)).await {
        return Ok(Outcome::stopped(&error));
    }
    Ok(found(other.call(call("{}", true)).await, word, told))
}

async fn memory_residue(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let component = load(stage, "memory-residue", &guest::calling("memory-residue", SCANS)?).await?;
    let reuse = side.pick(false, true);
    for arguments in std::iter::repeat_n("fill", TRIES).chain(std::iter::repeat_n("scan", TRIES - 1)) {
        match component.call(call(arguments, reuse)).await {
            Ok(outcome) if arguments == "scan" && !outcome.result_json.is_empty() => return Ok(Outcome::succeeded(&outcome.result_json)),
            Ok(_) => {}
            Err(error) => return Ok(Outcome::stopped(&error)),
        }
    }
    Ok(found(component.call(call("scan", reuse)).await, "ok", "all new memory is empty"))
}

/// Calls as one agent, with every word that a guest has a say in claiming that it is another; then that other one calls. Widened, the
/// host itself takes the one for the other.
async fn forged_sender(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let component =
        load(stage, "forged-sender", &guest::calling("forged-sender", "(call $text (local.get $args) (local.get $args_len))")?).await?;
    let (mallory, alice) = side.pick(("mallory-1", "alice-1"), ("mallory-2", "alice-2"));
    let (Some(mallory), Some(alice)) = (agent(mallory), agent(alice)) else { return Ok(Outcome::odd("no name for an agent")) };
    let sender = side.pick(&mallory, &alice);
    let forged = format!(r#"{{"sender":"{0}","caller":{{"agent":"{0}"}},"_meta":{{"agent":"{0}"}}}}"#, alice.agent);
    let claims =
        || Call { caller: Some(sender.clone()), idempotency_key: Some(format!("{}/1", alice.agent)), ..Call::new(TOOL, forged.as_str()) };
    let mut refused = None;
    for _ in 0..=CALLS_OF_ONE {
        refused = component.call(claims()).await.err();
    }
    let honest = component.call(Call { caller: Some(alice.clone()), ..Call::new(TOOL, "{}") }).await;
    Ok(match (refused, honest) {
        (_, Err(error)) => Outcome::succeeded(&error.to_string()),
        (Some(error), Ok(_)) => Outcome::stopped(&error),
        (None, Ok(_)) => Outcome::odd("every time"),
    })
}

/// Many calls of one agent, then one of another; widened, one agent may have all slots.
async fn slot_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const NAME: &str = "slot-flood";
    let silent = Local::start(Answer { delay: Duration::from_mins(5), ..Answer::default() })
        .await
        .map_err(|source| Error::Host { what: "start a server on the loopback network", source })?;
    let own = stage.own(NAME, |options| (options.agent_slots_max, options.wait_max) = (Some(options.slots), Duration::from_millis(100)))?;
    // What one agent is to have of the slots, and has.
    let (sandbox, share) = side.pick((&stage.sandbox, SLOTS / 2), (&own, OWN_SLOTS));
    let failed = |source| Error::Sandbox { attack: NAME, source };
    let granted = hosts(vec![host("127.0.0.1", silent.port)]);
    let hostile = sandbox.load_granted("hostile", guest::fetch()?, &granted).await.map_err(failed)?;
    let honest = sandbox.load("honest", guest::calling(NAME, "(call $done)")?).await.map_err(failed)?;
    let (Some(greedy), Some(modest)) = (agent("greedy"), agent("modest")) else { return Ok(Outcome::odd("no name for an agent")) };
    let mut calls = JoinSet::new();
    for _ in 0..2 * SLOTS {
        let call = Call { caller: Some(greedy.clone()), ..Call::new(TOOL, format!("g127.0.0.1:{}", silent.port)) };
        let hostile = hostile.clone();
        calls.spawn(async move { hostile.perform(call).await });
    }
    let late = Instant::now() + PATIENCE;
    while silent.served() < share as usize && Instant::now() < late {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let served = tokio::time::timeout(PATIENCE, honest.call(Call { caller: Some(modest), ..Call::new(TOOL, "{}") })).await;
    Ok(match (served, silent.served()) {
        (Ok(Ok(_)), held) if held == share as usize => Outcome::foiled(
            Guard::Share,
            format!("{held} of its {} calls are under way, its share; another agent's call is served", 2 * SLOTS),
        ),
        (Ok(Ok(_)), held) => Outcome::odd(&format!("{held} calls are under way")),
        (Ok(Err(error)), _) => Outcome::succeeded(&error.to_string()),
        (Err(_), _) => Outcome::succeeded("another agent's call is not served"),
    })
}

fn agent(name: &str) -> Option<Caller> {
    Some(Caller { workspace: WorkspaceName::from_str("selftest").ok()?, agent: AgentName::from_str(name).ok()? })
}

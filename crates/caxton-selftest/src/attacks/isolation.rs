//! Guests that look for what others have left, or leave nothing for others.

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
    stage::{CALLS_OF_ONE, SLOTS, Stage, host, hosts},
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "state-between-calls" by FreshInstance: "looks for what the call before left in its memory" => state_between_calls;
    "leak-between-workspaces" by FreshInstance: "looks for what the same tool was told in another workspace" => between_workspaces;
    "memory-residue" by FreshInstance: "looks through new memory for what others had there" => memory_residue;
    "slot-flood" by Share: "holds every slot there is, waiting for a server that never answers" => slot_flood;
    "call-flood" by Window: "is called more often than its agent may call" => call_flood;
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
    stage.tries(wasm, "");
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

/// One agent's name in two workspaces, both of which deploy the tool and let its instances be used again, as often as there are slots.
/// Each has its own loading of it; widened, they share one.
async fn between_workspaces(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const NAME: &str = "leak-between-workspaces";
    let wasm = guest::calling(NAME, KEEPS)?;
    let one = load(stage, NAME, &wasm).await?;
    let other = match side {
        Side::Guarded => load(stage, NAME, &wasm).await?,
        Side::Twin => one.clone(),
    };
    let word = stage.canary.word.as_str();
    let of = |workspace: &str| caller(&format!("{workspace}-{}", side.pick(1, 2)), "clerk");
    let (Some(victim), Some(spy)) = (of("bank"), of("market")) else { return Ok(Outcome::odd("no name for an agent")) };
    for _ in 0..TRIES {
        if let Err(error) = one.call(Call { caller: Some(victim.clone()), ..call(word, true) }).await {
            return Ok(Outcome::stopped(&error));
        }
        match other.call(Call { caller: Some(spy.clone()), ..call("{}", true) }).await {
            Ok(outcome) if outcome.result_json == word => return Ok(Outcome::succeeded(word)),
            Ok(_) => {}
            Err(error) => return Ok(Outcome::stopped(&error)),
        }
    }
    Ok(Outcome::foiled(Guard::FreshInstance, "the other workspace's instances are others"))
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

/// Many calls of one agent, then one of another; widened, one agent may have all slots.
async fn slot_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const NAME: &str = "slot-flood";
    let silent = Local::start(Answer { delay: Duration::from_mins(5), ..Answer::default() })
        .await
        .map_err(|source| Error::Host { what: "start a server on the loopback network", source })?;
    let own = stage.own(NAME, |options| {
        (options.slots, options.agent_slots_max, options.wait_max) = (SLOTS, Some(SLOTS), Duration::from_millis(100));
    })?;
    // What one agent is to have of the slots, and has.
    let (sandbox, share) = side.pick((&stage.sandbox, SLOTS / 2), (&own, SLOTS));
    let failed = |source| Error::Sandbox { attack: NAME, source };
    let granted = hosts(vec![host("127.0.0.1", silent.port)]);
    let wasm = guest::fetch()?;
    stage.tries(&wasm, "g127.0.0.1");
    let hostile = sandbox.load_granted("hostile", wasm, &granted).await.map_err(failed)?;
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

/// As many calls of one agent as a window has, and one more; widened, a window has no bound.
async fn call_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const NAME: &str = "call-flood";
    let sandbox = stage.widened_by(side, NAME, |options| options.windows.calls = None)?;
    let wasm = guest::calling(NAME, "(call $done)")?;
    stage.tries(&wasm, "");
    let component = sandbox.load("hostile", wasm).await.map_err(|source| Error::Sandbox { attack: NAME, source })?;
    let Some(eager) = agent("eager") else { return Ok(Outcome::odd("no name for an agent")) };
    for _ in 0..=CALLS_OF_ONE {
        if let Err(error) = component.call(Call { caller: Some(eager.clone()), ..Call::new(TOOL, "{}") }).await {
            return Ok(Outcome::stopped(&error));
        }
    }
    Ok(Outcome::succeeded("every call was served"))
}

pub(super) fn agent(name: &str) -> Option<Caller> {
    caller("selftest", name)
}

fn caller(workspace: &str, agent: &str) -> Option<Caller> {
    Some(Caller { workspace: WorkspaceName::from_str(workspace).ok()?, agent: Some(AgentName::from_str(agent).ok()?) })
}

//! Guests that use the host in another agent's name: its memory, its tools.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use caxton_sandbox::{Call, Caller, Component, HostCalls, Reuse};
use caxton_types::{Access, MemoryGrant, Permissions, Scope};
use tokio::task::JoinSet;

use super::isolation::agent;
use crate::{
    Error, Guard, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, TOOL},
    stage::Stage,
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "forged-sender" by Identity: "calls itself another agent in everything that it asks the host, to read what that one keeps" => forged_sender;
    "planted-request" by FreshInstance: "leaves a request behind that the next agent's call makes in its own name" => planted_request;
    "memory-ungranted" by Imports: "searches memory, granted other tools only" => memory_ungranted;
    "tools-ungranted" by Imports: "calls another tool, granted memory only" => tools_ungranted;
    "tool-flood" by Requests: "calls another tool, one time after the other" => tool_flood;
};

/// Calls of each of two agents, side by side; fewer than a window has.
const CALLS: usize = 16;

/// What agents keep, and who asks for it now: the host says so for each call.
#[derive(Debug)]
struct Desk {
    of: Caller,
    kept: Arc<HashMap<Caller, String>>,
}

#[async_trait]
impl HostCalls for Desk {
    async fn recall(&self, _: String, _: u32) -> Result<String, String> {
        self.kept.get(&self.of).cloned().ok_or_else(|| "nothing is kept".to_owned())
    }

    async fn remember(&self, _: String, _: String) -> Result<(), String> {
        Err("nothing is added".to_owned())
    }

    async fn call_tool(&self, name: String, _: String) -> Result<String, String> {
        Ok(name)
    }
}

/// Two agents: the one who attacks, and the one who keeps the word. Their windows are their own in each run.
struct Cast {
    mallory: Caller,
    alice: Caller,
    kept: Arc<HashMap<Caller, String>>,
}

const NOTHING: &str = "what mallory keeps";

impl Cast {
    fn new(stage: &Stage, names: (&str, &str)) -> Option<Self> {
        let (mallory, alice) = (agent(names.0)?, agent(names.1)?);
        let kept = HashMap::from([(mallory.clone(), NOTHING.to_owned()), (alice.clone(), stage.canary.word.clone())]);
        Some(Self { mallory, alice, kept: Arc::new(kept) })
    }

    /// A call as the host makes it for an agent.
    fn call(&self, of: &Caller, arguments: &str, reuse: bool) -> Call {
        let desk: Arc<dyn HostCalls> = Arc::new(Desk { of: of.clone(), kept: Arc::clone(&self.kept) });
        Call { caller: Some(of.clone()), host: Some(desk), reuse: reuse.then(Reuse::default), ..Call::new(TOOL, arguments) }
    }
}

fn permissions(memory: bool, tools: bool) -> Permissions {
    let memory = if memory { vec![MemoryGrant { scope: Scope::Agent, access: Access::Read }] } else { vec![] };
    let tools = if tools { "other/*".parse().into_iter().collect() } else { vec![] };
    Permissions { memory, tools, ..Permissions::default() }
}

async fn load(stage: &Stage, attack: &'static str, arguments: &str) -> Result<Component, Error> {
    let wasm = guest::ask()?;
    stage.tries(&wasm, arguments);
    stage.sandbox.load_granted("hostile", wasm, &permissions(true, true)).await.map_err(|source| Error::Sandbox { attack, source })
}

/// Both agents ask again and again, in instances that serve the one and the other, and mallory claims to be alice in every word that it
/// has a say in. Widened, the host itself takes the one for the other.
async fn forged_sender(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const CLAIM: &str = r#"m{"agent":"alice","sender":"alice","caller":{"agent":"alice"},"_meta":{"agent":"alice"}}"#;
    let Some(cast) = Cast::new(stage, side.pick(("mallory-a", "alice-a"), ("mallory-b", "alice-b"))) else {
        return Ok(Outcome::odd("no name for an agent"));
    };
    let component = load(stage, "forged-sender", CLAIM).await?;
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        for (who, taken_for) in [(&cast.alice, &cast.alice), (&cast.mallory, side.pick(&cast.mallory, &cast.alice))] {
            let key = format!("alice/{number}");
            let call = Call { idempotency_key: Some(key), ..cast.call(taken_for, CLAIM, true) };
            let (component, is_mallory) = (component.clone(), *who == cast.mallory);
            calls.spawn(async move { (is_mallory, component.call(call).await) });
        }
    }
    let (word, mut own) = (stage.canary.word.as_str(), 0);
    while let Some(ended) = calls.join_next().await {
        match ended {
            Ok((true, Ok(answer))) if answer.result_json == word => return Ok(Outcome::succeeded(word)),
            Ok((true, Ok(answer))) if answer.result_json == NOTHING => own += 1,
            Ok((false, Ok(answer))) if answer.result_json == word => {}
            Ok((_, Ok(answer))) => return Ok(Outcome::odd(&answer.result_json)),
            Ok((_, Err(error))) => return Ok(Outcome::stopped(&error)),
            Err(error) => return Ok(Outcome::odd(&error.to_string())),
        }
    }
    Ok(Outcome::foiled(Guard::Identity, format!("{own} of {CALLS} times it is told what is its own")))
}

/// Widened, instances serve one agent after the other.
async fn planted_request(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let Some(cast) = Cast::new(stage, side.pick(("mallory-c", "alice-c"), ("mallory-d", "alice-d"))) else {
        return Ok(Outcome::odd("no name for an agent"));
    };
    let (component, reuse) = (load(stage, "planted-request", "p").await?, side.pick(false, true));
    let mut got = String::new();
    for (who, arguments) in [(&cast.mallory, "pwhat is kept"), (&cast.alice, "{}"), (&cast.mallory, "g")] {
        match component.call(cast.call(who, arguments, reuse)).await {
            Ok(answer) => got = answer.result_json,
            Err(error) => return Ok(Outcome::stopped(&error)),
        }
    }
    Ok(match got.as_str() {
        "" => Outcome::foiled(Guard::FreshInstance, "nothing came of the request: alice's call has another instance"),
        word if word == stage.canary.word => Outcome::succeeded(word),
        other => Outcome::odd(other),
    })
}

async fn memory_ungranted(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let granted = permissions(side.pick(false, true), true);
    asking(stage, side, granted, "mwhat is kept", &stage.canary.word).await
}

async fn tools_ungranted(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    asking(stage, side, permissions(true, side.pick(false, true)), "tother/tool", "other/tool").await
}

async fn asking(stage: &Stage, side: Side, granted: Permissions, arguments: &str, gain: &str) -> Result<Outcome, Error> {
    let Some(cast) = Cast::new(stage, side.pick(("mallory-e", "alice-e"), ("mallory-f", "alice-f"))) else {
        return Ok(Outcome::odd("no name for an agent"));
    };
    let desk = Arc::new(Desk { of: cast.alice, kept: cast.kept });
    Ok(stage.attempt(guest::ask()?, arguments).granted(granted).hosted(desk).gains(gain).run().await)
}

async fn tool_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let Some(cast) = Cast::new(stage, ("mallory-g", "alice-g")) else { return Ok(Outcome::odd("no name for an agent")) };
    let desk = Arc::new(Desk { of: cast.mallory, kept: cast.kept });
    let attempt = stage.attempt(guest::ask()?, "fother/tool").granted(permissions(true, true)).hosted(desk).gains("other/tool");
    Ok(attempt.limited(|limits| limits.requests = side.pick(32, 64)).run().await)
}

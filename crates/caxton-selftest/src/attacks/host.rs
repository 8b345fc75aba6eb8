//! Guests that ask the host for more than they are given, and hand it what is not theirs or not there.

use caxton_types::{Access, EnvGrant, EnvSource, Permissions, unit::ByteSize};

use crate::{
    Error, Guard, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, Guest},
    stage::{Stage, directory},
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "env-probing" by Environment: "looks for variables of the process" => env_probing;
    "random-flood" by Random: "asks for a megabyte of random bytes at once" => random_flood;
    "handle-forging" by Handles (control): "reads a file by a handle that nobody gave it" => handle_forging;
    "pointer-beyond-memory" by Pointers (control): "answers with a text that lies beyond its memory" => pointer_beyond_memory;
    "trap-in-realloc" by Trap (control): "crashes when it is asked for room for its arguments" => trap_in_realloc;
    "realloc-beyond-memory" by Pointers (control): "has its arguments written beyond its memory" => realloc_beyond_memory;
};

/// Widened, it is granted a variable.
async fn env_probing(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let word = EnvGrant { name: "WORD".into(), source: EnvSource::Value(stage.canary.word.as_str().into()) };
    let permissions = Permissions { environment: side.pick(vec![], vec![word]), ..Permissions::default() };
    let attempt = stage.attempt(guest::host()?, "e").granted(permissions).gains(stage.canary.word.as_str());
    Ok(attempt.foiled("none", Guard::Environment, "its environment is empty").run().await)
}

async fn random_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let sandbox = stage.widened_by(side, "random-flood", |options| options.random_len_max = ByteSize::mib(2))?;
    Ok(stage.attempt_in(&sandbox, guest::host()?, "r").run().await)
}

/// Its control reads by the handle that it got when it opened the file.
async fn handle_forging(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let arguments = side.pick("h".to_owned(), format!("r{}/plain", stage.inside().display()));
    Ok(stage.attempt(guest::files()?, arguments).granted(directory(&stage.inside(), Access::Read)).gains("plain").run().await)
}

/// Its control answers with a text that lies in its memory.
async fn pointer_beyond_memory(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let at = side.pick("0x7ffffff0", "1100");
    let guest = guest::calling("pointer-beyond-memory", &format!("(call $text (i32.const {at}) (i32.const 3))"))?;
    Ok(stage.attempt(guest, "{}").gains(guest::TOOL).run().await)
}

/// The controls of those that follow have an honest allocator.
async fn trap_in_realloc(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    realloc(stage, "trap-in-realloc", side.pick("(unreachable)", Guest::default().realloc)).await
}

async fn realloc_beyond_memory(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    realloc(stage, "realloc-beyond-memory", side.pick("(i32.const 0x7ffffff0)", Guest::default().realloc)).await
}

async fn realloc(stage: &Stage, attack: &'static str, realloc: &str) -> Result<Outcome, Error> {
    let guest = guest::build(attack, &Guest { realloc, ..Guest::default() })?;
    Ok(stage.attempt(guest, "ok").run().await)
}

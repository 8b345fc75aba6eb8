//! Tries the sandbox on the machine that it runs on: hostile guests, each beside neighbours that behave.
//!
//! Every attack runs twice: as a server would run it, where one guard must stop it; and as its twin. Of most attacks the twin is the same
//! guest with the same arguments and exactly that guard widened, where it must succeed, so that it is the guard that stops it. Where
//! nobody can widen the guard, the twin is a control: an honest form of the guest, which proves less, and is told apart ([`Twin`]).
//! After each, the host's canaries are looked after.
//!
//! Invariant: nothing here leaves the machine, and nothing of the host is touched but what was made for that.

mod attack;
mod attacks;
mod canary;
mod error;
mod guard;
mod guest;
mod local;
mod neighbours;
mod report;
mod run;
mod stage;

pub use self::{
    attack::{Kind, Outcome, Twin},
    error::Error,
    guard::Guard,
    report::{Attacked, Canaries, Neighbourhood, Report, Run},
    run::{Progress, sandbox},
};

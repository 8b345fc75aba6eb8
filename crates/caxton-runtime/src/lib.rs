//! Turns: the pure step function, and the driver that performs its effects.
//!
//! Invariant: what a turn did is in the journal before anybody outside can see it, and no effect outside the server is
//! performed before its intent is recorded.
mod begin;
mod budget;
mod cassette;
mod control;
mod diff;
mod direct;
mod dispatch;
mod driver;
mod error;
mod files;
mod fork;
mod live;
mod overheard;
mod past;
mod recover;
mod rehearse;
mod replay;
mod retrace;
mod runtime;
mod turn;

pub use self::{
    budget::{Account, BudgetStanding, Budgets, Overrun, spent_on},
    cassette::{Cassette, CassetteError},
    diff::Difference,
    direct::{DirectCall, DirectCalled},
    error::Error,
    fork::{Fork, Forked},
    recover::Recovered,
    rehearse::{Performer, rehearse, view},
    replay::{Mismatch, Recording, Replayed},
    retrace::{Divergence, Entry, JournalHash, Retraced, retrace},
    runtime::{Options, Runtime},
    turn::{Turn, advance},
};

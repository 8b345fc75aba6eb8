//! Turns: the pure step function, and the driver that performs its effects.
//!
//! Invariant: what a turn did is in the journal before anybody outside can see it, and no effect outside the server is
//! performed before its intent is recorded.
mod begin;
mod budget;
mod dispatch;
mod driver;
mod error;
mod recover;
mod runtime;
mod turn;

pub use self::{
    budget::{Account, BudgetStanding, Budgets, Overrun, spent_on},
    error::Error,
    recover::Recovered,
    runtime::{Options, Runtime},
    turn::{Turn, advance},
};

//! Delivery: a message is validated, routed, recorded and handed to whoever works on it; its sender can wait for the answer.
//!
//! Invariant: a message is acknowledged only after it is in the journal, and every message in a queue is in the journal too.
mod deltas;
mod error;
mod exchange;
mod registry;
mod waiters;

pub use self::{
    deltas::Delta,
    error::Error,
    exchange::{Deliveries, Delivery, Draft, Exchange, Options, Places, Prepared, Sent},
    registry::Registry,
    waiters::ReplyHandle,
};

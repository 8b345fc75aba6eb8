//! Tools of every kind behind one door.
//!
//! Invariant: no tool runs for an agent unless the agent's file allows it, or is called by a tool that it allows and whose permissions name
//! it; that is decided here, at the call, and nowhere else.
mod asking;
mod built_in;
mod call;
mod content;
mod earlier;
mod error;
mod handling;
mod http_client;
mod inner;
mod listing;
mod naming;
mod notice;
mod patience;
mod perform;
mod registry;
mod remote;
mod resolve;
mod schema;
mod server;
mod stats;
mod turn_tools;

pub use caxton_sandbox::{Attachment, Binary, Limits, Reuse};

pub use self::{
    asking::{Asker, Progress, Reply, answer},
    built_in::{Granted, Produced, Refusal},
    call::{CallContext, Called},
    earlier::{Archive, Archived, Found},
    error::{Clock, Error},
    handling::Handling,
    http_client::HttpOptions,
    inner::{Payer, Within},
    listing::{ServerKind, ServerState, Standing},
    notice::{Heard, InnerCall, Notice},
    patience::{Patience, Paused},
    registry::{Options, Tools},
    remote::{BreakerNotice, FirstSeen, Offers, RemoteOptions, RemoteState, RemoteStatus},
    resolve::Resolution,
    server::{Grant, LoadedServer},
    stats::{LastError, ToolStats},
    turn_tools::{TurnTool, Until},
};

//! WebAssembly in a sandbox: loads components and core modules of several kinds as tool servers and runs their tools,
//! each call in an instance of its own unless the tool allows reuse.
//!
//! Invariant: a guest reaches nothing but what its call names. No call outlives its limits, and no guest, however it
//! fails, takes more than its own call with it.

mod account;
mod attachments;
mod binary;
mod bindings;
mod blame;
mod cache;
mod call;
mod compiler;
mod complexity;
mod component;
mod drive;
pub mod egress;
mod engine;
mod entry;
mod error;
mod figures;
mod grant;
mod host;
mod host_calls;
mod keeper;
mod kind;
mod lent;
mod load;
mod module;
mod options;
mod profile;
mod reflect;
mod resident;
mod run;
mod sandbox;
mod secrets;
mod share;
mod slots;
mod status;
mod swap;
mod ticker;
mod warm;
mod wasi;
mod window;
mod wrap;

pub use self::{
    account::Denial,
    attachments::{Attachment, Source},
    binary::Binary,
    call::{Call, CallEnded, CallOutcome, IDEMPOTENCY_KEY, Usage},
    component::{Component, ToolInfo},
    egress::EgressOptions,
    engine::{has_pagemap_scan, instances_within, maps_of},
    error::{Error, GrantError},
    host_calls::HostCalls,
    keeper::PutAway,
    options::{Limits, Options},
    profile::Profile,
    sandbox::Sandbox,
    secrets::Secrets,
    status::{CacheStatus, CodeStatus, PoolStatus},
    swap::may_swap,
    warm::Reuse,
    window::{Caller, WindowOptions},
};

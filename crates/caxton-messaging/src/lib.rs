//! The rules of FIPA-ACL messages, pure: what a message must look like, how a model reads it, what a model's answer sends on.
//!
//! Invariant: nothing here does I/O or reads a clock; the same input gives the same verdict today and in a replay.
mod directive;
mod prompt;
mod rules;

pub use self::{
    directive::{Directive, extract},
    prompt::as_prompt,
    rules::{ATTACHMENTS_MAX, FIELD_LEN_MAX, Malformed, check},
};

//! The door to tools: what it lets through, what it refuses, and what it makes of failures.

mod component;
mod http_client;
mod support;

//! The door to tools: what it lets through, what it refuses, and what it makes of failures.

#[cfg(test)]
mod component;
#[cfg(test)]
mod http_client;
#[cfg(test)]
mod support;

//! The door to tools: what it lets through, what it refuses, and what it makes of failures.

#[cfg(test)]
mod busy;
#[cfg(test)]
mod component;
#[cfg(test)]
mod data_reader;
#[cfg(test)]
#[path = "../../../caxton-sandbox/tests/it/guest.rs"]
#[expect(dead_code, reason = "here no guest asks the host")]
mod guest;
#[cfg(test)]
mod handling;
#[cfg(test)]
mod http_client;
#[cfg(test)]
mod naming;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod pinned;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod stats_calculator;
#[cfg(test)]
mod support;
#[cfg(test)]
mod turn_tools;

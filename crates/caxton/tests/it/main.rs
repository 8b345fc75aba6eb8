//! Caxton through its outer doors.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod built_in;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod crash_matrix;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod elicitation;
#[cfg(test)]
mod failover;
#[cfg(test)]
#[path = "../../../caxton-sandbox/tests/it/guest.rs"]
mod guest;
#[cfg(test)]
mod host;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod mounted;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod remotes;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod schemathesis;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod threats;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod waits;

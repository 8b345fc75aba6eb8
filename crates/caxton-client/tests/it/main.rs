//! The client against answers that a real server rarely gives: none, broken ones, and streams that end.

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod client;

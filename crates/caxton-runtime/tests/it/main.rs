//! Turns from outside: their records, run again.

#[cfg(test)]
mod determinism;

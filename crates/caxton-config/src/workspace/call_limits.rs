//! What one call of a tool may use, as its files write it: less than what the server's `tools.sandbox` allows.

use super::permissions::{At, TIMEOUT};
use crate::{Diagnostics, record::Record};
use caxton_types::unit::{ByteSize, Period};
use std::collections::BTreeMap;

/// What one call may use beside memory and time, where its files say so; never more than the server's bound of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallLimits {
    /// Processor time.
    pub cpu: Option<Period>,
    /// The result.
    pub result_size: Option<ByteSize>,
    /// What is handed to the host at once.
    pub host_call_size: Option<ByteSize>,
    /// What is printed.
    pub printed_size: Option<ByteSize>,
    /// Files open at once.
    pub open_files: Option<u32>,
    /// What is written to disk.
    pub disk: Option<ByteSize>,
    /// Requests and connections.
    pub requests: Option<u32>,
    /// What is sent.
    pub egress: Option<ByteSize>,
    /// What is received.
    pub ingress: Option<ByteSize>,
}

/// Limits with their places, in bytes, milliseconds or pieces.
pub(super) type Written = BTreeMap<&'static str, At<u64>>;

const SIZES: [&str; 6] = ["result_size", "host_call_size", "printed_size", "disk", "egress", "ingress"];
const COUNTS: [&str; 2] = ["open_files", "requests"];
const SIZE: (ByteSize, ByteSize) = (ByteSize::new(0), ByteSize::new(1 << 50));
const COUNT: (i64, i64) = (0, 100_000);

/// The keys of a table that every file may have.
pub(super) fn read(table: &Record<'_>, problems: &mut Diagnostics) -> Written {
    let mut written = Written::new();
    let mut add = |key: &'static str, value: Option<u64>| {
        if let (Some(value), Some(node)) = (value, table.node(key)) {
            written.insert(key, At::new(node, value));
        }
    };
    for key in SIZES {
        add(key, table.quantity(key, SIZE, problems).map(ByteSize::get));
    }
    for key in COUNTS {
        add(key, table.whole(key, COUNT, problems));
    }
    written
}

/// Processor time, which only a `tool.toml` may say: Wassette's `cpu` is another quantity.
pub(super) fn read_cpu(table: &Record<'_>, written: &mut Written, problems: &mut Diagnostics) {
    let time = table.quantity("cpu", TIMEOUT, problems);
    if let (Some(time), Some(node)) = (time, table.node("cpu")) {
        written.insert("cpu", At::new(node, u64::try_from(time.get().as_millis()).unwrap_or(u64::MAX)));
    }
}

impl From<&Written> for CallLimits {
    fn from(written: &Written) -> Self {
        let number = |key: &str| written.get(key).map(|at| at.value);
        let size = |key: &str| number(key).map(ByteSize::new);
        let count = |key: &str| number(key).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        Self {
            cpu: number("cpu").map(Period::from_millis),
            result_size: size("result_size"),
            host_call_size: size("host_call_size"),
            printed_size: size("printed_size"),
            open_files: count("open_files"),
            disk: size("disk"),
            requests: count("requests"),
            egress: size("egress"),
            ingress: size("ingress"),
        }
    }
}

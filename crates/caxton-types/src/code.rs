//! One classification of failure, and the one table that maps it to every protocol.

use serde::{Deserialize, Serialize};

/// What kind of failure this is, whichever door it leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is malformed or breaks a rule; sending it again unchanged cannot succeed.
    Invalid,
    /// What the request names does not exist.
    NotFound,
    /// The request contradicts the present state.
    Conflict,
    /// The caller is known and may not do this.
    Denied,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// A bound is reached: a queue, a budget, a rate.
    Exhausted,
    /// A body, message or attachment exceeds its size bound.
    TooLarge,
    /// The media type or form of the request is not one we read.
    Unsupported,
    /// Something we depend on does not answer; trying again later may succeed.
    Unavailable,
    /// The time allowed ran out.
    Deadline,
    /// The caller or an operator called it off.
    Cancelled,
    /// A defect or a broken environment on our side.
    Internal,
}

/// One row of the mapping: (code, its name on the wire, HTTP, gRPC, JSON-RPC, exit code).
type Row = (Code, &'static str, u16, u8, i32, u8);

/// The only place where a [`Code`] becomes a number of some protocol.
const TABLE: [Row; 12] = [
    (Code::Invalid, "invalid", 400, 3, -32602, 2),
    (Code::NotFound, "not_found", 404, 5, -32004, 3),
    (Code::Conflict, "conflict", 409, 10, -32009, 4),
    (Code::Denied, "denied", 403, 7, -32003, 5),
    (Code::Unauthenticated, "unauthenticated", 401, 16, -32001, 6),
    (Code::Exhausted, "exhausted", 429, 8, -32029, 7),
    (Code::TooLarge, "too_large", 413, 11, -32013, 8),
    (Code::Unsupported, "unsupported", 415, 12, -32015, 9),
    (Code::Unavailable, "unavailable", 503, 14, -32053, 10),
    (Code::Deadline, "deadline", 504, 4, -32054, 11),
    (Code::Cancelled, "cancelled", 499, 1, -32099, 12),
    (Code::Internal, "internal", 500, 13, -32603, 1),
];

impl Code {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::Denied,
        Self::Unauthenticated,
        Self::Exhausted,
        Self::TooLarge,
        Self::Unsupported,
        Self::Unavailable,
        Self::Deadline,
        Self::Cancelled,
        Self::Internal,
    ];

    #[expect(clippy::indexing_slicing, reason = "the table has a row for every code, in their order: a test proves it")]
    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name on the wire, lower snake.
    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    pub const fn http(self) -> u16 {
        self.row().2
    }

    /// The gRPC status code.
    pub const fn grpc(self) -> u8 {
        self.row().3
    }

    /// The JSON-RPC 2.0 error code.
    pub const fn json_rpc(self) -> i32 {
        self.row().4
    }

    /// The exit code of a command that fails with it.
    pub const fn exit(self) -> u8 {
        self.row().5
    }

    /// The code whose HTTP status this is; an unlisted status maps by its class.
    pub fn from_http(status: u16) -> Self {
        TABLE.iter().find(|row| row.2 == status).map_or(
            match status {
                405 | 422 | 431 => Self::Invalid,
                408 => Self::Deadline,
                502 => Self::Unavailable,
                400..500 => Self::Invalid,
                _ => Self::Internal,
            },
            |row| row.0,
        )
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Exhausted | Self::Unavailable | Self::Deadline)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one trait that every error of a service implements, so that edges need to know nothing else.
pub trait Fault: std::error::Error {
    /// What kind of failure this is.
    fn code(&self) -> Code;

    /// The next step for whoever sees it, as a full sentence or a command.
    fn hint(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_row_and_numbers() {
        for (at, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!((code as usize, TABLE[at].0), (at, code), "the table follows the order of the enum");
            assert_eq!(Code::from_http(code.http()), code);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        let numbers = |of: fn(Code) -> i64| Code::ALL.map(of).into_iter().collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(numbers(|c| c.http().into()), 12);
        assert_eq!(numbers(|c| c.grpc().into()), 12);
        assert_eq!(numbers(|c| c.json_rpc().into()), 12);
        assert_eq!(numbers(|c| c.exit().into()), 12);
        assert!(Code::ALL.iter().all(|c| c.exit() != 0), "no failure exits with success");
    }

    #[test]
    fn unlisted_statuses_map_by_class() {
        assert_eq!(Code::from_http(422), Code::Invalid);
        assert_eq!(Code::from_http(418), Code::Invalid);
        assert_eq!(Code::from_http(502), Code::Unavailable);
        assert_eq!(Code::from_http(599), Code::Internal);
    }
}

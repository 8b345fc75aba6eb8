//! Connections that can do no more than they may.

use crate::built_in::{Refusal, grants::Granted, work::Watch};
use caxton_types::{Code, unit::ByteSize};
use rusqlite::{
    Connection, Error, ErrorCode, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};
use std::time::Duration;

/// The largest single value, statement and row.
pub(super) const VALUE_LEN_MAX: ByteSize = ByteSize::mib(16);
pub(super) const SQL_LEN_MAX: usize = 100_000;
/// Statements of SQLite's machine between two looks at the clock.
const STRIDE: i32 = 1_000;
/// The longest wait for somebody else who writes.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Statements of ours that look at the schema.
    Look,
    /// Statements that read.
    Read,
    /// Statements that write.
    Write,
}

pub(super) fn open(file: &Granted, may: May, watch: &Watch) -> Result<Connection, Refusal> {
    let set_up = || {
        let flags = match may {
            May::Look | May::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            May::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let mut conn = Connection::open_with_flags(&file.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY_MAX)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(VALUE_LEN_MAX.get()).unwrap_or(i32::MAX))?;
        conn.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, i32::try_from(SQL_LEN_MAX).unwrap_or(i32::MAX))?;
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        if may == May::Write {
            let page: u64 = conn.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.unsigned_abs();
            conn.pragma_update_and_check(
                None,
                "max_page_count",
                i64::try_from(file.len_max.get() / page.max(1)).unwrap_or(i64::MAX),
                |_| Ok(()),
            )?;
        }
        if may != May::Look {
            conn.authorizer(Some(move |context: AuthContext<'_>| decide(may, context.action)))?;
        }
        let over = watch.observer();
        conn.progress_handler(STRIDE, Some(move || over.is_over()))?;
        Ok::<_, Error>(conn)
    };
    set_up().map_err(|error| {
        Refusal::new(Code::Unavailable, format!("the database `{}` cannot be opened: {error}", file.name))
            .hint("the operator finds its path under `tools.database.files`")
    })
}

/// Asked for each thing that a statement would do, while it is compiled.
fn decide(may: May, action: AuthAction<'_>) -> Authorization {
    let is_allowed = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            !["load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"].contains(&function_name)
        }
        AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. } => may == May::Write,
        // Attaching, settings, transactions, virtual tables, and what later versions bring.
        _ => false,
    };
    if is_allowed { Authorization::Allow } else { Authorization::Deny }
}

/// An error of SQLite, with a next step.
pub(super) fn failed(error: &Error, watch: &Watch) -> Refusal {
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return watch.late();
    }
    match (error, error.sqlite_error_code()) {
        (Error::MultipleStatement, _) => Refusal::invalid("more than one statement is given").hint("give one statement in each call"),
        (_, Some(ErrorCode::AuthorizationForStatementDenied)) => {
            Refusal::new(Code::Denied, format!("the statement is not allowed: {error}")).hint(
                "`query` reads, `execute` writes where that is granted; nothing attaches files, changes settings or handles transactions",
            )
        }
        (_, Some(ErrorCode::ReadOnly)) => {
            Refusal::new(Code::Denied, "the database may only be read here").hint("`execute` writes, where that is granted")
        }
        (_, Some(ErrorCode::DiskFull)) => Refusal::new(Code::Exhausted, "the disk quota of the database is used up")
            .hint("delete what is not needed, or let the operator raise `max_size` of the file"),
        (_, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
            Refusal::new(Code::Unavailable, "somebody else is writing to the database").hint("try again")
        }
        (_, Some(ErrorCode::ConstraintViolation)) => Refusal::new(Code::Conflict, format!("{error}")),
        (_, Some(ErrorCode::TooBig)) => Refusal::too_large(format!("a value is larger than {VALUE_LEN_MAX}")),
        (_, Some(ErrorCode::NotADatabase)) => Refusal::new(Code::Unavailable, "the file is no SQLite database"),
        _ => Refusal::invalid(error.to_string()).hint("`database/schema` shows the tables and their columns"),
    }
}

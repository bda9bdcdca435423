//! Values of the product as columns, and back.

use mcp_lambda_core::{error::StoreError, events::Scope, session::StateScope, time::Timestamp};
use rusqlite::{Error as SqliteError, Row, types::Type};

/// A time as a column.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A number as a column.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit of rows. One more than `usize` holds is none.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The time in a column.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, SqliteError> {
    Ok(Timestamp::from_millis(row.get::<_, u64>(column)?))
}

/// The value that the text of a column means.
pub(crate) fn parsed<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, SqliteError> {
    let text: String = row.get(column)?;
    let index = row.as_ref().column_index(column)?;
    let problem = || format!("{column}: the text is none that this version writes");
    parse(&text).ok_or_else(|| SqliteError::FromSqlConversionFailure(index, Type::Text, problem().into()))
}

/// The same of a column that may be empty.
pub(crate) fn parsed_or_none<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, SqliteError> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => parsed(row, column, parse).map(Some),
    }
}

/// A value as the JSON text of a column.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt(format!("a value cannot be written as JSON: {error}")))
}

/// The scope of values.
pub(crate) fn state_scope(scope: &StateScope) -> String {
    match scope {
        StateScope::Session(id) => session_scope(id.as_str()),
        // The length keeps "a" + "b:c" and "a:b" + "c" apart.
        StateScope::Handle { owner, handle } => format!("handle:{}:{owner}:{handle}", owner.len()),
        StateScope::Server => "server".into(),
        StateScope::Login(name) => format!("login:{name}"),
    }
}

/// The scope of the values and of the events of a session.
pub(crate) fn session_scope(id: &str) -> String {
    format!("session:{id}")
}

/// The scope of events.
pub(crate) fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Global => "global".into(),
        Scope::Session(id) => session_scope(id.as_str()),
        Scope::Principal(principal) => format!("principal:{}", principal.key()),
    }
}

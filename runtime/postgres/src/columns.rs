//! Values of the product as columns, and back.

use std::error::Error;

use bytes::BytesMut;
use mcp_lambda_core::{error::StoreError, events::Scope, session::StateScope, time::Timestamp};
use sha2::{Digest, Sha256};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::error::Failure;

/// The longest text in a key, in bytes. A longer one is replaced by its digest, because keys of indexes have limits.
const LONGEST_KEY: usize = 200;

/// A value of a statement.
pub(crate) trait Column: Sync {
    /// The value with its type. A statement needs no preparation on the server then, which poolers such as `PgBouncer` do not keep
    /// apart.
    fn typed(&self) -> (&(dyn ToSql + Sync), Type);
}

macro_rules! columns {
    ($($rust:ty => $sql:ident),+ $(,)?) => {
        $(
            impl Column for $rust {
                fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
                    (self, Type::$sql)
                }
            }
        )+
    };
}

columns! {
    i64 => INT8,
    Option<i64> => INT8,
    Option<Text<'_>> => TEXT,
    bool => BOOL,
    Text<'_> => TEXT,
    Vec<i64> => INT8_ARRAY,
    Vec<Text<'_>> => TEXT_ARRAY,
    Vec<&[u8]> => BYTEA_ARRAY,
    &[u8] => BYTEA,
}

/// The values of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(&$value as &dyn $crate::columns::Column),*] };
}
pub(crate) use params;

/// Text as a column. `PostgreSQL` takes no NUL: it is written as the characters U+0001 and `0`, and U+0001 as U+0001 and `1`, so that
/// the order of texts stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl ToSql for Text<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.0.bytes().any(|byte| byte < 2) {
            self.0.replace('\u{1}', "\u{1}1").replace('\0', "\u{1}0").to_sql(kind, out)
        } else {
            self.0.to_sql(kind, out)
        }
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

/// The text in a column.
struct Stored(String);

impl<'a> FromSql<'a> for Stored {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = <&str as FromSql<'_>>::from_sql(kind, raw)?;
        Ok(Self(if text.contains('\u{1}') {
            text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}")
        } else {
            text.to_owned()
        }))
    }

    fn accepts(kind: &Type) -> bool {
        <&str as FromSql<'_>>::accepts(kind)
    }
}

/// A time as a column.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A number as a column.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit of rows. One more than the column holds is none.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The value of a column.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, Failure> {
    Ok(row.try_get(column)?)
}

/// The number in a column.
pub(crate) fn count(row: &Row, column: &str) -> Result<u64, Failure> {
    Ok(u64::try_from(get::<i64>(row, column)?).unwrap_or(0))
}

/// The time in a column.
pub(crate) fn time(row: &Row, column: &str) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_millis(count(row, column)?))
}

/// The text in a column.
pub(crate) fn text(row: &Row, column: &str) -> Result<String, Failure> {
    Ok(get::<Stored>(row, column)?.0)
}

/// The value that the text of a column means.
pub(crate) fn parsed<T>(
    row: &Row,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    parse(&text(row, column)?).ok_or_else(|| unreadable(column))
}

/// The same of a column that may be empty.
pub(crate) fn parsed_or_none<T>(
    row: &Row,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    match get::<Option<Stored>>(row, column)? {
        None => Ok(None),
        Some(Stored(text)) => parse(&text).map(Some).ok_or_else(|| unreadable(column)),
    }
}

fn unreadable(column: &str) -> Failure {
    StoreError::Corrupt(format!("column {column}: the text is none that this version writes")).into()
}

/// A value as the JSON text of a column.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt(format!("a value cannot be written as JSON: {error}")))
}

/// Text as part of a key: `=` and the text, or its digest if it is long.
pub(crate) fn key(text: &str) -> String {
    if text.len() <= LONGEST_KEY {
        return format!("={text}");
    }
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The scope of values.
pub(crate) fn state_scope(scope: &StateScope) -> String {
    match scope {
        StateScope::Session(id) => session_scope(id.as_str()),
        // The length keeps "a" + "b:c" and "a:b" + "c" apart.
        StateScope::Handle { owner, handle } => {
            format!("handle:{}", key(&format!("{}:{owner}:{handle}", owner.len())))
        }
        StateScope::Server => "server".into(),
        StateScope::Login(name) => format!("login:{}", key(name)),
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
        Scope::Principal(principal) => format!("principal:{}", key(principal.key())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_kept_and_long_ones_are_kept_apart() {
        for written in ["", "a", "a\0b", "\u{1}", "\u{1}0", "\0\u{1}1\0", "ü\0"] {
            let mut column = BytesMut::new();
            Text(written).to_sql(&Type::TEXT, &mut column).expect("written");
            assert!(!column.contains(&0), "{written:?}");
            assert_eq!(Stored::from_sql(&Type::TEXT, &column).expect("read").0, written);
        }
        let long = "x".repeat(LONGEST_KEY + 1);
        assert_eq!(key(&long).len(), 64);
        assert_ne!(key(&long), key(&format!("{long}y")));
        assert_eq!(key("a"), "=a");
    }
}

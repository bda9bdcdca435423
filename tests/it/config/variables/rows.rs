//! The variables: one row for each.

mod backends;
mod host;
mod serving;

use mcp_lambda_server::config::AllowList;

use super::row::Row;

pub(super) const KEY: &str = "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const SECRET: &str = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:mcp-keys-AbCdEf";

pub(super) fn hosts(list: &AllowList, items: &[&str]) -> bool {
    matches!(list, AllowList::List(list) if list == items)
}

/// One row for each variable, in the order of the variables.
pub(super) fn rows() -> Vec<Row> {
    serving::rows().into_iter().chain(backends::rows()).chain(host::rows()).collect()
}

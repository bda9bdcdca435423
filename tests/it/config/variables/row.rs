//! A row of the table of variables.

use std::time::Duration;

use mcp_lambda_server::Config;

type Holds = Box<dyn Fn(&Config) -> bool>;

/// A variable.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What holds without it.
    pub(super) default: Holds,
    /// A value, and what holds with it.
    pub(super) value: String,
    pub(super) holds: Holds,
    /// Values that it does not take, and what their errors expect.
    pub(super) wrong: &'static [&'static str],
    pub(super) expected: &'static str,
}

pub(super) const NO_COUNT: &[&str] =
    &["0", "-1", "1.5", "many", "4294967296", "18446744073709551616", "0x10", "1 000"];
pub(super) const NO_SWITCH: &[&str] = &["maybe", "2", "onn"];
pub(super) const NUMBER: &str = "a whole number from 1 to 4294967295";
pub(super) const SWITCH: &str = "on or off";

pub(super) fn row(
    name: &'static str,
    default: impl Fn(&Config) -> bool + 'static,
    value: &str,
    holds: impl Fn(&Config) -> bool + 'static,
    wrong: &'static [&'static str],
    expected: &'static str,
) -> Row {
    Row { name, default: Box::new(default), value: value.to_owned(), holds: Box::new(holds), wrong, expected }
}

/// A whole number from 1: what it is without the variable, and another one.
pub(super) fn count<T: PartialEq + ToString + 'static>(
    name: &'static str,
    get: fn(&Config) -> T,
    default: T,
    other: T,
) -> Row {
    let value = other.to_string();
    row(name, move |c| get(c) == default, &value, move |c| get(c) == other, NO_COUNT, NUMBER)
}

/// A number of seconds from 1.
pub(super) fn seconds(name: &'static str, get: fn(&Config) -> Duration, default: u64, other: u64) -> Row {
    let [default, set] = [default, other].map(Duration::from_secs);
    let value = other.to_string();
    row(name, move |c| get(c) == default, &value, move |c| get(c) == set, NO_COUNT, NUMBER)
}

/// On or off: what it is without the variable, and the word for the other one.
pub(super) fn switch(name: &'static str, get: fn(&Config) -> bool, default: bool, other: &str) -> Row {
    row(name, move |c| get(c) == default, other, move |c| get(c) != default, NO_SWITCH, SWITCH)
}

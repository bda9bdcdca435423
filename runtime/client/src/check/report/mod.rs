//! Reports: lines for a terminal, JUnit, JSON, and a page of HTML.

mod html;
mod junit;
mod page;
#[cfg(test)]
mod tests;
mod text;

use super::finding::Report;

pub use self::{
    html::html,
    junit::junit,
    text::{line, summary},
};
pub(crate) use page::{Tile, page, tiles};

/// The report as JSON, with a line break at its end.
///
/// # Errors
///
/// When it cannot be written; every report of this crate can.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

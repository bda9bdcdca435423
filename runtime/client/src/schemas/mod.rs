//! Validation of what a server lists: `mcp-lambda validate-schemas`.
//!
//! Every tool with its input and output schema, every prompt, resource and resource template is compared with the rules of
//! MCP, of JSON Schema, and with what the APIs of language models take. [`RULES`] lists the rules.
//!
//! ```no_run
//! use std::sync::Arc;
//! use mcp_lambda::{Remote, check::Target, schemas::{Options, validate}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:9000/mcp";
//! let target = Target::new(Arc::new(Remote::new(url)?.http()?), url)?;
//! let report = validate(&target, &Options::default()).await?;
//! assert!(report.findings.is_empty(), "{:#?}", report.findings);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing of a schema is fetched: a `$ref` to another document is a finding.

#[cfg(test)]
mod doc_test;
mod json_schema;
mod listed;
mod listings;
mod outputs;
mod parts;
mod provider;
mod providers;
mod report;
mod rules;
#[cfg(test)]
mod tests;
mod uri_template;
mod validation;

#[cfg(feature = "cli")]
pub(crate) use self::json_schema::within;
pub use self::{
    provider::Provider,
    report::{Counts, Finding, Report, text},
    rules::{RULES, Rule},
    validation::{CannotValidate, Options, validate},
};

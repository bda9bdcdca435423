//! Checks of a running server: `mcp-lambda test`.
//!
//! A [`Check`] is one rule of the protocol, with a link to the sentence it comes from, and a function that sends requests
//! to a server and says whether the server keeps the rule. [`CHECKS`] lists all of them.
//!
//! ```no_run
//! use std::sync::Arc;
//! use mcp_lambda::{Remote, check::{Plan, Suite, Target, run}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:9000/mcp";
//! let target = Target::new(Arc::new(Remote::new(url)?.http()?), url)?;
//! let report = run(&target, &Plan::of([Suite::Protocol, Suite::Tools]), |finding| println!("{}", finding.id)).await?;
//! assert!(report.is_clean());
//! # Ok(())
//! # }
//! ```
//!
//! The checks change nothing at the server but what belongs to them: sessions (which they end), tasks of the tools that
//! they call, and streams. They call tools that declare `readOnlyHint`, and those that [`Plan::tools`] names.

mod annotations;
mod catalog;
mod discovery;
#[cfg(test)]
mod doc_test;
mod era;
mod facts;
pub(crate) mod finding;
mod probe;
pub mod report;
mod row;
mod run;
mod sample;
mod stack;
mod suite;
mod suites;
mod wire;

pub use self::{
    catalog::CHECKS,
    discovery::CannotCheck,
    era::Era,
    facts::Facts,
    finding::{Exchange, Finding, Report, Verdict},
    probe::{Plan, Target, ToolCall},
    row::{Check, Eras, READ, Rule},
    run::run,
    stack::Stack,
    suite::Suite,
    wire::{Body, BoxError, Http, RemoteHttp},
};

#[cfg(feature = "cli")]
pub(crate) use self::run::jobs_at_most;
pub(crate) use self::{
    annotations::annotations_of,
    discovery::{all_tools, find},
    facts::PAGES,
    finding::{Checked, Stop, ensure, failed, skipped},
    probe::{Probe, encoded},
    stack::find as find_stack,
    suites::links,
    wire::{Next, SseParser, brief},
};

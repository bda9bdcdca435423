//! What the tools with AWS data share: requests to services, the resources that the deployment allows, and the texts of errors.

mod account;
mod action;
mod failure;
mod form;
mod metrics;
mod resources;
mod send;
mod table;
mod values;
pub(crate) mod xml;

use std::time::Duration;

use mcp_lambda_server::McpContext;
use rmcp::{RoleServer, model::Icon, service::RequestContext};

pub(crate) use account::Aws;
pub(crate) use action::{Action, Input};
pub(crate) use form::Form;

/// The time of a call without a deadline.
const LONGEST: Duration = Duration::from_secs(60);
/// The time before the deadline of a call in which its result is written.
const MARGIN: Duration = Duration::from_secs(2);

/// Runs the work of a call until shortly before its deadline, or until its client cancels it.
pub(crate) async fn in_time<T>(
    context: &RequestContext<RoleServer>,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let limit = context.deadline().map_or(LONGEST, |deadline| deadline.minus(MARGIN).remaining());
    tokio::select! {
        done = tokio::time::timeout(limit, work) => done.unwrap_or_else(|_| {
            Err("the time of this call has ended before AWS answered: ask for less, or repeat the call".to_owned())
        }),
        () = context.ct.cancelled() => Err("cancelled".to_owned()),
    }
}

/// An icon of 24 by 24: the content of an SVG path, drawn as lines.
pub(crate) fn icon(path: &str) -> Vec<Icon> {
    let src = format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23767676' \
         stroke-width='2'%3E%3Cpath d='{path}'/%3E%3C/svg%3E"
    );
    vec![
        Icon::new(src.replace(' ', "%20")).with_mime_type("image/svg+xml").with_sizes(vec!["any".to_owned()]),
    ]
}

//! The program's handler, with its type erased, and the layers around it.
//!
//! A rule about calls is one layer: one file, with what it does before the handler and what it does to the result.
//! [`layers`] is the list of them. Results of another server, which is passed on ([`Results::Passed`]), stay its own: no layer repairs
//! them. [`page`]: what layers read and change of a list, in either form.
//!
//! * [`capabilities`]: which methods exist, and what the server declares.
//! * [`scopes`]: the scopes that a tool requires of its caller.
//! * [`arguments`]: arguments are checked against the input schema of their tool, with [`schemas`] and [`integers`].
//! * [`cursors`]: cursors that no handler issued. [`completions`]: completions for what is not listed.
//! * [`dynamic_tools`]: tools that are disabled.
//! * `defined_tools`: tools as a file defines them.
//! * [`param_headers`]: headers that mirror arguments of a tool.
//! * [`request_state`]: the state that a client carries from one round of a request to the next.
//! * [`resource_uris`]: how URIs of resources are compared, with [`uri_template`].
//! * [`event_resources`]: the resources of the event log.
//! * [`listed_schemas`]: the schemas of tools, as clients list them.
//! * [`structured_content`]: the text of structured results.
//! * [`composed`]: several handlers behind one endpoint; it is a handler, and no layer.
//! * [`tasks`]: calls that run as tasks. [`experimental_tasks`]: those of 2025-11-25.

mod arguments;
pub(crate) mod capabilities;
mod completions;
mod composed;
mod cursors;
#[cfg(feature = "tool-definitions")]
mod defined_tools;
mod dynamic_tools;
mod event_resources;
mod experimental_tasks;
mod integers;
mod large_results;
mod layers;
mod listed_schemas;
mod page;
mod param_headers;
mod request;
mod request_state;
mod resource_uris;
#[cfg(feature = "argument-checks")]
mod schemas;
mod scopes;
mod structured_content;
mod tasks;
mod uri_template;

use self::request::{Layer, refuse};
pub use self::{
    composed::Composed,
    request::{Handler, HandlerError, HandlerResult, Request, Results},
};
pub(crate) use self::{
    large_results::LargeResultParts,
    layers::{LayerParts, MakeRunner, TaskLayers, layered},
    request_state::StateKeys,
    tasks::TaskRunner,
};

//! The checks, a file for each subject.

pub(super) mod auth;
pub(super) mod envelope;
pub(super) mod events;
pub(super) mod http;
pub(super) mod infrastructure;
pub(crate) mod links;
pub(super) mod messages;
pub(super) mod results;
pub(super) mod resume;
pub(super) mod schemas;
pub(super) mod session;
pub(super) mod streaming;
pub(super) mod tasks;
pub(super) mod tools;

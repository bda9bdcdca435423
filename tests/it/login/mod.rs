//! The authorization server: what clients, browsers and attackers see of it.

mod attacks;
mod comparisons;
mod endpoints;
mod flow;
mod kms;
pub(crate) mod lab;
mod revocation;
mod settings;
mod tokens;
pub(crate) mod upstream_lab;
mod upstream_tokens;

//! The tokens of the upstream provider, for tools that act as their caller. They are sealed in the store, and no client ever gets
//! them.
//!
//! The MCP server reads them, and the authorization server refreshes them: it alone has the secret with which the provider
//! knows this server, and one place of refreshes is what keeps a provider that rotates its refresh tokens from seeing one twice.
//!
//! * `keys`: seals what is stored, and what the one asks of the other.
//! * `record`: the item of the store.
//! * `kept`: the authorization server stores the tokens of a login, and forgets them with its grant.
//! * `refreshed`: the authorization server refreshes them for the MCP server.
//! * `source`: the MCP server finds those of a caller.

pub(crate) mod kept;
mod keys;
mod record;
pub(crate) mod refreshed;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use keys::UpstreamKeys;
pub(crate) use record::Owner;
pub use source::upstream_tokens;

//! The clients: programs that ask for tokens on behalf of a user.
//!
//! * [`Client`]: a client; [`Clients`]: the client of an id.
//! * `registration`: clients that register themselves.
//! * `document`: clients that are identified by the URL of a document.
//! * `redirect_uri`: the URIs to which codes are sent.

pub(crate) mod document;
mod lookup;
mod record;
pub(crate) mod redirect_uri;
pub(crate) mod registration;

pub(crate) use lookup::Clients;
pub(crate) use record::Client;

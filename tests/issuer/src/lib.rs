//! An issuer of tokens on one machine: OpenID Connect's metadata, real keys, and their failures.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use local_issuer::{Issuer, Key};
//!
//! let issuer = Issuer::start().await?;
//! let token = issuer.token("ada").claim("scope", "mcp:call").sign();
//! issuer.publish(&[Key::ec("new")]);
//! # Ok(())
//! # }
//! ```

mod key;
mod matrix;
mod server;
mod token;

pub use key::Key;
pub use matrix::{Case, SCOPE, cases};
pub use server::{Issuer, Outage};
pub use token::Token;

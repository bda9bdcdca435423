//! An issuer of tokens on one machine: OpenID Connect's metadata, real keys, and their failures; and an OpenID provider, at
//! which users sign in on a page.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use local_issuer::{Issuer, Key};
//!
//! let issuer = Issuer::start().await?;
//! let token = issuer.token("ada").claim("scope", "mcp:call").sign();
//! issuer.publish(&[Key::ec("new")]);
//! issuer.register("mcp", None, "https://client.example/callback");
//! issuer.add_user("ada", "correct horse");
//! # Ok(())
//! # }
//! ```

mod key;
mod matrix;
mod provider;
mod server;
mod token;

pub use key::Key;
pub use matrix::{Case, SCOPE, cases};
pub use server::{Issuer, Outage};
pub use token::Token;

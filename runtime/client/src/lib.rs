//! A client of MCP servers on AWS: transports that sign, and the program `mcp-lambda`.
//!
//! A [`Remote`] says where a server is and how a caller proves who it is. Its [`Connection`] is a transport of rmcp's client:
//!
//! ```no_run
//! use rmcp::ServiceExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = mcp_lambda::Remote::new("https://abc.lambda-url.eu-north-1.on.aws/mcp")?.connect()?;
//! let client = ().serve(transport).await?;
//! println!("{:?}", client.list_all_tools().await?);
//! # Ok(())
//! # }
//! ```
//!
//! | address of the server | transport | the caller proves who it is with |
//! |---|---|---|
//! | `https://<id>.lambda-url.<region>.on.aws/mcp` | streamable HTTP | SigV4 for the service `lambda` |
//! | `https://<id>.execute-api.<region>.amazonaws.com/mcp` | streamable HTTP | SigV4 for `execute-api` |
//! | `https://bedrock-agentcore.<region>.amazonaws.com/...` | streamable HTTP | SigV4 for `bedrock-agentcore` |
//! | any other `https://` or `http://` URL | streamable HTTP | nothing, a bearer token, or OAuth 2.1 in a browser |
//! | the name or ARN of a function | Lambda's Invoke API | SigV4, as every call to AWS |
//!
//! The transport passes messages on as they are: fields that rmcp does not know survive ([`Connection::send`] and
//! [`Connection::receive`]). It opens sessions again that the server has forgotten, resumes streams that break, and
//! repeats what is safe to repeat.
//!
//! | feature | default | content |
//! |---|---|---|
//! | `checks` | yes, through `cli` | [`check`], [`schemas`], [`benchmark`] and [`monitor`]: checks, measurements and a watch of running servers |
//! | `cli` | yes | the program `mcp-lambda` |

#![warn(missing_debug_implementations)]

mod address;
#[cfg(feature = "checks")]
mod aws;
mod clock;
mod connection;
mod error;
mod invoke;
mod oauth;
mod private;
mod remote;
mod sender;
mod transport;

#[cfg(feature = "checks")]
pub mod benchmark;
#[cfg(feature = "checks")]
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "checks")]
pub mod monitor;
#[cfg(feature = "checks")]
pub mod schemas;

pub use self::{
    address::{Address, SigningScope},
    connection::{Closed, Connection, Limits, SessionHandle},
    error::Error,
    invoke::InvokeMode,
    oauth::{Browser, OAuthConfig},
    remote::{Auth, Remote},
    transport::TransportError,
};

//! The AWS side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server). Use that crate: its features `dynamodb` and
//! `sns` enable the modules of this one.
//!
//! | feature | module | content |
//! |---|---|---|
//! | `dynamodb` | `dynamodb` | a store in two DynamoDB tables |
//! | `sns` | `sns` | a publisher to an SNS topic |
//! | always | `sdk` | configuration of SDK clients for short cold starts |
//! | always | [`TraceHeader`] | the trace header of the invocation, on calls of SDK clients |

#![warn(missing_debug_implementations)]

#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod sdk;
#[cfg(feature = "sns")]
pub mod sns;
mod trace_header;

pub use trace_header::TraceHeader;

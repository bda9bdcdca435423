//! The AWS side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server). Use that crate: its features `dynamodb` and
//! `sns` enable the modules of this one.
//!
//! | feature | module | content |
//! |---|---|---|
//! | `dynamodb` | `dynamodb` | a store in two DynamoDB tables |
//! | `sns` | `sns` | a publisher to an SNS topic |
//! | always | `sdk` | configuration of SDK clients for short cold starts |

#![warn(missing_debug_implementations)]

#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod sdk;
#[cfg(feature = "sns")]
pub mod sns;

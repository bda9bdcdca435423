//! The AWS SDK side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server): use that crate, whose features
//! `dynamodb` and `sns` choose the modules of this one.
//!
//! * `dynamodb`: every store in two DynamoDB tables.
//! * `sns`: publishing events to an SNS topic.
//! * `sdk`: SDK clients set up for cold starts.

#![warn(missing_debug_implementations)]

#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(any(feature = "dynamodb", feature = "sns"))]
pub mod sdk;
#[cfg(feature = "sns")]
pub mod sns;

//! The AWS side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server). Use that crate: its features `dynamodb`,
//! `login`, `secrets`, `sns` and `sqs` enable the modules of this one.
//!
//! | feature | module | content |
//! |---|---|---|
//! | `dynamodb` | `dynamodb` | a store in two DynamoDB tables |
//! | `sns` | `sns` | a publisher to an SNS topic |
//! | `s3` | `s3` | a bucket for parts of large results |
//! | `kms` | `kms` | keys of KMS that sign |
//! | `secrets` | `secrets` | secrets of Secrets Manager |
//! | `signed` | `signed` | signed requests to any service of AWS, with the retries and time limits of SDK clients |
//! | `sigv4` | `sigv4` | signatures of requests that no SDK client makes |
//! | `sqs` | `sqs` | a queue of tasks in SQS |
//! | always | `sdk` | configuration of SDK clients for short cold starts |
//! | always | [`TraceHeader`] | the trace header of the invocation, on calls of SDK clients |

#![warn(missing_debug_implementations)]

#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "kms")]
pub mod kms;
#[cfg(feature = "s3")]
pub mod s3;
pub mod sdk;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "signed")]
pub mod signed;
#[cfg(feature = "sigv4")]
pub mod sigv4;
#[cfg(feature = "sns")]
pub mod sns;
#[cfg(feature = "sqs")]
pub mod sqs;
mod trace_header;

pub use trace_header::TraceHeader;

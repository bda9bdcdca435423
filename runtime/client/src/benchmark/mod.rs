//! Measures how fast a server answers: `mcp-lambda benchmark`.
//!
//! With a rate, requests have times at which they are to begin, however slow the server is ("open loop"). The latency of a
//! request counts from that time, so that requests which had to wait for a slow one are slow as well. Without a rate, as
//! many requests as [`Load::concurrency`] run at any time, and each begins when another has ended ("closed loop"): its
//! latency counts from its beginning, which says how fast the server is and nothing of how long a caller would wait.
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//! use mcp_lambda::{Remote, benchmark::{Load, Work, measure}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:9000/mcp";
//! let load = Load { rate: Some(50.0), duration: Some(Duration::from_secs(10)), ..Load::default() };
//! let work = Work::stateless(url, "server/discover", serde_json::json!({}))?;
//! let measured = measure(Arc::new(Remote::new(url)?.http()?), &work, &load, |_| {}).await;
//! println!("{} requests, p99 {} ms", measured.requests, measured.latency.quantile(0.99));
//! # Ok(())
//! # }
//! ```

mod compare;
mod load;
mod measured;
pub mod report;
#[cfg(test)]
mod tests;
mod work;

pub use self::{
    compare::{Comparison, Difference, compare},
    load::{Load, Progress, measure},
    measured::{Distribution, Measured},
    work::Work,
};

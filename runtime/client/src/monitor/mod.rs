//! Watches servers: `mcp-lambda monitor`.
//!
//! Each [`Endpoint`] is asked in an interval. What comes of it is a [`Sample`]; the last samples of an endpoint are its
//! [`Window`], of which availability, percentiles and the error rate are those that [`Rules`] compare with thresholds. A rule
//! that is broken for some checks in a row is an [`Alert`], and another one when it is kept again.
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//! use mcp_lambda::{Remote, check::Target, monitor::{Endpoint, Monitor, Rules, watch}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "http://127.0.0.1:9000/mcp";
//! let endpoint = Endpoint::new(Target::new(Arc::new(Remote::new(url)?.http()?), url)?);
//! let rules = Rules::read("[[rule]]\nname = \"slow\"\nmetric = \"latency_p95\"\nabove = 500.0\nfor_checks = 3\n")?;
//! let monitor = Monitor { interval: Duration::from_secs(10), rules, ..Monitor::default() };
//! let watched = watch(vec![endpoint], monitor, |round| println!("{} alerts", round.alerts.len()), std::future::pending()).await;
//! println!("{} % available", watched[0].window.availability().unwrap_or(0.0));
//! # Ok(())
//! # }
//! ```
//!
//! A check costs an endpoint of Lambda two requests, of which one lists the tools; the event lag costs a stream and an event.

mod alert;
mod endpoint;
mod expiry;
mod lag;
mod notice;
mod rules;
mod sample;
#[cfg(test)]
mod tests;
mod watch;
mod window;

pub use self::{
    alert::Alert,
    endpoint::Endpoint,
    notice::Notice,
    rules::{Metric, Rule, Rules, RulesError},
    sample::{Change, Sample},
    watch::{Monitor, Round, Watched, watch},
    window::Window,
};

//! Logs: text for people, one JSON object a line for machines.

use tracing::subscriber::set_global_default;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    registry,
};

use super::lazy::{LazySubscriber, Lines};
use crate::config::{Config, LogFormat};

/// Reads a filter: a level, or levels by module, as in `info,rmcp=warn`.
///
/// By target only, not with `EnvFilter`'s spans and fields, which bring a regular expression engine into every
/// deployment and every cold start.
///
/// Below `warn` rmcp prints messages with everything in them, and so whatever secrets a client sends to a tool. It says
/// that only to somebody who asks for `rmcp` by name.
pub(crate) fn filter(text: &str) -> Option<Targets> {
    let filter: Targets = text.parse().ok()?;
    let asks = text.split(',').any(|directive| directive.trim().starts_with(RMCP));
    Some(if asks { filter } else { filter.with_target(RMCP, LevelFilter::WARN) })
}

const RMCP: &str = "rmcp";

/// Installs the log subscriber, unless the program has installed its own.
pub fn init(config: &Config) {
    let filter = filter(&config.log_filter).unwrap_or_else(|| {
        Targets::new().with_default(LevelFilter::INFO).with_target(RMCP, LevelFilter::WARN)
    });
    let format = config.log_format;
    if set_global_default(LazySubscriber::new(filter, move || lines(format))).is_err() {
        tracing::debug!("a log subscriber is installed already");
    }
}

fn lines(format: LogFormat) -> Lines {
    let logs = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Text => Box::new(registry().with(logs)),
        LogFormat::Json => Box::new(registry().with(logs.json().flatten_event(true).with_current_span(true))),
    }
}

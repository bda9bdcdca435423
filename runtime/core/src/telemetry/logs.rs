//! The log subscriber: lines of text, or one JSON object on each line.

use tracing::subscriber::set_global_default;
use tracing_subscriber::{fmt, layer::SubscriberExt, registry};

use super::lazy::{Inner, LazySubscriber};
use crate::config::{Config, LogFormat};

/// Installs the log subscriber, unless the program has installed its own. The log goes to standard error.
pub fn init(config: &Config) {
    let format = config.log_format;
    let subscriber = LazySubscriber::new(config.log_filter.targets().clone(), move || subscriber(format));
    if set_global_default(subscriber).is_err() {
        tracing::debug!("a log subscriber is installed already");
    }
}

fn subscriber(format: LogFormat) -> Inner {
    let logs = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Text => Box::new(registry().with(logs)),
        LogFormat::Json => Box::new(registry().with(logs.json().flatten_event(true).with_current_span(true))),
    }
}

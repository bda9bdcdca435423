//! Log lines on stderr: stdout carries MCP, or results.

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Writes warnings, or more with each `-v`.
pub(super) fn install(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // rmcp and the SDK write lines for their own developers.
    let wanted = filter_fn(move |metadata| {
        *metadata.level() <= level && (verbose > 2 || metadata.target().starts_with("mcp_lambda"))
    });
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).without_time();
    // A program that has installed a subscriber keeps it.
    let _ = tracing_subscriber::registry().with(lines.with_filter(wanted)).try_init();
}

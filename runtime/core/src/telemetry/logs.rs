//! The log subscriber: lines of text, or one JSON object on each line.

use std::{fs::File, io, panic, time::Duration};

use tracing::{Event, Subscriber, subscriber::set_global_default};
use tracing_subscriber::{
    Layer, Registry,
    fmt::{
        self, FmtContext, FormatEvent, FormatFields,
        format::{DefaultFields, Format, Json, JsonFields, Writer},
        time::FormatTime,
    },
    layer::SubscriberExt,
    registry,
    registry::LookupSpan,
};

use super::{
    lazy::{Inner, LazySubscriber},
    plain_lines::PlainLines,
    request_line,
    writer::{LogWriter, Notice},
};
use crate::config::{Config, LogFormat};

/// The log of the process, which goes to standard error.
#[derive(Clone, Default)]
pub struct Logs(Option<LogWriter>);

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Logs").field(&self.0.is_some()).finish()
    }
}

impl Logs {
    /// Waits until the lines of the log are written, or until the time is over. Hosts call it before the process is frozen, and
    /// before it ends. Lines wait only when their reader is slow.
    pub async fn flush(&self, time: Duration) {
        if let Some(writer) = &self.0 {
            writer.flush(time).await;
        }
    }
}

/// A layer that sees the spans and lines of the process beside the log, by a filter of its own.
pub type Beside = Box<dyn Layer<Registry> + Send + Sync>;

/// Installs the log subscriber, unless the program has installed its own.
pub fn init(config: &Config, beside: Option<Beside>) -> Logs {
    let format = config.log_format;
    let Ok(file) = standard_error() else { return Logs::default() };
    let notice: Notice = match format {
        LogFormat::Text => text_notice,
        LogFormat::Json => json_notice,
    };
    let writer = LogWriter::new(file, notice);
    let logs = Logs(Some(writer.clone()));
    let panicking = writer.clone();
    let filter = config.log_filter.targets().clone();
    let installed = match beside {
        None => {
            let plain = PlainLines::new(format, writer.clone());
            let create = move || subscriber(format, writer.clone());
            set_global_default(LazySubscriber::new(filter, create).with_plain_lines(plain))
        }
        // Two filters are asked for each line, so there is nothing to put off.
        Some(beside) => {
            let log: Box<dyn Layer<_> + Send + Sync> = match format {
                LogFormat::Text => Box::new(text(writer)),
                LogFormat::Json => Box::new(json(writer)),
            };
            set_global_default(registry().with(beside).with(log.with_filter(filter)))
        }
    };
    if installed.is_err() {
        tracing::debug!("a log subscriber is installed already");
        return Logs::default();
    }
    guard_panics(panicking);
    logs
}

/// Keeps the text of a panic from blocking: the standard library writes it to standard error itself. The hook of the program,
/// or that of the standard library, is called as long as there is room; otherwise the text waits as lines do.
fn guard_panics(writer: LogWriter) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| match writer.is_stuck() {
        Some(false) => hook(panicked),
        Some(true) => writer.log(format!("{panicked}\n").as_bytes()),
        // The code that catches the panic logs it.
        None => {}
    }));
}

/// Standard error without the lock of the standard library: a write that blocks keeps it.
#[cfg(unix)]
fn standard_error() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn standard_error() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stderr().as_handle().try_clone_to_owned().map(File::from)
}

/// Standard output, in the same way.
#[cfg(all(unix, feature = "metrics"))]
pub(super) fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(all(windows, feature = "metrics"))]
pub(super) fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

pub(super) fn subscriber(format: LogFormat, writer: LogWriter) -> Inner {
    match format {
        LogFormat::Text => Box::new(registry().with(text(writer))),
        LogFormat::Json => Box::new(registry().with(json(writer))),
    }
}

fn text<S: Subscriber + for<'a> LookupSpan<'a>>(
    writer: LogWriter,
) -> fmt::Layer<S, DefaultFields, Format, LogWriter> {
    fmt::layer().with_writer(writer).with_ansi(false)
}

fn json<S: Subscriber + for<'a> LookupSpan<'a>>(
    writer: LogWriter,
) -> fmt::Layer<S, JsonFields, JsonLines, LogWriter> {
    let json = || fmt::format().json().flatten_event(true).with_current_span(false);
    let lines = JsonLines { of_requests: json().with_span_list(false), others: json() };
    text(writer).fmt_fields(JsonFields::new()).event_format(lines)
}

/// Lines of JSON. A line within spans has them all, in `spans`; the line of a request has their fields itself.
struct JsonLines {
    of_requests: Format<Json>,
    others: Format<Json>,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let is_of_request = event.metadata().target() == request_line::TARGET;
        let format = if is_of_request { &self.of_requests } else { &self.others };
        format.format_event(context, writer, event)
    }
}

const NOTICE_TARGET: &str = "mcp_lambda_server::log";

fn now() -> String {
    let mut now = String::new();
    // A string takes everything.
    let _ = fmt::time::SystemTime.format_time(&mut Writer::new(&mut now));
    now
}

fn text_notice(dropped: u64) -> Vec<u8> {
    format!("{}  WARN {NOTICE_TARGET}: {dropped} log lines were dropped\n", now()).into_bytes()
}

fn json_notice(dropped: u64) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": now(),
        "level": "WARN",
        "message": format!("{dropped} log lines were dropped"),
        "dropped": dropped,
        "target": NOTICE_TARGET,
    });
    format!("{line}\n").into_bytes()
}

//! Lines of requests, formatted as `tracing-subscriber` formats them, with a fraction of its work: each request has one, and
//! its fields are numbers and short texts.

use std::{fmt::Debug, io::Write, sync::Mutex};

use chrono::{DateTime, Datelike, Timelike, Utc};
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

use super::{request_line, text::is_plain, writer::LogWriter};
use crate::{config::LogFormat, time::log_time};

/// Writes the lines of requests that are plain: other lines have quotes or control characters to escape, or spans.
pub(super) struct PlainLines {
    format: LogFormat,
    writer: LogWriter,
    /// The memory of the line that is being written.
    line: Mutex<Vec<u8>>,
}

impl PlainLines {
    pub(super) fn new(format: LogFormat, writer: LogWriter) -> Self {
        Self { format, writer, line: Mutex::default() }
    }

    /// Writes a line. `false`: it is not plain, and nothing is written.
    pub(super) fn write(&self, event: &Event<'_>) -> bool {
        let metadata = event.metadata();
        let is_of_request =
            metadata.target() == request_line::TARGET && event.is_root() && *metadata.level() == Level::INFO;
        if !is_of_request {
            return false;
        }
        // A line that another thread writes now, or one of which a value writes a line of its own, has memory of its own.
        let (mut kept, mut own) = (self.line.try_lock().ok(), Vec::new());
        let line = kept.as_deref_mut().unwrap_or(&mut own);
        line.clear();
        let is_plain = format(line, self.format, log_time(), event);
        if is_plain {
            self.writer.log(line);
        }
        is_plain
    }
}

/// Formats a line. `false`: it is not plain.
fn format(line: &mut Vec<u8>, format: LogFormat, time: DateTime<Utc>, event: &Event<'_>) -> bool {
    let target = event.metadata().target().as_bytes();
    match format {
        LogFormat::Text => {
            timestamp(line, time);
            line.extend_from_slice(b"  INFO ");
            line.extend_from_slice(target);
            line.push(b':');
        }
        LogFormat::Json => {
            line.extend_from_slice(br#"{"timestamp":""#);
            timestamp(line, time);
            line.extend_from_slice(br#"","level":"INFO""#);
        }
    }
    let mut fields = Fields { line, format, is_plain: true };
    event.record(&mut fields);
    let is_plain = fields.is_plain;
    if format == LogFormat::Json {
        line.extend_from_slice(br#","target":""#);
        line.extend_from_slice(target);
        line.extend_from_slice(br#""}"#);
    }
    line.push(b'\n');
    is_plain
}

/// The fields of a line.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    format: LogFormat,
    is_plain: bool,
}

impl Fields<'_> {
    fn name(&mut self, field: &Field) {
        let name = field.name().as_bytes();
        match self.format {
            // A message has no name.
            LogFormat::Text if name == MESSAGE => self.line.push(b' '),
            LogFormat::Text => {
                self.line.push(b' ');
                self.line.extend_from_slice(name);
                self.line.push(b'=');
            }
            LogFormat::Json => {
                self.line.extend_from_slice(b",\"");
                self.line.extend_from_slice(name);
                self.line.extend_from_slice(b"\":");
            }
        }
    }

    fn display(&mut self, field: &Field, value: impl std::fmt::Display) {
        self.name(field);
        // A vector takes everything.
        let _ = write!(self.line, "{value}");
    }
}

const MESSAGE: &[u8] = b"message";

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.is_plain &= is_plain(value.as_bytes());
        self.name(field);
        self.line.push(b'"');
        self.line.extend_from_slice(value.as_bytes());
        self.line.push(b'"');
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.display(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.display(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.display(field, value);
    }

    /// Milliseconds with three decimals, or any other number.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(field);
        match thousandths(value) {
            Some(thousandths) => decimal(self.line, thousandths),
            None if value.is_finite() => {
                let _ = write!(self.line, "{value:?}");
            }
            None => self.is_plain = false,
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        let is_quoted = self.format == LogFormat::Json;
        if is_quoted {
            self.line.push(b'"');
        }
        let start = self.line.len();
        let _ = write!(self.line, "{value:?}");
        self.is_plain &= is_plain(&self.line[start..]);
        if is_quoted {
            self.line.push(b'"');
        }
    }
}

/// A number that has at most three decimals, in thousandths.
fn thousandths(value: f64) -> Option<u64> {
    const LARGEST: f64 = 1e12;
    let is_in_range = (0.0..LARGEST).contains(&value) && value.is_sign_positive();
    let thousandths = is_in_range.then(|| (value * 1e3).round() as u64)?;
    (thousandths as f64 / 1e3 == value).then_some(thousandths)
}

/// As Rust and JSON write the number: with the decimals that it has, and at least one.
fn decimal(line: &mut Vec<u8>, thousandths: u64) {
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    let _ = match rest {
        rest if rest % 100 == 0 => write!(line, "{whole}.{}", rest / 100),
        rest if rest % 10 == 0 => write!(line, "{whole}.{:02}", rest / 10),
        rest => write!(line, "{whole}.{rest:03}"),
    };
}

/// RFC 3339, in UTC and with microseconds.
fn timestamp(line: &mut Vec<u8>, time: DateTime<Utc>) {
    digits(line, time.year().unsigned_abs(), 4);
    for (before, value) in [
        (b'-', time.month()),
        (b'-', time.day()),
        (b'T', time.hour()),
        (b':', time.minute()),
        (b':', time.second()),
    ] {
        line.push(before);
        digits(line, value, 2);
    }
    line.push(b'.');
    digits(line, time.timestamp_subsec_micros(), 6);
    line.push(b'Z');
}

/// The last digits of a number.
fn digits(line: &mut Vec<u8>, mut number: u32, count: usize) {
    let start = line.len();
    line.resize(start + count, b'0');
    for digit in line[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(all(test, unix))]
mod tests;

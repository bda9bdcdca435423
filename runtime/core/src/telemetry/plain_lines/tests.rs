use std::{
    fs::File,
    io::{self, BufRead, BufReader, PipeReader},
    os::fd::OwnedFd,
};

use tracing::{
    Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

use super::*;
use crate::telemetry::{lazy::Inner, logs::subscriber};

const FORMATS: [LogFormat; 2] = [LogFormat::Text, LogFormat::Json];

fn pipe() -> (BufReader<PipeReader>, LogWriter) {
    let (reader, writer) = io::pipe().expect("a pipe");
    let writer = LogWriter::new(File::from(OwnedFd::from(writer)), |_| Vec::new());
    (BufReader::new(reader), writer)
}

/// Writes each line twice: as a plain line, if it is one, and by the subscriber of all lines.
struct Both {
    plain: PlainLines,
    whole: Inner,
    is_plain: bool,
}

impl Subscriber for Both {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.whole.new_span(attributes)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(self.plain.write(event), self.is_plain);
        self.whole.event(event);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The line as it is formatted here, and as it should be, without their times.
fn lines(format: LogFormat, log: impl FnOnce()) -> [String; 2] {
    let (mut own, mut whole) = (pipe(), pipe());
    let plain = PlainLines::new(format, own.1);
    let both = Both { plain, whole: subscriber(format, whole.1), is_plain: true };
    tracing::subscriber::with_default(both, log);
    [&mut own.0, &mut whole.0].map(|reader| {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let year = line.find("20").expect("a time");
        line.replace_range(year..year + "2026-11-27T18:33:00.123456Z".len(), "TIME");
        line
    })
}

#[test]
fn a_plain_line_is_formatted_as_other_lines_are() {
    for format in FORMATS {
        for number in [0.0, 0.001, 0.01, 0.1, 1.0, 1.5, 12.34, 145.707, 1e6, 999_999_999.999, 1e13, 1.0 / 3.0]
        {
            let [own, whole] = lines(format, || {
                tracing::info!(
                    target: request_line::TARGET,
                    parent: None,
                    requestId = "8476a536-e9f4-11e8-9739-000000000001",
                    absent = None::<&str>,
                    empty = "",
                    status = 200_u16,
                    code = -32_603,
                    isError = false,
                    durationMs = number,
                    bytes = u64::MAX,
                    taskId = %"of-a-type-with-a-text",
                    "served {}", 1
                );
            });
            assert_eq!(own, whole);
            assert!(own.contains("TIME") && own.contains("8476a536") && !own.contains("absent"), "{own}");
        }
    }
}

#[test]
fn a_line_with_text_to_escape_is_left_to_the_subscriber_of_all_lines() {
    for format in FORMATS {
        for text in ["\"", "\\", "\n", "\u{1b}[31m", "é", "\u{2028}", "\u{7f}"] {
            let (mut own, whole) = (pipe(), pipe());
            let plain = PlainLines::new(format, own.1);
            let both = Both { plain, whole: subscriber(format, whole.1), is_plain: false };
            tracing::subscriber::with_default(both, || {
                tracing::info!(target: request_line::TARGET, parent: None, text, "served");
            });
            let mut line = String::new();
            assert_eq!(own.0.read_line(&mut line).expect("the end"), 0, "{line}");
        }
    }
}

#[test]
fn lines_within_spans_and_of_other_targets_and_levels_are_left_too() {
    let (_reader, writer) = pipe();
    let both = Both {
        plain: PlainLines::new(LogFormat::Text, writer.clone()),
        whole: subscriber(LogFormat::Text, writer),
        is_plain: false,
    };
    tracing::subscriber::with_default(both, || {
        tracing::info!(target: request_line::TARGET, "served");
        tracing::info!(target: "another", parent: None, "served");
        tracing::warn!(target: request_line::TARGET, parent: None, "served");
    });
}

#[test]
fn a_time_has_every_digit() {
    let formatted = |seconds, nanos| {
        let mut line = Vec::new();
        timestamp(&mut line, DateTime::from_timestamp(seconds, nanos).expect("a time"));
        String::from_utf8(line).expect("text")
    };
    assert_eq!(formatted(1_770_091_506, 7_999), "2026-02-03T04:05:06.000007Z");
    assert_eq!(formatted(0, 0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(formatted(1_798_761_599, 999_999_999), "2026-12-31T23:59:59.999999Z");
}

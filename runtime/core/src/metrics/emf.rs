//! Lines of the log of which CloudWatch makes metrics, in its embedded metric format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//! (read 2026-11-26).
//!
//! Written here and not by a crate. `metrique-writer-format-emf` brings 34 packages, and switches on colours and a bridge of
//! `tracing-subscriber` for the whole program; `metrics_cloudwatch_embedded` has one set of dimensions in a line, so that a call
//! of a tool would be three lines, and one recorder for the whole process.

use std::fmt::Write;

use super::{
    catalogue::{DIMENSIONS, Dimension, Dimensions, FUNCTION, NAMESPACE, SETS, Value, Values},
    program::Recorded,
};
use crate::time::Timestamp;

/// What all lines of a process have in common.
#[derive(Debug)]
pub(super) struct Lines {
    /// The name of the function, as JSON.
    function: String,
    /// The level of the lines. Lambda takes a line without one for one of INFO, and drops it in a function whose log level is
    /// above that: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html> (read 2026-11-27).
    level: &'static str,
}

impl Lines {
    pub(super) fn new(function: &str, level: &'static str) -> Self {
        Self { function: json(function), level }
    }

    /// A line, with its end.
    pub(super) fn line(
        &self,
        at: Timestamp,
        values: &Values,
        program: &[Recorded],
        dimensions: Dimensions<'_>,
    ) -> String {
        let mut line = String::with_capacity(1024);
        // A string takes everything; so below.
        let _ = write!(line, r#"{{"_aws":{{"Timestamp":{},"CloudWatchMetrics":["#, at.as_millis());
        let start = line.len();
        for (by, metrics) in SETS {
            let mut defined = metrics.iter().filter(|(metric, ..)| values.of(*metric).is_some()).peekable();
            if defined.peek().is_some() {
                let by = by.iter().filter(|dimension| dimensions.of(**dimension).is_some());
                directive(&mut line, start, by, defined.map(|(_, name, unit)| (*name, *unit)));
            }
        }
        if !program.is_empty() {
            let defined = program.iter().map(|recorded| (&*recorded.name, recorded.unit.name()));
            directive(&mut line, start, [].iter(), defined);
        }
        let _ = write!(line, r#"]}},"level":"{}","{FUNCTION}":{}"#, self.level, self.function);
        for dimension in DIMENSIONS {
            if let Some(value) = dimensions.of(dimension) {
                let _ = write!(line, r#","{}":{}"#, dimension.name(), json(value));
            }
        }
        for (metric, name, _) in SETS.iter().flat_map(|(_, metrics)| *metrics) {
            match values.of(*metric) {
                Some(Value::Count(count)) => drop(write!(line, r#","{name}":{count}"#)),
                Some(Value::Number(number)) => drop(write!(line, r#","{name}":{number}"#)),
                Some(Value::Numbers(numbers)) => numbers_of(&mut line, name, numbers),
                None => {}
            }
        }
        for recorded in program {
            numbers_of(&mut line, &recorded.name, &recorded.values);
        }
        line.push_str("}\n");
        line
    }
}

/// Which metrics there are, and by which dimensions: all together, and by each of `by` alone.
fn directive<'a>(
    line: &mut String,
    start: usize,
    by: impl Iterator<Item = &'a Dimension>,
    metrics: impl Iterator<Item = (&'a str, &'a str)>,
) {
    if line.len() > start {
        line.push(',');
    }
    let _ = write!(line, r#"{{"Namespace":"{NAMESPACE}","Dimensions":[["{FUNCTION}"]"#);
    for dimension in by {
        let _ = write!(line, r#",["{FUNCTION}","{}"]"#, dimension.name());
    }
    line.push_str(r#"],"Metrics":["#);
    for (at, (name, unit)) in metrics.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(line, r#"{comma}{{"Name":"{name}","Unit":"{unit}"}}"#);
    }
    line.push_str("]}");
}

fn numbers_of(line: &mut String, name: &str, numbers: &[f64]) {
    let _ = write!(line, r#","{name}":["#);
    for (at, number) in numbers.iter().enumerate() {
        let _ = write!(line, "{}{number}", if at > 0 { "," } else { "" });
    }
    line.push(']');
}

/// A text as JSON.
fn json(text: &str) -> String {
    // Text is serialised without an error.
    serde_json::to_string(text).unwrap_or_default()
}

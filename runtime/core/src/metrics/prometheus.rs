//! The totals as a page for Prometheus, in its text format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> (read 2026-11-26).

use std::fmt::Write;

use super::{
    recorder::Metrics,
    totals::{BUCKETS, Histogram, OfCall, OfTasks, Totals},
};

/// A metric of calls: its name, its help, and its value.
type OfCalls = (&'static str, &'static str, fn(&OfCall) -> u64);

const OF_CALLS: [OfCalls; 5] = [
    ("mcp_calls_total", "Requests of clients that were answered.", |of| of.calls),
    ("mcp_errors_total", "Requests answered with a JSON-RPC error.", |of| of.errors),
    ("mcp_tool_errors_total", "Calls of a tool whose result has isError.", |of| of.tool_errors),
    ("mcp_payload_bytes_total", "The size of responses.", |of| of.payload_bytes),
    ("mcp_store_round_trips_total", "Calls to the store.", |of| of.store_round_trips),
];

/// The page.
pub(crate) fn page(metrics: &Metrics) -> String {
    let totals = metrics.totals();
    let mut page = String::with_capacity(4096);
    calls(&mut page, &totals);
    head(&mut page, "mcp_open_streams", "gauge", "Streams that wait for events.");
    sample(&mut page, "mcp_open_streams", "", totals.open_streams);
    head(&mut page, "mcp_streams_refused_total", "counter", "Streams that were refused.");
    sample(&mut page, "mcp_streams_refused_total", "", totals.streams_refused);
    head(
        &mut page,
        "mcp_event_lag_seconds",
        "histogram",
        "From the time of an event to its first byte on a stream.",
    );
    histogram(&mut page, "mcp_event_lag_seconds", "", &totals.event_lag);
    tasks(&mut page, &totals);
    for (name, of_program) in &totals.program {
        let name = format!("mcp_program_{name}");
        head(&mut page, &name, "summary", "Recorded by the program.");
        sample(&mut page, &format!("{name}_sum"), "", of_program.sum);
        sample(&mut page, &format!("{name}_count"), "", of_program.count);
    }
    page
}

fn calls(page: &mut String, totals: &Totals) {
    let labelled: Vec<(String, &OfCall)> = totals
        .calls
        .iter()
        .map(|((method, tool), of)| (format!(r#"method="{}",tool="{}""#, escaped(method), escaped(tool)), of))
        .collect();
    for (name, help, value) in OF_CALLS {
        head(page, name, "counter", help);
        for (labels, of) in &labelled {
            sample(page, name, labels, value(of));
        }
    }
    let name = "mcp_duration_seconds";
    head(page, name, "histogram", "From the request to the last byte of its response.");
    for (labels, of) in &labelled {
        histogram(page, name, labels, &of.duration);
    }
}

fn tasks(page: &mut String, totals: &Totals) {
    let labelled: Vec<(String, &OfTasks)> =
        totals.tasks.iter().map(|(tool, of)| (format!(r#"tool="{}""#, escaped(tool)), of)).collect();
    head(page, "mcp_tasks_created_total", "counter", "Tasks that were created.");
    for (labels, of) in &labelled {
        sample(page, "mcp_tasks_created_total", labels, of.created);
    }
    head(page, "mcp_tasks_ended_total", "counter", "Tasks that have ended, by how they did.");
    for (labels, of) in &labelled {
        for (status, ended) in &of.ended {
            sample(page, "mcp_tasks_ended_total", &format!(r#"{labels},status="{status}""#), ended);
        }
    }
    head(page, "mcp_task_duration_seconds", "histogram", "From the creation of a task to its end.");
    for (labels, of) in &labelled {
        histogram(page, "mcp_task_duration_seconds", labels, &of.duration);
    }
    head(page, "mcp_task_queue_seconds", "histogram", "From the creation of a task to its first worker.");
    for (labels, of) in &labelled {
        histogram(page, "mcp_task_queue_seconds", labels, &of.queue_time);
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    // A string takes everything; so below.
    let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn sample(page: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = match labels {
        "" => writeln!(page, "{name} {value}"),
        _ => writeln!(page, "{name}{{{labels}}} {value}"),
    };
}

fn histogram(page: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let comma = if labels.is_empty() { "" } else { "," };
    for (bound, count) in BUCKETS.iter().zip(histogram.buckets) {
        sample(page, &format!("{name}_bucket"), &format!(r#"{labels}{comma}le="{bound}""#), count);
    }
    sample(page, &format!("{name}_bucket"), &format!(r#"{labels}{comma}le="+Inf""#), histogram.count);
    sample(page, &format!("{name}_sum"), labels, histogram.sum);
    sample(page, &format!("{name}_count"), labels, histogram.count);
}

/// The value of a label: a backslash, a quotation mark and a line feed are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

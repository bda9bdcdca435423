//! The metrics since the process started, for a reader that asks for them from time to time.

use std::collections::BTreeMap;

use super::{
    catalogue::{Dimensions, Values},
    program::Recorded,
};

/// The upper bounds of the buckets of durations and lags, in seconds: those of OpenTelemetry's conventions for MCP.
pub(super) const BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// How many values were at most as large as each bound, how many there were, and their sum.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    pub(super) buckets: [u64; BUCKETS.len()],
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// What is counted for one method and tool.
#[derive(Debug, Clone, Default)]
pub(super) struct OfCall {
    pub(super) calls: u64,
    pub(super) errors: u64,
    pub(super) tool_errors: u64,
    pub(super) duration: Histogram,
    pub(super) payload_bytes: u64,
    pub(super) store_round_trips: u64,
}

/// What is counted for the tasks of one tool.
#[derive(Debug, Clone, Default)]
pub(super) struct OfTasks {
    pub(super) created: u64,
    /// By how they ended.
    pub(super) ended: BTreeMap<Box<str>, u64>,
    pub(super) duration: Histogram,
    pub(super) queue_time: Histogram,
}

/// What is counted for one metric of the program.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfProgram {
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// The totals. Methods, tools and names are bounded before they come here.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) calls: BTreeMap<(Box<str>, Box<str>), OfCall>,
    pub(super) open_streams: u64,
    pub(super) streams_refused: u64,
    pub(super) event_lag: Histogram,
    /// By tool.
    pub(super) tasks: BTreeMap<Box<str>, OfTasks>,
    pub(super) program: BTreeMap<Box<str>, OfProgram>,
}

impl Totals {
    pub(super) fn add(&mut self, values: &Values, program: &[Recorded], dimensions: Dimensions<'_>) {
        let Dimensions { method, tool, status } = dimensions;
        if let (Some(calls), Some(method)) = (values.calls, method) {
            let of_call = self.calls.entry((method.into(), tool.unwrap_or_default().into())).or_default();
            of_call.calls += calls;
            of_call.errors += values.errors.unwrap_or(0);
            of_call.tool_errors += values.tool_errors.unwrap_or(0);
            of_call.payload_bytes += values.payload_bytes.unwrap_or(0);
            of_call.store_round_trips += values.store_round_trips.unwrap_or(0);
            if let Some(milliseconds) = values.duration {
                of_call.duration.add(milliseconds / 1e3);
            }
        }
        if method.is_none()
            && let Some(tool) = tool
        {
            self.tasks.entry(tool.into()).or_default().add(values, status);
        }
        self.open_streams = values.open_streams.unwrap_or(self.open_streams);
        self.streams_refused += values.streams_refused.unwrap_or(0);
        for milliseconds in &values.event_lag {
            self.event_lag.add(milliseconds / 1e3);
        }
        for recorded in program {
            let of_program = self.program.entry(recorded.name.clone()).or_default();
            of_program.count += recorded.values.len() as u64;
            of_program.sum += recorded.values.iter().sum::<f64>();
        }
    }
}

impl OfTasks {
    fn add(&mut self, values: &Values, status: Option<&str>) {
        self.created += values.tasks_created.unwrap_or(0);
        if let (Some(ended), Some(status)) = (values.tasks_ended, status) {
            *self.ended.entry(status.into()).or_default() += ended;
        }
        if let Some(milliseconds) = values.task_duration {
            self.duration.add(milliseconds / 1e3);
        }
        if let Some(milliseconds) = values.task_queue_time {
            self.queue_time.add(milliseconds / 1e3);
        }
    }
}

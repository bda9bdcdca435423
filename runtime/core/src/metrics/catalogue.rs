//! The metrics of the server. `tests/contract/metrics.json` has the same, with their meaning.

/// The namespace of all metrics.
pub(super) const NAMESPACE: &str = "McpLambdaServer";
/// The dimension that every metric has: metrics of two servers in one account are never added up.
pub(super) const FUNCTION: &str = "FunctionName";

/// A dimension besides the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Method,
    Tool,
    Status,
}

impl Dimension {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Method => "Method",
            Self::Tool => "Tool",
            Self::Status => "Status",
        }
    }
}

/// All of them.
pub(super) const DIMENSIONS: [Dimension; 3] = [Dimension::Method, Dimension::Tool, Dimension::Status];

/// The values of the dimensions in a line. Text that clients choose is in none: each value is known to the server.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dimensions<'a> {
    pub(super) method: Option<&'a str>,
    pub(super) tool: Option<&'a str>,
    pub(super) status: Option<&'a str>,
}

impl<'a> Dimensions<'a> {
    pub(super) fn of(&self, dimension: Dimension) -> Option<&'a str> {
        match dimension {
            Dimension::Method => self.method,
            Dimension::Tool => self.tool,
            Dimension::Status => self.status,
        }
    }
}

/// A metric of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Calls,
    Errors,
    ToolErrors,
    Duration,
    ColdStarts,
    OpenStreams,
    StreamsRefused,
    EventLag,
    PayloadBytes,
    StoreRoundTrips,
    TasksCreated,
    TasksEnded,
    TaskDuration,
    TaskQueueTime,
}

/// A metric with its name and its unit.
type Named = (Metric, &'static str, &'static str);

/// The sets of dimensions, each with its metrics.
pub(super) const SETS: [(&[Dimension], &[Named]); 5] = [
    (
        &[Dimension::Method, Dimension::Tool],
        &[
            (Metric::Calls, "Calls", "Count"),
            (Metric::Errors, "Errors", "Count"),
            (Metric::Duration, "Duration", "Milliseconds"),
        ],
    ),
    (
        &[Dimension::Tool],
        &[
            (Metric::ToolErrors, "ToolErrors", "Count"),
            (Metric::PayloadBytes, "PayloadBytes", "Bytes"),
            (Metric::TasksCreated, "TasksCreated", "Count"),
            (Metric::TaskDuration, "TaskDuration", "Milliseconds"),
            (Metric::TaskQueueTime, "TaskQueueTime", "Milliseconds"),
        ],
    ),
    (&[Dimension::Tool, Dimension::Status], &[(Metric::TasksEnded, "TasksEnded", "Count")]),
    (&[Dimension::Method], &[(Metric::StoreRoundTrips, "StoreRoundTrips", "Count")]),
    (
        &[],
        &[
            (Metric::ColdStarts, "ColdStarts", "Count"),
            (Metric::OpenStreams, "OpenStreams", "Count"),
            (Metric::StreamsRefused, "StreamsRefused", "Count"),
            (Metric::EventLag, "EventLag", "Milliseconds"),
        ],
    ),
];

/// Whether a name is one of the server's metrics, or a key that lines of metrics have besides.
pub(super) fn is_taken(name: &str) -> bool {
    let other = ["_aws", "level", FUNCTION];
    let is_dimension = DIMENSIONS.iter().any(|dimension| dimension.name() == name);
    is_dimension
        || SETS.iter().flat_map(|(_, metrics)| *metrics).any(|(_, taken, _)| *taken == name)
        || other.contains(&name)
}

/// What one line of metrics says of the server.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) calls: Option<u64>,
    pub(super) errors: Option<u64>,
    pub(super) tool_errors: Option<u64>,
    /// Milliseconds.
    pub(super) duration: Option<f64>,
    pub(super) cold_starts: Option<u64>,
    pub(super) open_streams: Option<u64>,
    pub(super) streams_refused: Option<u64>,
    /// Milliseconds.
    pub(super) event_lag: Vec<f64>,
    pub(super) payload_bytes: Option<u64>,
    pub(super) store_round_trips: Option<u64>,
    pub(super) tasks_created: Option<u64>,
    pub(super) tasks_ended: Option<u64>,
    /// Milliseconds.
    pub(super) task_duration: Option<f64>,
    /// Milliseconds.
    pub(super) task_queue_time: Option<f64>,
}

/// The value of a metric in a line.
pub(super) enum Value<'a> {
    Count(u64),
    Number(f64),
    Numbers(&'a [f64]),
}

impl Values {
    pub(super) fn of(&self, metric: Metric) -> Option<Value<'_>> {
        match metric {
            Metric::Calls => self.calls.map(Value::Count),
            Metric::Errors => self.errors.map(Value::Count),
            Metric::ToolErrors => self.tool_errors.map(Value::Count),
            Metric::Duration => self.duration.map(Value::Number),
            Metric::ColdStarts => self.cold_starts.map(Value::Count),
            Metric::OpenStreams => self.open_streams.map(Value::Count),
            Metric::StreamsRefused => self.streams_refused.map(Value::Count),
            Metric::EventLag => (!self.event_lag.is_empty()).then_some(Value::Numbers(&self.event_lag)),
            Metric::PayloadBytes => self.payload_bytes.map(Value::Count),
            Metric::StoreRoundTrips => self.store_round_trips.map(Value::Count),
            Metric::TasksCreated => self.tasks_created.map(Value::Count),
            Metric::TasksEnded => self.tasks_ended.map(Value::Count),
            Metric::TaskDuration => self.task_duration.map(Value::Number),
            Metric::TaskQueueTime => self.task_queue_time.map(Value::Number),
        }
    }
}

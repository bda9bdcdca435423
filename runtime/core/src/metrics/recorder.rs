//! From what happens to a line of the log, or to the totals of the process.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Measured, TaskStep,
    catalogue::{Dimensions, Values},
    emf::Lines,
    program::{self, NAMES, Recorded, Refused, Unit, VALUES},
    totals::Totals,
};
use crate::{telemetry::Repeated, time::Clock};

/// The dimension of what the server does not know.
const OTHER: &str = "other";
/// The most tools that have metrics of their own in one process. Each is four metrics that are billed.
const TOOLS: usize = 100;
/// The longest name of a tool with metrics of its own, in bytes.
const TOOL_LENGTH: usize = 128;
/// How long values may wait for the line of a request: a stream that passes on events may be the only one for minutes.
const WAIT: Duration = Duration::from_secs(10);

/// Writes a line of the log.
pub(crate) type WriteLine = Arc<dyn Fn(&[u8]) + Send + Sync>;
type IsListed = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The metrics of a server, and of its program. A tool finds them with
/// [`McpContext::metrics`](crate::McpContext::metrics). Clones share them.
///
/// On Lambda they are written into the log, in CloudWatch's embedded metric format, with the line of the next request that ends;
/// on a local address `MCP_METRICS_ADDR` serves them to Prometheus.
#[derive(Clone)]
pub struct Metrics(Arc<Recorder>);

/// What metrics are made of.
pub(crate) struct MetricsParts {
    pub(crate) clock: Clock,
    /// The name of the function, and the level of its lines.
    pub(crate) function: String,
    pub(crate) level: &'static str,
    /// Writes a line of the log. `None`: there are no lines.
    pub(crate) write: Option<WriteLine>,
    /// Whether totals are kept.
    pub(crate) keeps_totals: bool,
    /// Whether the handler has a tool.
    pub(crate) is_listed: IsListed,
}

struct Recorder {
    clock: Clock,
    lines: Option<(Lines, WriteLine)>,
    is_listed: IsListed,
    keeps_totals: bool,
    recorded: Mutex<State>,
    refusals: Repeated,
}

#[derive(Default)]
struct State {
    totals: Totals,
    /// What waits for the next line.
    waiting: Waiting,
    open_streams: u64,
    /// The tools that have metrics of their own.
    tools: HashSet<Box<str>>,
    /// The names under which the program has recorded.
    names: HashSet<Box<str>>,
}

#[derive(Default)]
struct Waiting {
    since: Option<Instant>,
    streams_refused: u64,
    event_lag: Vec<f64>,
    program: Vec<Recorded>,
}

impl Waiting {
    /// Whether it should not wait any longer.
    fn is_due(&self) -> bool {
        self.event_lag.len() >= VALUES
            || self.program.iter().any(|recorded| recorded.values.len() >= VALUES)
            || self.since.is_some_and(|since| since.elapsed() >= WAIT)
    }
}

impl Metrics {
    pub(crate) fn new(parts: MetricsParts) -> Self {
        let MetricsParts { clock, function, level, write, keeps_totals, is_listed } = parts;
        Self(Arc::new(Recorder {
            clock,
            lines: write.map(|write| (Lines::new(&function, level), write)),
            is_listed,
            keeps_totals,
            recorded: Mutex::default(),
            refusals: Repeated::default(),
        }))
    }

    /// Counts `count` more under a name of the program.
    ///
    /// ```
    /// # use mcp_lambda_server::{McpContext, rmcp::{RoleServer, service::RequestContext}};
    /// fn sold(context: &RequestContext<RoleServer>, books: u32) {
    ///     if let Some(metrics) = context.metrics() {
    ///         metrics.count("BooksSold", books);
    ///     }
    /// }
    /// ```
    pub fn count(&self, name: &str, count: u32) {
        self.record(name, Unit::Count, f64::from(count));
    }

    /// Records a value under a name of the program: letters, digits and underscores, a letter first, 64 bytes at most. A
    /// process keeps 50 names; what is recorded under others is left out, with a warning in the log.
    pub fn record(&self, name: &str, unit: Unit, value: f64) {
        let mut state = self.0.state();
        match state.record(name, unit, value) {
            Ok(()) => self.0.write_if_due(&mut state),
            Err(refused) => {
                drop(state);
                let name: String = name.chars().take(80).collect();
                self.0.refusals.log(&format!("{name} {refused}"), |count| {
                    tracing::warn!(name, %refused, count, "a value of a metric was left out");
                });
            }
        }
    }

    /// A request was served.
    pub(crate) fn served(&self, measured: &Measured<'_>) {
        let method = measured.method.unwrap_or(OTHER);
        let has_worked = !measured.is_fault && !measured.is_tool_error;
        // Before the lock: the handler's code may record metrics itself.
        let is_known = measured.tool.is_some_and(|tool| {
            let is_kept = self.0.state().tools.contains(tool);
            is_kept || has_worked || (self.0.is_listed)(tool)
        });
        let mut state = self.0.state();
        let tool = measured.tool.map(|tool| if state.has_metrics(tool, is_known) { tool } else { OTHER });
        let values = Values {
            calls: Some(1),
            errors: Some(u64::from(measured.is_fault)),
            tool_errors: tool.map(|_| u64::from(measured.is_tool_error)),
            duration: measured.duration.map(milliseconds),
            cold_starts: measured.is_cold_start.then_some(1),
            payload_bytes: Some(measured.bytes),
            store_round_trips: Some(measured.round_trips),
            ..Values::default()
        };
        self.0.write(&mut state, values, Dimensions { method: Some(method), tool, status: None });
    }

    /// A task was created, begun or ended. Its tool is one that the program runs as tasks.
    pub(crate) fn task(&self, tool: &str, step: TaskStep) {
        let mut values = Values::default();
        let mut status = None;
        match step {
            TaskStep::Created => values.tasks_created = Some(1),
            TaskStep::Begun { waited } => values.task_queue_time = Some(milliseconds(waited)),
            TaskStep::Ended { status: how, took } => {
                values.tasks_ended = Some(1);
                values.task_duration = Some(milliseconds(took));
                status = Some(how);
            }
        }
        let mut state = self.0.state();
        let tool = if state.has_metrics(tool, true) { tool } else { OTHER };
        self.0.write(&mut state, values, Dimensions { method: None, tool: Some(tool), status });
    }

    /// A stream that waits for events was opened.
    pub(crate) fn stream_opened(&self) {
        self.0.state().open_streams += 1;
    }

    /// A stream that waits for events has ended.
    pub(crate) fn stream_closed(&self) {
        let mut state = self.0.state();
        state.open_streams = state.open_streams.saturating_sub(1);
    }

    /// A stream was refused, because its caller, or the process, has as many as it may. The line of its request follows.
    pub(crate) fn stream_refused(&self) {
        self.0.state().waiting.streams_refused += 1;
    }

    /// An event was sent on a stream, so long after it was published.
    pub(crate) fn event_sent(&self, lag: Duration) {
        let mut state = self.0.state();
        state.waiting.since.get_or_insert_with(Instant::now);
        state.waiting.event_lag.push(milliseconds(lag));
        self.0.write_if_due(&mut state);
    }

    /// The totals, if they are kept.
    pub(super) fn totals(&self) -> Totals {
        let state = self.0.state();
        let mut totals = state.totals.clone();
        totals.open_streams = state.open_streams;
        totals
    }
}

impl Recorder {
    fn state(&self) -> MutexGuard<'_, State> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_if_due(&self, state: &mut State) {
        // Totals are read at any time.
        if self.lines.is_none() || state.waiting.is_due() {
            self.write(state, Values::default(), Dimensions::default());
        }
    }

    /// Writes a line with what has waited, or adds both to the totals.
    fn write(&self, state: &mut State, mut values: Values, dimensions: Dimensions<'_>) {
        let waiting = std::mem::take(&mut state.waiting);
        values.streams_refused = (waiting.streams_refused > 0).then_some(waiting.streams_refused);
        values.event_lag = waiting.event_lag;
        values.open_streams = Some(state.open_streams);
        if self.keeps_totals {
            state.totals.add(&values, &waiting.program, dimensions);
        }
        if let Some((lines, write)) = &self.lines {
            write(lines.line(self.clock.now(), &values, &waiting.program, dimensions).as_bytes());
        }
    }
}

impl State {
    /// Whether a tool has metrics of its own: the handler knows it, and there are not too many yet.
    fn has_metrics(&mut self, tool: &str, is_known: bool) -> bool {
        if self.tools.contains(tool) {
            return true;
        }
        let has = self.tools.len() < TOOLS && tool.len() <= TOOL_LENGTH && is_known;
        if has {
            self.tools.insert(tool.into());
        }
        has
    }

    fn record(&mut self, name: &str, unit: Unit, value: f64) -> Result<(), Refused> {
        program::check(name, value)?;
        if !self.names.contains(name) {
            if self.names.len() >= NAMES {
                return Err(Refused::TooMany);
            }
            self.names.insert(name.into());
        }
        self.waiting.since.get_or_insert_with(Instant::now);
        match self.waiting.program.iter_mut().find(|recorded| *recorded.name == *name) {
            Some(recorded) => recorded.values.push(value),
            None => {
                self.waiting.program.push(Recorded { name: name.into(), unit, values: vec![value] });
            }
        }
        Ok(())
    }
}

/// Milliseconds, with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

//! What a server is assembled of: the dispatcher with all that serves calls, and what observes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    config::{Config, SessionMode, TaskConfig},
    dispatch::{Dispatcher, StreamParts, Streams, ToolServices},
    error::ConfigError,
    events::{Events, Publisher, Tail},
    exchange::Exchanges,
    handler::{
        Handler, LargeResultParts, LayerParts, MakeRunner, StateKeys, TaskLayers,
        capabilities::{DeclaredCapabilities, Rules},
        layered,
    },
    keys::KeySource,
    lifecycle::Lifecycle,
    metrics::Metrics,
    results::ResultStore,
    session::{Inbox, Sessions},
    store::Stores,
    tasks::{LeaseTerms, TaskLimits, TaskQueue, TaskSupport, Tasks},
    telemetry::{Payloads, TaskTracing},
    time::Clock,
    tools::Tools,
    upstream_token::UpstreamTokenSource,
    worker::{EmbeddedWorker, QueueWorker, WorkerParts},
};

#[cfg(feature = "tool-definitions")]
use crate::tool_definitions::{DefinitionFile, Definitions};

#[cfg(feature = "metrics")]
pub(super) use crate::telemetry::MetricLines;
/// A program without metrics writes no lines of them.
#[cfg(not(feature = "metrics"))]
pub(super) type MetricLines = std::convert::Infallible;

#[cfg(feature = "otel")]
pub(super) type Tracer = Arc<dyn crate::telemetry::RequestTracer>;
/// A program without the feature has no tracing system.
#[cfg(not(feature = "otel"))]
pub(super) type Tracer = std::convert::Infallible;

/// What the program says about its tools.
pub(super) struct ToolParts {
    /// The tools that are disabled at first, if tools can be switched.
    pub(super) dynamic: Option<BTreeSet<String>>,
    /// Tools as a file defines them.
    #[cfg(feature = "tool-definitions")]
    pub(super) definitions: Option<DefinitionFile>,
    /// The tools that run as tasks.
    pub(super) tasks: BTreeMap<String, TaskSupport>,
    /// The queue from which workers take tasks.
    pub(super) queue: Option<Arc<dyn TaskQueue>>,
    /// Where results go that are too large for a response.
    pub(super) result_store: Option<Arc<dyn ResultStore>>,
    /// The keys of `requestState`. `None`: those of the configuration.
    pub(super) state_keys: Option<KeySource>,
    /// The tokens of callers at the provider where they have signed in.
    pub(super) upstream_tokens: Option<Arc<dyn UpstreamTokenSource>>,
    /// The tracing system that gets a span of each attempt of a task.
    pub(super) tracing: TaskTracing,
}

/// The metrics of the server: lines of the log on Lambda, totals where an address shows them.
#[cfg(feature = "metrics")]
pub(super) fn metrics(
    config: &Config,
    clock: &Clock,
    handler: &Arc<dyn Handler>,
    lines: Option<MetricLines>,
) -> Metrics {
    let handler = Arc::clone(handler);
    Metrics::new(crate::metrics::MetricsParts {
        clock: clock.clone(),
        function: config.function_name.clone().unwrap_or_default(),
        level: config.metrics_level,
        write: lines.map(|lines| -> crate::metrics::WriteLine { Arc::new(move |line| lines.write(line)) }),
        keeps_totals: config.runtime_api.is_none() && config.metrics_address.is_some(),
        is_listed: Arc::new(move |tool| handler.tool(tool).is_some()),
    })
}

/// The tracing system, with the tools that the handler has.
#[cfg(feature = "otel")]
pub(super) fn tracing(tracer: Tracer, handler: &Arc<dyn Handler>) -> crate::telemetry::Tracing {
    let handler = Arc::clone(handler);
    crate::telemetry::Tracing { tracer, is_listed: Arc::new(move |tool| handler.tool(tool).is_some()) }
}

#[cfg(not(feature = "metrics"))]
pub(super) fn metrics(_: &Config, _: &Clock, _: &Arc<dyn Handler>, _: Option<MetricLines>) -> Metrics {
    Metrics
}

/// Puts the parts that serve calls together.
#[inline(never)]
pub(super) fn dispatcher(
    handler: Arc<dyn Handler>,
    config: &Config,
    stores: Stores,
    lifecycle: &Lifecycle,
    publisher: Option<Arc<dyn Publisher>>,
    tool_parts: ToolParts,
    metrics: Metrics,
) -> Result<(Dispatcher, Option<QueueWorker>), ConfigError> {
    let Lifecycle { clock, tracker, shutdown, interrupt } = lifecycle;
    let info = handler.info();
    let rules = Rules {
        event_resources: config.events.enabled == Some(true),
        streams: config.streams.enabled,
        dynamic_tools: tool_parts.dynamic.is_some() || config.tool_definitions.is_some(),
        sessions: config.sessions.mode() != SessionMode::Off,
        tasks: !tool_parts.tasks.is_empty(),
    };
    let capabilities = DeclaredCapabilities::new(info.capabilities, rules);
    let tail = Tail::new(Arc::clone(&stores.events), stores.event_wake_up.clone(), tracker.clone());
    let events = Events::new(Arc::clone(&stores.events), Arc::clone(&tail), clock.clone(), config.events.ttl)
        .with_publisher(publisher);
    let tools = tool_parts.dynamic.map(|disabled| {
        let store = Arc::clone(&stores.state);
        Tools::new(disabled, config.tool_check_interval, store, events.clone(), clock.clone())
    });
    #[cfg(feature = "tool-definitions")]
    let definitions = tool_parts.definitions.map(|file| {
        let store = Arc::clone(&stores.state);
        let interval = config.tool_check_interval;
        (Definitions::new(file, interval, store, events.clone(), clock.clone()), clock.clone())
    });
    let services = Arc::new(ToolServices {
        events: events.clone(),
        tools: tools.clone(),
        metrics: metrics.clone(),
        upstream_tokens: tool_parts.upstream_tokens,
        sessions: stores.sessions,
        state: stores.state,
        clock: clock.clone(),
        state_ttl: config.session_ttl,
    });
    let worker = WorkerParts {
        tasks: Tasks::new(stores.tasks, clock.clone(), task_limits(&config.tasks))
            .with_metrics(metrics.clone()),
        services: Arc::clone(&services),
        clock: clock.clone(),
        ttl: config.tasks.ttl,
        per_process: config.tasks.per_process,
        lease: config.tasks.lease,
        program: info.server_info.version.clone(),
        tracker: tracker.clone(),
        shutdown: shutdown.clone(),
        tracing: tool_parts.tracing,
    };
    let tasks = worker.tasks.clone();
    let (mut queue_worker, queue) = (None, tool_parts.queue);
    let make_runner: MakeRunner<'_> = Box::new(|handler| match queue {
        Some(queue) => Arc::new(queue_worker.insert(QueueWorker::new(handler, worker, queue)).clone()),
        None => Arc::new(EmbeddedWorker::new(handler, worker)),
    });
    let task_layers =
        rules.tasks.then(|| TaskLayers { tools: tool_parts.tasks, tasks: tasks.clone(), make_runner });
    // Without tables, the state that a client could go on with is gone after a restart as well.
    let has_keys = !config.state_keys.is_empty() || tool_parts.state_keys.is_some();
    if !has_keys && (config.tables.is_some() || config.runtime_api.is_some()) {
        tracing::warn!(
            "MCP_STATE_KEYS is not set: requestState is signed with a key made at start, so it is refused on \
             another environment and after a restart"
        );
    }
    let handler = layered(
        handler,
        LayerParts {
            capabilities: &capabilities,
            event_log: rules.event_resources.then(|| Arc::clone(&stores.events)),
            tools,
            argument_checks: config.argument_checks,
            tasks: task_layers,
            tool_scopes: config.auth.tools.clone(),
            #[cfg(feature = "tool-definitions")]
            definitions,
            large_results: tool_parts.result_store.map(|store| LargeResultParts {
                store,
                limit: config.large_results.max_bytes,
                clock: clock.clone(),
            }),
            state_keys: tool_parts.state_keys.map_or(StateKeys::Given(&config.state_keys), StateKeys::Secret),
            state_ttl: config.state_ttl,
        },
    )?;
    let sessions = Sessions::new(Arc::clone(&services.sessions), clock.clone(), config.session_ttl);
    let streams = Streams::new(StreamParts {
        config: config.streams,
        leases: stores.stream_leases,
        tracker: tracker.clone(),
        clock: clock.clone(),
        tail,
        sessions: sessions.clone(),
        replies: stores.streams,
        tasks: rules.tasks.then_some(tasks),
        capabilities: capabilities.clone(),
        server_info: info.server_info.clone(),
        shutdown: shutdown.clone(),
        metrics,
    });
    let dispatcher = Dispatcher {
        exchanges: Arc::new(Exchanges {
            handler,
            events,
            server_info: info.server_info,
            keep_alive: config.streams.keep_alive,
            max_response: config.max_response,
            payloads: Payloads(config.log_payloads),
            interrupt: interrupt.clone(),
        }),
        services,
        inbox: Inbox::new(stores.inbox, stores.message_wake_up, clock.clone()),
        tracker: tracker.clone(),
        capabilities,
        sessions,
        session_mode: config.sessions.mode(),
        subscription_limit: config.sessions.subscriptions,
        streams,
    };
    Ok((dispatcher, queue_worker))
}

fn task_limits(config: &TaskConfig) -> TaskLimits {
    TaskLimits {
        open_per_principal: config.per_principal,
        lease: LeaseTerms { length: config.lease, attempts: config.attempts },
    }
}

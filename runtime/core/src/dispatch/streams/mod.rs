//! Streams that wait: for events (`subscriptions/listen`, GET), or for the rest of a reply.
//!
//! * [`BoundedStream`]: what they share: a deadline, keep-alives, a cap per caller, and a graceful end.
//! * [`listen`], [`get`], [`replay`]: the three sources. [`task_watch`]: the tasks that a listen stream hears of.

mod event_lag;
mod get;
mod get_streams;
mod listen;
mod replay;
mod task_watch;

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use futures::StreamExt;
use http::Method;
use rmcp::model::Implementation;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{event_lag::EventLag, get_streams::GetStreams};
use super::Caller;
use crate::{
    config::StreamConfig,
    events::Tail,
    handler::capabilities::DeclaredCapabilities,
    ids::SessionId,
    ingress::ResponseDeadline,
    limits::{StreamLeaseStore, StreamLimiter, StreamPermit},
    metrics::Metrics,
    protocol::Fault,
    session::Sessions,
    stream::{Frame, FrameStream, StreamStore},
    tasks::Tasks,
    time::{Clock, Deadline},
    uri::{covers, normalized},
};

/// What the streams of a server share.
pub(crate) struct Streams {
    config: StreamConfig,
    limiter: StreamLimiter,
    leases: Arc<dyn StreamLeaseStore>,
    tracker: TaskTracker,
    clock: Clock,
    tail: Arc<Tail>,
    sessions: Sessions,
    replies: Arc<dyn StreamStore>,
    /// `None`: no tool runs as a task.
    tasks: Option<Tasks>,
    capabilities: DeclaredCapabilities,
    server_info: Implementation,
    shutdown: CancellationToken,
    metrics: Metrics,
    get_streams: GetStreams,
}

/// What [`Streams`] are made of.
pub(crate) struct StreamParts {
    pub(crate) config: StreamConfig,
    pub(crate) leases: Arc<dyn StreamLeaseStore>,
    pub(crate) tracker: TaskTracker,
    pub(crate) clock: Clock,
    pub(crate) tail: Arc<Tail>,
    pub(crate) sessions: Sessions,
    pub(crate) replies: Arc<dyn StreamStore>,
    pub(crate) tasks: Option<Tasks>,
    pub(crate) capabilities: DeclaredCapabilities,
    pub(crate) server_info: Implementation,
    pub(crate) shutdown: CancellationToken,
    pub(crate) metrics: Metrics,
}

/// Kept back of a request's time, so that a stream ends gracefully and is not cut off.
const CLOSING_TIME: Duration = Duration::from_secs(3);

impl Streams {
    pub(crate) fn new(parts: StreamParts) -> Arc<Self> {
        Arc::new(Self {
            limiter: StreamLimiter::new(parts.config.per_process, parts.metrics.clone()),
            config: parts.config,
            leases: parts.leases,
            tracker: parts.tracker,
            clock: parts.clock,
            tail: parts.tail,
            sessions: parts.sessions,
            replies: parts.replies,
            tasks: parts.tasks,
            capabilities: parts.capabilities,
            server_info: parts.server_info,
            shutdown: parts.shutdown,
            metrics: parts.metrics,
            get_streams: GetStreams::default(),
        })
    }

    pub(crate) fn are_enabled(&self) -> bool {
        self.config.enabled
    }

    /// How long a client should wait before it reconnects.
    pub(crate) fn retry(&self) -> Duration {
        self.config.retry
    }

    pub(crate) fn reply_store(&self) -> &Arc<dyn StreamStore> {
        &self.replies
    }

    fn event_lag(&self) -> EventLag {
        EventLag::new(self.metrics.clone(), self.clock.clone())
    }

    /// Ends the GET stream of a session that has ended.
    pub(super) fn end_of(&self, session: &SessionId) {
        self.get_streams.end(session);
    }

    /// When a stream that waits must have ended: no stream outlives the token of its caller.
    fn lifetime(&self, caller: &Caller) -> Deadline {
        let ingress = &caller.ingress;
        let lifetime = self.config.lifetime.unwrap_or(ingress.stream_lifetime);
        let deadline = ingress.deadline.minus(CLOSING_TIME).capped(lifetime);
        let now = self.clock.now();
        // A gateway that caches what it has decided may accept a token for longer: then the gateway counts.
        let deadline = match caller.principal.expires_at().filter(|expires_at| *expires_at > now) {
            Some(expires_at) => deadline.capped(expires_at.since(now)),
            None => deadline,
        };
        if let Some(response) = caller.parts.extensions.get::<ResponseDeadline>() {
            response.set(deadline);
        }
        deadline
    }

    /// Counts a stream of a caller until it ends, at its deadline at the latest.
    async fn permit(&self, caller: &Caller, deadline: &Deadline) -> Result<StreamPermit, Fault> {
        let expires_at = self.clock.now().plus(deadline.remaining());
        let limit = self.config.per_principal;
        // A GET stream is of a session, which is looked for next; any other request can bring an id that it has invented.
        let key = match caller.parts.method {
            Method::GET => caller.key.clone(),
            _ => caller.key.without_session(),
        };
        StreamPermit::acquire(&self.limiter, &self.leases, &self.tracker, &key, limit, expires_at).await
    }
}

/// What a stream waits for.
trait Source: Send + 'static {
    type Item: Send;

    /// Waits for the next item. Dropping the future loses nothing.
    fn wait(&mut self) -> impl Future<Output = Self::Item> + Send;

    /// Makes frames of an item. It runs to its end.
    fn frames(&mut self, item: Self::Item) -> impl Future<Output = Step> + Send;

    /// Checks, when nothing was sent for the keep-alive interval, whether the stream goes on.
    fn goes_on(&mut self) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }

    /// The last frame of a stream that ends before its source does.
    fn farewell(&mut self) -> Frame;
}

/// What follows from an item.
enum Step {
    /// These frames are sent, and the stream goes on.
    Frames(Vec<Frame>),
    /// These frames are the last: the source is at its end.
    Last(Vec<Frame>),
    /// The stream ends with its farewell.
    End,
}

/// A stream with a deadline, keep-alives, a permit that counts it, and a graceful end.
struct BoundedStream<S> {
    source: S,
    /// Frames that are made, and not sent yet.
    waiting: VecDeque<Frame>,
    permit: Option<StreamPermit>,
    deadline: Deadline,
    keep_alive: Duration,
    shutdown: CancellationToken,
    has_ended: bool,
}

impl<S: Source> BoundedStream<S> {
    fn new(streams: &Streams, source: S, deadline: Deadline, permit: Option<StreamPermit>) -> Self {
        Self {
            source,
            waiting: VecDeque::new(),
            permit,
            deadline,
            keep_alive: streams.config.keep_alive,
            shutdown: streams.shutdown.clone(),
            has_ended: false,
        }
    }

    /// The stream, with its first frames.
    fn opening_with(mut self, frames: impl IntoIterator<Item = Frame>) -> FrameStream {
        self.waiting.extend(frames);
        futures::stream::unfold(self, async |mut stream| {
            let frame = stream.next().await?;
            Some((frame, stream))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Frame> {
        let idle_at = Instant::now() + self.keep_alive;
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            if self.has_ended {
                return None;
            }
            // In this order: items that are there are sent before a stream ends, unless its time is over.
            let step = tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.deadline.instant()) => Step::End,
                item = self.source.wait() => self.source.frames(item).await,
                () = self.shutdown.cancelled() => Step::End,
                () = tokio::time::sleep_until(idle_at) => {
                    if self.source.goes_on().await { Step::Frames(vec![Frame::KeepAlive]) } else { Step::End }
                }
            };
            match step {
                Step::Frames(frames) => self.waiting.extend(frames),
                Step::Last(frames) => self.end_with(frames).await,
                Step::End => {
                    let farewell = self.source.farewell();
                    self.end_with(vec![farewell]).await;
                }
            }
        }
    }

    /// Gives the permit back before the last frame is sent, so that the client's next stream finds it free.
    async fn end_with(&mut self, frames: Vec<Frame>) {
        self.has_ended = true;
        if let Some(permit) = &mut self.permit {
            permit.release().await;
        }
        self.waiting.extend(frames);
    }
}

/// Whether an updated resource is one of the subscribed ones, or lies below one. Subscribed URIs are normalized.
fn is_about<'a>(mut subscribed: impl Iterator<Item = &'a String>, uri: &str) -> bool {
    let uri = normalized(uri);
    subscribed.any(|known| covers(known, &uri))
}

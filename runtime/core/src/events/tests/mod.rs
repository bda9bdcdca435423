//! Whatever is appended, delivered twice, left by a dead writer, missed, frozen over or lagged behind: a subscription
//! hears each event once, in the order of the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    Appended, Event, EventKey, EventLog, LoggedEvent, NewEvent, Scope, ScopeEnd, Subscription, Tail,
};
use crate::{
    auth::Principal,
    error::StoreError,
    ids::SessionId,
    store::MemoryStore,
    time::{Clock, Timestamp},
};

mod written;

use written::Written;

/// What a GET stream of a known caller listens to: everybody's scope, its caller's and its session's.
const SCOPES: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// An event from nowhere, or a delivery of a source that may deliver it again. The listener's process may hear of
    /// it, or not.
    Append { scope: usize, source: Option<u8>, wakes: bool },
    /// A writer takes a place.
    Begin { scope: usize },
    /// One of those that have a place writes.
    Finish(usize),
    /// One of those that have a place dies.
    Die(usize),
    /// More events at once than the broadcast holds.
    Flood { scope: usize },
    /// Hears up to so many events.
    Hear(usize),
    /// Gives up on an event that is half heard.
    Interrupt,
    /// Leaves, and remembers its places.
    Leave,
    /// Comes back to its places, in this process or in a fresh one.
    Return { elsewhere: bool },
    /// Somebody else keeps the tail running, or does not.
    Neighbour(bool),
    /// The process is frozen: time passes, and nothing runs.
    Freeze,
    /// The tail has time to look.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SCOPES, proptest::option::of(0..4_u8), any::<bool>())
            .prop_map(|(scope, source, wakes)| Step::Append { scope, source, wakes }),
        2 => (0..SCOPES).prop_map(|scope| Step::Begin { scope }),
        2 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Die),
        1 => (0..SCOPES).prop_map(|scope| Step::Flood { scope }),
        4 => (1..8_usize).prop_map(Step::Hear),
        1 => Just(Step::Interrupt),
        2 => Just(Step::Leave),
        3 => any::<bool>().prop_map(|elsewhere| Step::Return { elsewhere }),
        1 => any::<bool>().prop_map(Step::Neighbour),
        1 => Just(Step::Freeze),
        3 => Just(Step::Wait),
    ]
}

struct World {
    log: Arc<Written>,
    tail: Arc<Tail>,
    scopes: Vec<Scope>,
    /// Who has a place and has not written yet.
    writers: Vec<(usize, u64, NewEvent)>,
    /// What was heard of each scope.
    heard: Vec<Vec<(u64, Event)>>,
    listener: Option<Subscription>,
    neighbour: Option<Subscription>,
    appended: u64,
}

fn new(number: u64, source: Option<u8>) -> NewEvent {
    NewEvent {
        event: Event::ResourceUpdated { uri: format!("test://{number}") },
        source_id: source.map(|source| source.to_string()),
        at: Timestamp(0),
        expires_at: Timestamp(1),
    }
}

impl World {
    fn new() -> Self {
        let log = Arc::new(Written::default());
        let tail = Tail::new(Arc::clone(&log) as _, TaskTracker::new());
        let own = Scope::Session(SessionId::random());
        let scopes = Scope::heard_by(&Principal::new("issuer", "alice")).into_iter().chain([own]).collect();
        Self {
            log,
            tail,
            scopes,
            writers: Vec::new(),
            heard: vec![Vec::new(); SCOPES],
            listener: None,
            neighbour: None,
            appended: 0,
        }
    }

    async fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Append { scope, source, wakes } => self.append(scope, source, wakes).await,
                Step::Begin { scope } => {
                    self.appended += 1;
                    let place = self.log.begin(&self.scopes[scope]);
                    self.writers.push((scope, place, new(self.appended, None)));
                }
                Step::Finish(which) if !self.writers.is_empty() => {
                    let (at, place, event) = self.writers.remove(which % self.writers.len());
                    // One that comes too late writes elsewhere, as the store does.
                    if !self.log.finish(&self.scopes[at], place, &event) {
                        self.log.append(&self.scopes[at], &event).await.expect("appended");
                    }
                }
                Step::Die(which) if !self.writers.is_empty() => {
                    self.writers.remove(which % self.writers.len());
                }
                Step::Finish(_) | Step::Die(_) => {}
                Step::Flood { scope } => {
                    for _ in 0..300 {
                        self.append(scope, None, true).await;
                    }
                }
                Step::Hear(times) => {
                    for _ in 0..times {
                        self.hear().await;
                    }
                }
                Step::Interrupt => self.interrupt(),
                Step::Leave => self.listener = None,
                Step::Return { elsewhere } => self.come_back(elsewhere).await,
                Step::Neighbour(false) => self.neighbour = None,
                Step::Neighbour(true) => {
                    let neighbour = self.tail.subscribe(self.scopes.clone(), None).await.expect("subscribed");
                    self.neighbour = Some(neighbour);
                }
                Step::Freeze => tokio::time::advance(Duration::from_secs(600)).await,
                Step::Wait => tokio::time::sleep(Duration::from_secs(3)).await,
            }
        }
        self.come_back(false).await;
        while self.hear().await {}
        for (scope, heard) in self.scopes.iter().zip(&self.heard) {
            assert_eq!(*heard, self.log.events(scope), "everything was heard once, in the order of the log");
        }
    }

    async fn append(&mut self, scope: usize, source: Option<u8>, wakes: bool) {
        self.appended += 1;
        let event = new(self.appended, source);
        self.log.append(&self.scopes[scope], &event).await.expect("appended");
        if wakes {
            self.tail.wake();
        }
    }

    /// Hears one event, if there is one to hear.
    async fn hear(&mut self) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        let Ok(heard) = tokio::time::timeout(Duration::from_secs(30), listener.next()).await else {
            return false;
        };
        self.note(heard.expect("the log can be read"));
        true
    }

    /// Polls once and drops the future, as a `select!` does whose other branch was faster.
    fn interrupt(&mut self) {
        use futures::FutureExt;
        let Some(listener) = &mut self.listener else { return };
        if let Some(heard) = listener.next().now_or_never() {
            self.note(heard.expect("the log can be read"));
        }
    }

    fn note(&mut self, (scope, event): (Scope, LoggedEvent)) {
        let at = self.scopes.iter().position(|known| *known == scope).expect("a scope it listens to");
        assert_eq!(self.listener.as_ref().expect("it has just said so").place(&scope), event.seq);
        self.heard[at].push((event.seq, event.event));
    }

    async fn come_back(&mut self, elsewhere: bool) {
        if self.listener.is_none() {
            let places = self.heard.iter().map(|heard| heard.last().map_or(0, |(seq, _)| *seq)).collect();
            if elsewhere {
                self.neighbour = None;
                self.tail = Tail::new(Arc::clone(&self.log) as _, TaskTracker::new());
            }
            let listener = self.tail.subscribe(self.scopes.clone(), Some(places)).await;
            self.listener = Some(listener.expect("subscribed"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_subscription_hears_each_event_once_in_the_order_of_the_log(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
            .expect("a runtime");
        runtime.block_on(World::new().run(steps));
    }
}

/// The one who listens from now on hears everything appended after `subscribe` has returned, and nothing older.
#[tokio::test(start_paused = true)]
async fn a_fresh_subscription_hears_what_comes_after_it() {
    let mut world = World::new();
    world.append(0, None, true).await;
    world.listener = Some(world.tail.subscribe(world.scopes.clone(), None).await.expect("subscribed"));
    world.append(0, None, true).await;
    world.append(1, None, true).await;
    world.append(2, None, true).await;
    while world.hear().await {}
    let heard: Vec<Vec<u64>> =
        world.heard.iter().map(|heard| heard.iter().map(|(seq, _)| *seq).collect()).collect();
    assert_eq!(heard, [vec![2], vec![1], vec![1]]);
}

/// Nothing of a process runs when nobody listens: on Lambda it would run in somebody else's invocation.
#[tokio::test(start_paused = true)]
async fn the_tail_ends_with_its_last_listener() {
    let tracker = TaskTracker::new();
    let log: Arc<dyn EventLog> = Arc::new(MemoryStore::new(Clock::manual(Timestamp(0))));
    let tail = Tail::new(log, tracker.clone());
    for _ in 0..3 {
        let one = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
        let two = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 1);
        drop(one);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 1, "one still listens");
        drop(two);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 0);
    }
}

/// A log whose first answer about its ends is long on its way.
struct Slow {
    log: Written,
    first: AtomicBool,
    arrive: Notify,
}

#[async_trait::async_trait]
impl EventLog for Slow {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        self.log.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        self.log.heads(scopes).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let ends = self.log.ends(scopes).await;
        if self.first.swap(false, Ordering::SeqCst) {
            self.arrive.notified().await;
        }
        ends
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.log.read(scope, after, limit).await
    }

    async fn settle(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        self.log.settle(scope, after).await
    }

    async fn event_keys(
        &self,
        _: &Scope,
        _: Option<&EventKey>,
        _: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        Ok(Vec::new())
    }

    async fn newest(&self, _: &Scope, _: &EventKey, _: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        Ok(Vec::new())
    }
}

/// Another listener who comes meanwhile moves the tail past the place of one whose ends are still on their way.
#[tokio::test(start_paused = true)]
async fn what_comes_while_a_listener_subscribes_is_heard() {
    let slow =
        Arc::new(Slow { log: Written::default(), first: AtomicBool::new(true), arrive: Notify::new() });
    let tail = Tail::new(Arc::clone(&slow) as _, TaskTracker::new());
    let mut subscribing = Box::pin(tail.subscribe(vec![Scope::Global], None));
    assert!(futures::poll!(&mut subscribing).is_pending());
    slow.append(&Scope::Global, &new(1, None)).await.expect("appended");
    let _other = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
    slow.arrive.notify_one();
    let mut listener = subscribing.await.expect("subscribed");
    let heard = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
    assert_eq!(heard.expect("heard in time").expect("read").1.seq, 1);
}

/// Whoever begins to listen while a writer is at work hears of what it writes.
#[tokio::test(start_paused = true)]
async fn what_is_being_written_while_a_listener_subscribes_is_heard() {
    let log = Arc::new(Written::default());
    let tail = Tail::new(Arc::clone(&log) as _, TaskTracker::new());
    let place = log.begin(&Scope::Global);
    log.append(&Scope::Global, &new(2, None)).await.expect("appended");
    let mut listener = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
    assert!(log.finish(&Scope::Global, place, &new(1, None)));
    for seq in [1, 2] {
        let heard = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
        assert_eq!(heard.expect("heard in time").expect("read").1.seq, seq);
    }
}

/// One who has died holds the others up for as long as a writer may take, and no longer.
#[tokio::test(start_paused = true)]
async fn the_place_of_a_dead_writer_is_passed_after_two_seconds() {
    let log = Arc::new(Written::default());
    let tail = Tail::new(Arc::clone(&log) as _, TaskTracker::new());
    let mut listener = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
    let place = log.begin(&Scope::Global);
    log.append(&Scope::Global, &new(2, None)).await.expect("appended");
    let begun = tokio::time::Instant::now();
    let heard = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
    assert_eq!(heard.expect("heard in time").expect("read").1.seq, 2);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(5), "{waited:?}");
    assert!(!log.finish(&Scope::Global, place, &new(1, None)), "it comes too late, and is told so");
}

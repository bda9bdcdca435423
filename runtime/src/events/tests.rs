//! Whatever is appended, delivered twice, missed or lagged behind: a subscription hears each event once, in the order
//! of the log.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{Appended, Event, EventLog, LoggedEvent, NewEvent, Scope, Subscription, Tail};
use crate::{Clock, MemoryStore, StoreError, clock::Timestamp, session::SessionId};

#[derive(Debug, Clone)]
enum Step {
    /// An event from nowhere, or a delivery of a source that may deliver it again.
    Append { own: bool, source: Option<u8> },
    /// More events at once than the broadcast holds.
    Flood { own: bool },
    /// Hears up to so many events.
    Hear(usize),
    /// Gives up on an event that is half heard.
    Interrupt,
    /// Leaves, and remembers its places.
    Leave,
    /// Comes back to its places.
    Return,
    /// Somebody else keeps the tail running, or does not.
    Neighbour(bool),
    /// The tail has time to look.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), proptest::option::of(0..4_u8)).prop_map(|(own, source)| Step::Append { own, source }),
        1 => any::<bool>().prop_map(|own| Step::Flood { own }),
        4 => (1..8_usize).prop_map(Step::Hear),
        1 => Just(Step::Interrupt),
        2 => Just(Step::Leave),
        3 => Just(Step::Return),
        1 => any::<bool>().prop_map(Step::Neighbour),
        3 => Just(Step::Wait),
    ]
}

struct World {
    log: Arc<dyn EventLog>,
    tail: Arc<Tail>,
    scopes: Vec<Scope>,
    /// What each scope holds, in order.
    model: HashMap<Scope, Vec<Event>>,
    places: Vec<u64>,
    listener: Option<Subscription>,
    neighbour: Option<Subscription>,
    appended: u64,
}

impl World {
    fn new() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryStore::new(Clock::manual(Timestamp(0))));
        let tail = Tail::new(Arc::clone(&log), TaskTracker::new());
        let scopes = vec![Scope::Global, Scope::Session(SessionId::random())];
        Self {
            log,
            tail,
            scopes,
            model: HashMap::new(),
            places: vec![0, 0],
            listener: None,
            neighbour: None,
            appended: 0,
        }
    }

    async fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Append { own, source } => self.append(own, source).await,
                Step::Flood { own } => {
                    for _ in 0..300 {
                        self.append(own, None).await;
                    }
                }
                Step::Hear(times) => {
                    for _ in 0..times {
                        self.hear().await;
                    }
                }
                Step::Interrupt => self.interrupt(),
                Step::Leave => self.listener = None,
                Step::Return => self.come_back().await,
                Step::Neighbour(false) => self.neighbour = None,
                Step::Neighbour(true) => {
                    let neighbour = self.tail.subscribe(self.scopes.clone(), None).await.expect("subscribed");
                    self.neighbour = Some(neighbour);
                }
                Step::Wait => tokio::time::sleep(Duration::from_secs(3)).await,
            }
        }
        self.come_back().await;
        while self.hear().await {}
        let held: Vec<_> =
            self.scopes.iter().map(|scope| self.model.get(scope).map_or(0, Vec::len)).collect();
        let heard: Vec<_> = self.places.iter().map(|place| usize::try_from(*place).expect("few")).collect();
        assert_eq!(heard, held, "everything was heard");
    }

    async fn append(&mut self, own: bool, source: Option<u8>) {
        self.appended += 1;
        let scope = &self.scopes[usize::from(own)];
        let event = NewEvent {
            event: Event::ResourceUpdated { uri: format!("test://{}", self.appended) },
            source_id: source.map(|source| source.to_string()),
            at: Timestamp(0),
            expires_at: Timestamp(1),
        };
        let events = self.model.entry(scope.clone()).or_default();
        match self.log.append(scope, &event).await.expect("appended") {
            Appended::At(seq) => {
                events.push(event.event);
                assert_eq!(seq, events.len() as u64);
            }
            Appended::Already(seq) => assert!(seq <= events.len() as u64 && source.is_some()),
        }
        self.tail.wake();
    }

    /// Hears one event, if there is one to hear.
    async fn hear(&mut self) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        let Ok(heard) = tokio::time::timeout(Duration::from_secs(30), listener.next()).await else {
            return false;
        };
        let (scope, event) = heard.expect("the log can be read");
        let at = self.scopes.iter().position(|known| *known == scope).expect("a scope it listens to");
        self.places[at] += 1;
        assert_eq!(event.seq, self.places[at], "the next one of its scope");
        assert_eq!(listener.place(&scope), event.seq);
        let events = &self.model[&scope];
        assert_eq!(event.event, events[usize::try_from(event.seq).expect("few") - 1]);
        true
    }

    /// Polls once and drops the future, as a `select!` does whose other branch was faster.
    fn interrupt(&mut self) {
        use futures::FutureExt;
        let Some(listener) = &mut self.listener else { return };
        if let Some(heard) = listener.next().now_or_never() {
            let (scope, event) = heard.expect("the log can be read");
            let at = self.scopes.iter().position(|known| *known == scope).expect("a scope it listens to");
            self.places[at] += 1;
            assert_eq!(event.seq, self.places[at]);
        }
    }

    async fn come_back(&mut self) {
        if self.listener.is_none() {
            let from = Some(self.places.clone());
            self.listener = Some(self.tail.subscribe(self.scopes.clone(), from).await.expect("subscribed"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_subscription_hears_each_event_once_in_the_order_of_the_log(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
            .expect("a runtime");
        runtime.block_on(World::new().run(steps));
    }
}

/// The one who listens from now on hears everything appended after `subscribe` has returned, and nothing older.
#[tokio::test(start_paused = true)]
async fn a_fresh_subscription_hears_what_comes_after_it() {
    let mut world = World::new();
    world.append(false, None).await;
    world.listener = Some(world.tail.subscribe(world.scopes.clone(), None).await.expect("subscribed"));
    world.places = vec![1, 0];
    world.append(false, None).await;
    world.append(true, None).await;
    while world.hear().await {}
    assert_eq!(world.places, [2, 1]);
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

/// A log whose first answer about its heads is long on its way.
struct Slow {
    log: MemoryStore,
    first: AtomicBool,
    arrive: Notify,
}

#[async_trait::async_trait]
impl EventLog for Slow {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        self.log.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let heads = self.log.heads(scopes).await;
        if self.first.swap(false, Ordering::SeqCst) {
            self.arrive.notified().await;
        }
        heads
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.log.read(scope, after, limit).await
    }
}

/// Another listener who comes meanwhile moves the tail past the place of one whose heads are still on their way.
#[tokio::test(start_paused = true)]
async fn what_comes_while_a_listener_subscribes_is_heard() {
    let log = MemoryStore::new(Clock::manual(Timestamp(0)));
    let slow = Arc::new(Slow { log, first: AtomicBool::new(true), arrive: Notify::new() });
    let tail = Tail::new(Arc::clone(&slow) as _, TaskTracker::new());
    let mut subscribing = Box::pin(tail.subscribe(vec![Scope::Global], None));
    assert!(futures::poll!(&mut subscribing).is_pending());
    let event = Event::ToolsListChanged;
    let event = NewEvent { event, source_id: None, at: Timestamp(0), expires_at: Timestamp(1) };
    slow.append(&Scope::Global, &event).await.expect("appended");
    let _other = tail.subscribe(vec![Scope::Global], None).await.expect("subscribed");
    slow.arrive.notify_one();
    let mut listener = subscribing.await.expect("subscribed");
    let heard = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
    assert_eq!(heard.expect("heard in time").expect("read").1.seq, 1);
}

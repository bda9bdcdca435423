//! What holds for each task, with any workers, client, queue and store: workers die, freeze and thaw, a
//! message is delivered twice, a write lands and its response is lost, and no two clocks agree.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_server::{
    Clock, MemoryStore, Principal, StoreError,
    session::{Rev, Versioned},
    tasks::{
        Checkpoint, ExternalUpdate, HeldTask, Task, TaskCursor, TaskId, TaskLimits, TaskOutcome, TaskStore,
        Tasks,
    },
    time::Timestamp,
};
use proptest::{collection, prelude::*};
use serde_json::{Map, json};

/// Three workers, and how far each one's clock is off.
const CLOCKS: [u64; 3] = [0, 7_000, 45_000];
const START: u64 = 1_800_000_000_000;

/// What happens to a write.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Lands,
    /// The write lands, the response is lost, and the retry of the SDK finds its condition not met.
    ResponseLost,
    Fails,
}

#[derive(Debug, Clone)]
enum Action {
    /// A message of the queue reaches a worker, perhaps for the second time.
    Deliver(usize),
    /// A worker that took the task, some time ago, does something.
    Work(usize, Work),
    /// A worker dies, or is forgotten by its environment.
    Die(usize),
    Answer(u8),
    Cancel,
    /// Another system ends the task.
    Settle(u8),
    /// As `tasks/cancel` of 2025-11-25, which ends a task at once.
    End,
    Wait(u64),
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Heartbeat,
    Message(u8),
    Checkpoint(u8),
    Ask(u8),
    Finish(u8),
    Release(u64),
    ReleaseUntilAnswered,
    HandOver,
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        3 => Just(Work::Heartbeat),
        1 => any::<u8>().prop_map(Work::Message),
        2 => any::<u8>().prop_map(Work::Checkpoint),
        2 => (0_u8..4).prop_map(Work::Ask),
        1 => (0_u8..3).prop_map(Work::Finish),
        1 => (0_u64..90).prop_map(Work::Release),
        1 => Just(Work::ReleaseUntilAnswered),
        1 => Just(Work::HandOver),
    ]
}

fn action() -> impl Strategy<Value = (Action, Fate)> {
    let action = prop_oneof![
        4 => (0..CLOCKS.len()).prop_map(Action::Deliver),
        10 => (0_usize..8, work()).prop_map(|(worker, work)| Action::Work(worker, work)),
        1 => (0_usize..8).prop_map(Action::Die),
        2 => (0_u8..4).prop_map(Action::Answer),
        1 => Just(Action::Cancel),
        1 => (0_u8..3).prop_map(Action::Settle),
        1 => Just(Action::End),
        3 => (0_u64..100).prop_map(Action::Wait),
    ];
    let fate = prop_oneof![8 => Just(Fate::Lands), 2 => Just(Fate::ResponseLost), 1 => Just(Fate::Fails)];
    (action, fate)
}

/// A memory store that lets its next write meet a fate.
struct Unreliable {
    store: MemoryStore,
    fate: Mutex<Fate>,
}

#[async_trait]
impl TaskStore for Unreliable {
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError> {
        self.store.create(task, limit).await
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        self.store.load(id).await
    }

    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError> {
        self.store.load_many(ids).await
    }

    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError> {
        let fate = std::mem::replace(&mut *self.fate.lock().expect("no panic"), Fate::Lands);
        match fate {
            Fate::Lands => self.store.replace(task, expected).await,
            Fate::ResponseLost => {
                self.store.replace(task, expected).await?;
                Err(StoreError::Conflict)
            }
            Fate::Fails => Err(StoreError::Unavailable("the store is away".into())),
        }
    }

    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        self.store.list(owner, after, limit).await
    }

    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.store.due(limit).await
    }
}

struct World {
    store: Arc<Unreliable>,
    clocks: Vec<Clock>,
    workers: Vec<Tasks>,
    owner: Principal,
    id: TaskId,
    /// Every lease that was ever given to a worker that has not died, stale ones included.
    held: Vec<HeldTask>,
}

impl World {
    async fn new() -> Self {
        let clock = |ahead| Clock::manual(Timestamp::from_millis(START + ahead));
        let store_clock = clock(0);
        let store = Arc::new(Unreliable {
            store: MemoryStore::new(store_clock.clone()),
            fate: Mutex::new(Fate::Lands),
        });
        let mut clocks: Vec<_> = CLOCKS.into_iter().map(clock).collect();
        let tasks = |clock: &Clock| Tasks::new(Arc::clone(&store) as _, clock.clone(), TaskLimits::default());
        let workers = clocks.iter().map(tasks).collect::<Vec<_>>();
        clocks.push(store_clock);
        let owner = Principal::new("https://issuer.example", "owner");
        let ttl = Duration::from_secs(30 * 24 * 60 * 60);
        let task = Task::new(owner.clone(), "render", "{}", Timestamp::from_millis(START), ttl);
        let id = task.id.clone();
        workers[0].create(&task).await.expect("created");
        Self { store, clocks, workers, owner, id, held: Vec::new() }
    }

    async fn task(&self) -> Task {
        self.workers[0].get(&self.owner, &self.id).await.expect("it has not expired")
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Deliver(worker) => self.deliver(*worker).await,
            Action::Work(index, work) if !self.held.is_empty() => {
                let index = index % self.held.len();
                self.work(index, *work).await;
            }
            Action::Die(index) if !self.held.is_empty() => {
                self.held.swap_remove(index % self.held.len());
            }
            Action::Work(..) | Action::Die(_) => {}
            Action::Answer(key) => {
                let before = self.task().await;
                let answers = [(key.to_string(), json!(key))];
                let kept = self.workers[1].answer(&self.owner, &self.id, &answers).await;
                if kept.is_ok() && before.state.input(&key.to_string()).is_some() && !before.state.has_ended()
                {
                    let after = self.task().await;
                    assert_eq!(
                        after.state.input(&key.to_string()).and_then(|input| input.answer.clone()),
                        Some(json!(key))
                    );
                }
            }
            Action::Cancel => {
                if let Ok(task) = self.workers[2].cancel(&self.owner, &self.id).await {
                    assert!(task.state.has_ended() || task.state.is_cancelled());
                }
            }
            Action::Settle(value) => {
                let update = ExternalUpdate::Outcome(outcome(*value));
                if let Ok(task) = self.workers[1].update(&self.id, &update).await {
                    assert_eq!(task.state.outcome(), Some(&outcome(*value)));
                }
            }
            Action::End => {
                let before = self.task().await;
                if let Ok(task) = self.workers[2].end(&self.owner, &self.id).await {
                    assert!(!before.state.has_ended());
                    assert_eq!(task.state.outcome(), Some(&TaskOutcome::Cancelled));
                }
            }
            Action::Wait(seconds) => {
                for clock in &self.clocks {
                    clock.advance(Duration::from_secs(*seconds));
                }
            }
        }
    }

    async fn deliver(&mut self, worker: usize) {
        let before = self.task().await;
        let now = self.clocks[worker].now();
        if let Ok(Some(held)) = self.workers[worker].claim(&self.id).await {
            assert_eq!(held.lease().token, before.state.token() + 1, "a token is given once");
            assert!(before.state.due_at().is_some_and(|due| due <= now), "no other worker holds the task");
            assert!(!before.state.is_cancelled());
            self.held.push(held);
        }
    }

    /// A write lands only with the newest token, and before the end.
    async fn work(&mut self, index: usize, work: Work) {
        let before = self.task().await;
        let held = &mut self.held[index];
        let token = held.lease().token;
        let written = match work {
            Work::Heartbeat => held.heartbeat().await,
            Work::Message(text) => held.set_message(&text.to_string()).await,
            Work::Checkpoint(value) => held.checkpoint(&Checkpoint::new("1", json!(value))).await,
            Work::Ask(key) => held.ask(&key.to_string(), &json!({ "question": key })).await.map(drop),
            Work::Finish(value) => held.finish(&outcome(value)).await,
            Work::Release(seconds) => held.release(Duration::from_secs(seconds)).await,
            Work::ReleaseUntilAnswered => held.release_until_answered().await,
            Work::HandOver => held.hand_over().await,
        };
        let after = self.task().await;
        match written {
            Ok(()) => {
                assert_eq!(token, before.state.token(), "{work:?} with a stale token");
                match work {
                    Work::Finish(value) => assert_eq!(after.state.outcome(), Some(&outcome(value))),
                    Work::Checkpoint(value) => {
                        assert_eq!(after.state.checkpoint(), Some(&Checkpoint::new("1", json!(value))));
                    }
                    Work::Ask(key) => assert!(after.state.input(&key.to_string()).is_some()),
                    _ => {}
                }
            }
            Err(_) => assert_eq!(after, before, "a write that failed or was refused changes nothing"),
        }
    }
}

fn outcome(value: u8) -> TaskOutcome {
    match value {
        0 => TaskOutcome::Cancelled,
        value => TaskOutcome::Completed(Map::from_iter([("value".to_owned(), json!(value))])),
    }
}

/// What may follow what.
fn check(before: &Task, after: &Task) {
    if before.state.has_ended() {
        assert_eq!(before, after, "an ended task never changes");
    }
    assert!(after.state.token() >= before.state.token());
    assert!(after.state.updated_at() >= before.state.updated_at());
    for key in (0..4).map(|key: u8| key.to_string()) {
        let answer = |task: &Task| task.state.input(&key).and_then(|input| input.answer.clone());
        if !after.state.has_ended() && answer(before).is_some() {
            assert_eq!(answer(before), answer(after), "an answer stays");
        }
    }
    if !after.state.has_ended() {
        assert_eq!((&before.id, &before.owner, &before.call), (&after.id, &after.owner, &after.call));
        assert!(after.state.is_cancelled() || !before.state.is_cancelled(), "a cancelled task stays that");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_task_ends_once_and_no_stale_write_lands(actions in collection::vec(action(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let mut world = World::new().await;
            let mut before = world.task().await;
            for (action, fate) in &actions {
                *world.store.fate.lock().expect("no panic") = *fate;
                world.act(action).await;
                *world.store.fate.lock().expect("no panic") = Fate::Lands;
                let after = world.task().await;
                check(&before, &after);
                before = after;
            }
            // In the end one worker is left, and the client answers: the task ends, if it does not wait for another system.
            world.held.clear();
            for key in 0..4 {
                world.act(&Action::Answer(key)).await;
            }
            world.act(&Action::Wait(200)).await;
            if let Ok(Some(mut held)) = world.workers[0].claim(&world.id).await {
                held.finish(&outcome(1)).await.expect("it is the only worker");
            } else if !world.task().await.state.has_ended() {
                let update = ExternalUpdate::Outcome(outcome(1));
                world.workers[0].update(&world.id, &update).await.expect("it has not ended");
            }
            let after = world.task().await;
            check(&before, &after);
            assert!(after.state.has_ended(), "{after:?}");
        });
    }
}

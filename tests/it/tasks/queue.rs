//! Tasks that workers take from a queue: lost messages, lost workers, messages that are delivered twice. The queue of these
//! tests keeps what is sent, and each test delivers it when it likes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_core::QueueWorker;
use mcp_lambda_server::{
    Clock, Config, Deadline, McpContext, McpLambdaServer, MemoryStore, Principal, Server, StoreError, Stores,
    rmcp::{
        ErrorData, RoleServer, ServerHandler, handler::server::router::tool::ToolRouter,
        service::RequestContext, tool, tool_handler, tool_router,
    },
    session::{Rev, Versioned},
    tasks::{
        ExternalUpdate, QueueError, ReceivedMessage, Task, TaskCursor, TaskId, TaskLimits, TaskMessage,
        TaskQueue, TaskStore, TaskSupport, Tasks,
    },
    time::Timestamp,
};
use serde_json::{Value, json};
use test_support::{McpRequest, built, request::stateless_with, result};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Keeps what is sent, in order.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    sent: Arc<Mutex<Vec<TaskMessage>>>,
    fails: Arc<Mutex<bool>>,
}

impl Kept {
    pub(crate) fn take(&self) -> Vec<TaskMessage> {
        std::mem::take(&mut *self.sent.lock().expect("no panic"))
    }

    fn fail(&self, fails: bool) {
        *self.fails.lock().expect("no panic") = fails;
    }
}

#[async_trait]
impl TaskQueue for Kept {
    async fn send(&self, message: &TaskMessage) -> Result<(), QueueError> {
        if *self.fails.lock().expect("no panic") {
            return Err(QueueError::new("the queue is away"));
        }
        self.sent.lock().expect("no panic").push(message.clone());
        Ok(())
    }

    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        Err(QueueError::new("the test delivers the messages"))
    }

    async fn hide(&self, _: &str, _: Duration) -> Result<(), QueueError> {
        Err(QueueError::new("the test delivers the messages"))
    }

    async fn delete(&self, _: &str) -> Result<(), QueueError> {
        Err(QueueError::new("the test delivers the messages"))
    }
}

/// Each step waits at the gate, and is kept as a checkpoint.
#[derive(Clone)]
pub(super) struct Jobs {
    tools: ToolRouter<Self>,
    pub(super) gate: Arc<Semaphore>,
    pub(super) done: Arc<AtomicU32>,
}

impl Jobs {
    pub(super) fn new() -> Self {
        let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
        Self { tools: Self::job_tools(), gate, done }
    }
}

#[tool_router(router = job_tools)]
impl Jobs {
    #[tool(description = "Does three steps.")]
    async fn steps(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let task = context.task();
        let first = task.last_checkpoint::<u32>().await?.unwrap_or(0);
        for step in first..3 {
            self.gate.acquire().await.expect("the gate is open").forget();
            self.done.fetch_add(1, Ordering::SeqCst);
            task.checkpoint(&(step + 1)).await?;
        }
        Ok(format!("from {first}"))
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Jobs {}

struct World {
    servers: Vec<Server>,
    queue: Kept,
    stores: Stores,
    clock: Clock,
    gate: Arc<Semaphore>,
    done: Arc<AtomicU32>,
}

fn world(environments: usize) -> World {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    let (jobs, queue) = (Jobs::new(), Kept::default());
    let (gate, done) = (Arc::clone(&jobs.gate), Arc::clone(&jobs.done));
    let server = || {
        let builder = McpLambdaServer::builder(jobs.clone()).config(Config::default()).stores(stores.clone());
        let builder = builder.task_tool("steps", TaskSupport::Optional).task_queue(Arc::new(queue.clone()));
        built(builder.clock(clock.clone())).expect("a server")
    };
    World { servers: (0..environments).map(|_| server()).collect(), queue, stores, clock, gate, done }
}

pub(crate) fn declared(method: &str, params: Value) -> McpRequest {
    let id = params["taskId"].as_str().map(str::to_owned);
    let request = stateless_with(json!(1), method, params, json!({ "extensions": { EXTENSION: {} } }));
    match id {
        Some(id) => request.header("mcp-name", &id),
        None => request,
    }
}

const MINUTES: Duration = Duration::from_secs(600);

impl World {
    fn worker(&self, at: usize) -> QueueWorker {
        self.servers[at].core().queue_worker().expect("a worker").clone()
    }

    async fn create(&self, owner: &Principal) -> TaskId {
        let call = declared("tools/call", json!({ "name": "steps", "arguments": {} }));
        let task = result(call.extension(owner.clone()).send(&self.servers[0]).await).await;
        task["taskId"].as_str().expect("a task").parse().expect("an id")
    }

    async fn get(&self, owner: &Principal, id: &TaskId) -> Value {
        let get = declared("tasks/get", json!({ "taskId": id.as_str() })).extension(owner.clone());
        result(get.send(&self.servers[0]).await).await
    }

    fn tasks(&self) -> Tasks {
        Tasks::new(self.stores.tasks.clone(), self.clock.clone(), TaskLimits::default())
    }

    async fn deliver(&self, at: usize, id: &TaskId) {
        self.worker(at).deliver(id, Deadline::after(MINUTES)).await.expect("delivered");
    }

    async fn sweep(&self) -> usize {
        self.worker(0).sweep(Deadline::after(MINUTES)).await.expect("swept")
    }
}

fn ada() -> Principal {
    Principal::new("issuer", "ada")
}

#[tokio::test(start_paused = true)]
async fn a_message_names_its_task_and_the_group_of_its_principal() {
    let world = world(1);
    let (one, two) = (world.create(&ada()).await, world.create(&ada()).await);
    let other = world.create(&Principal::new("issuer", "bob")).await;
    let anonymous = world.create(&Principal::anonymous()).await;
    let sent = world.queue.take();
    let tasks: Vec<_> = sent.iter().map(|message| &message.task).collect();
    assert_eq!(tasks, [&one, &two, &other, &anonymous]);
    assert!(sent[0].group.is_some() && sent[0].group == sent[1].group && sent[0].group != sent[2].group);
    assert_eq!(sent[3].group, None);
    assert!(sent.iter().all(|message| message.delay.is_zero()));
}

/// The row is written first: what happens to the message is found by the sweep.
#[tokio::test(start_paused = true)]
async fn a_task_whose_message_was_lost_is_sent_by_the_sweep() {
    let world = world(2);
    world.queue.fail(true);
    let id = world.create(&ada()).await;
    assert_eq!(world.get(&ada(), &id).await["status"], "working");
    assert!(world.worker(0).sweep(Deadline::after(MINUTES)).await.is_err(), "the queue is away");
    world.queue.fail(false);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.queue.take(), [TaskMessage::new(id.clone(), &ada(), Duration::ZERO)]);
    assert_eq!(world.sweep().await, 0, "not again at once");
    world.gate.add_permits(3);
    world.deliver(1, &id).await;
    assert_eq!(world.get(&ada(), &id).await["status"], "completed");
    world.clock.advance(MINUTES);
    assert_eq!(world.sweep().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_without_a_word_is_followed_by_another_one() {
    let world = world(3);
    let id = world.create(&ada()).await;
    world.queue.take();
    let lost = TaskTracker::new().spawn({
        let (worker, id) = (world.worker(1), id.clone());
        async move { worker.deliver(&id, Deadline::after(MINUTES)).await }
    });
    world.gate.add_permits(2);
    while world.done.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    lost.abort();
    assert!(lost.await.is_err_and(|error| error.is_cancelled()));
    // Its message comes again, before its lease is over.
    world.deliver(2, &id).await;
    assert_eq!(world.get(&ada(), &id).await["status"], "working");
    assert!(world.queue.take().is_empty());
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.sweep().await, 1);
    world.gate.add_permits(1);
    world.deliver(2, &id).await;
    let task = world.get(&ada(), &id).await;
    assert_eq!(task["result"]["content"][0]["text"], "from 2");
    assert_eq!(world.done.load(Ordering::SeqCst), 3, "no step is done twice");
    world.deliver(1, &id).await;
    assert_eq!(world.get(&ada(), &id).await, task);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_given_back_for_later_gets_a_message_with_a_delay() {
    let world = world(2);
    let id = world.create(&ada()).await;
    world.queue.take();
    // A queue keeps a message back for a quarter of an hour at most.
    for (after, delay) in [(300, 300), (3_000, 900)] {
        let mut held = world.tasks().claim(&id).await.expect("claimed").expect("it has not ended");
        held.release(Duration::from_secs(after)).await.expect("held");
        world.deliver(1, &id).await;
        assert_eq!(world.queue.take(), [TaskMessage::new(id.clone(), &ada(), Duration::from_secs(delay))]);
        world.clock.advance(Duration::from_secs(300));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_client_gets_a_message_with_an_answer() {
    let world = world(2);
    let id = world.create(&ada()).await;
    let mut held = world.tasks().claim(&id).await.expect("claimed").expect("it has not ended");
    for key in ["one", "two"] {
        let request = json!({ "method": "elicitation/create", "params": { "mode": "form", "message": key, "requestedSchema": { "type": "object", "properties": {} } } });
        held.ask(key, &request).await.expect("asked");
    }
    held.release_until_answered().await.expect("held");
    world.queue.take();
    world.deliver(1, &id).await;
    assert!(world.queue.take().is_empty(), "a message that comes too early leaves it to the answer");
    for (key, messages) in [("one", 1), ("two", 1), ("two", 1)] {
        let answers = json!({ key: { "action": "accept", "content": {} } });
        let update = declared("tasks/update", json!({ "taskId": id.as_str(), "inputResponses": answers }));
        result(update.extension(ada()).send(&world.servers[0]).await).await;
        assert_eq!(world.queue.take().len(), messages, "{key}");
    }
    world.gate.add_permits(3);
    world.deliver(1, &id).await;
    assert_eq!(world.get(&ada(), &id).await["status"], "completed");
}

/// As a client's answers, those of another system make a waiting task due.
#[tokio::test(start_paused = true)]
async fn a_task_that_waits_gets_its_message_with_the_answer_of_another_system() {
    let world = world(1);
    let id = world.create(&ada()).await;
    let mut held = world.tasks().claim(&id).await.expect("claimed").expect("it has not ended");
    held.ask("approval", &json!({ "method": "elicitation/create" })).await.expect("asked");
    held.release_until_answered().await.expect("held");
    world.queue.take();
    let update = |update: ExternalUpdate| {
        let (worker, id) = (world.worker(0), id.clone());
        async move { worker.update(&id, &update).await.expect("updated") }
    };
    let task = update(ExternalUpdate::Message("waits for Ada".into())).await;
    assert_eq!((task.state.message(), world.queue.take().len()), (Some("waits for Ada"), 0));
    update(ExternalUpdate::Answers(vec![("unknown".into(), json!({}))])).await;
    assert_eq!(world.queue.take().len(), 0);
    update(ExternalUpdate::Answers(vec![("approval".into(), json!({ "action": "accept" }))])).await;
    assert_eq!(world.queue.take(), [TaskMessage::new(id, &ada(), Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_given_back_at_the_deadline_and_when_the_server_stops() {
    let world = world(3);
    let id = world.create(&ada()).await;
    world.queue.take();
    world.gate.add_permits(1);
    world.worker(1).deliver(&id, Deadline::after(Duration::from_secs(30))).await.expect("handed over");
    assert_eq!(world.queue.take().len(), 1);
    let (worker, server) = (world.worker(2), world.servers[2].clone());
    let (delivered, ()) = tokio::join!(worker.deliver(&id, Deadline::after(MINUTES)), async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.stop();
    });
    delivered.expect("given back");
    assert_eq!(world.queue.take().len(), 1);
    world.gate.add_permits(2);
    world.deliver(1, &id).await;
    assert_eq!(world.get(&ada(), &id).await["result"]["content"][0]["text"], "from 1");
}

/// A store whose writes fail while a test says so.
struct Away {
    store: MemoryStore,
    is_away: Arc<std::sync::atomic::AtomicBool>,
}

#[async_trait]
impl TaskStore for Away {
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
        // Away for one write.
        if self.is_away.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the store is away".into()));
        }
        self.store.replace(task, expected).await
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

/// A worker that was frozen in the middle of a checkpoint, or a store that is away for a moment, must not fail a task: the tool
/// ends with the error of its checkpoint.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_moment_costs_an_attempt_and_not_the_task() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let store = MemoryStore::new(clock.clone());
    let is_away = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut stores = Stores::of(store.clone());
    stores.tasks = Arc::new(Away { store, is_away: Arc::clone(&is_away) });
    let (jobs, queue) = (Jobs::new(), Kept::default());
    let (gate, done) = (Arc::clone(&jobs.gate), Arc::clone(&jobs.done));
    let builder = McpLambdaServer::builder(jobs).config(Config::default()).stores(stores.clone());
    let builder = builder.task_tool("steps", TaskSupport::Optional).task_queue(Arc::new(queue.clone()));
    let server = built(builder.clock(clock.clone())).expect("a server");
    let world = World { servers: vec![server], queue, stores, clock, gate, done };
    let id = world.create(&ada()).await;
    world.queue.take();
    world.gate.add_permits(1);
    let worker = world.worker(0);
    let running = TaskTracker::new().spawn({
        let id = id.clone();
        async move { worker.deliver(&id, Deadline::after(MINUTES)).await }
    });
    while world.done.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    is_away.store(true, Ordering::SeqCst);
    world.gate.add_permits(1);
    running.await.expect("no panic").expect("given back");
    assert_eq!(world.get(&ada(), &id).await["status"], "working");
    assert_eq!(world.queue.take().len(), 1, "another attempt follows");
    world.gate.add_permits(3);
    world.deliver(0, &id).await;
    assert_eq!(world.get(&ada(), &id).await["result"]["content"][0]["text"], "from 1");
}

#[test]
fn a_queue_without_stores_that_workers_share_is_refused() {
    let builder = McpLambdaServer::builder(Jobs::new()).config(Config::default());
    let error = built(builder.task_queue(Arc::new(Kept::default()))).expect_err("no stores").to_string();
    assert!(error.starts_with("SESSION_TABLE_NAME") && error.contains("TASK_QUEUE_URL"), "{error}");
}

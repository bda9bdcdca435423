//! Workers outside Lambda, which poll the queue: `MCP_ROLE=worker`.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, MemoryStore, Server, Stores,
    config::ProcessRole,
    otel::OtlpEndpoint,
    tasks::{QueueError, ReceivedMessage, TaskMessage, TaskQueue, TaskSupport},
    time::Timestamp,
};
use serde_json::{Value, json};
use test_support::{built, otlp::Receiver, result};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::task::TaskTracker;

use super::queue::{Jobs, declared};

/// A queue in this process. What is not deleted it does not deliver again.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    waiting: Vec<String>,
    deleted: Vec<String>,
    hidden: Vec<(String, Duration)>,
    /// How many messages each request asked for, and for how long they were hidden.
    asked: Vec<(usize, Duration)>,
    fails: bool,
}

impl Queue {
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> T) -> T {
        act(&mut self.0.lock().expect("no panic"))
    }
}

#[async_trait]
impl TaskQueue for Queue {
    async fn send(&self, message: &TaskMessage) -> Result<(), QueueError> {
        self.with(|content| content.waiting.push(message.body()));
        Ok(())
    }

    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        self.with(|content| content.asked.push((most, hidden)));
        for _ in 0..20 {
            let received: Vec<_> = self.with(|content| {
                let so_many = most.min(content.waiting.len());
                content
                    .waiting
                    .drain(..so_many)
                    .map(|body| ReceivedMessage::new(body.clone(), body))
                    .collect()
            });
            if self.with(|content| content.fails) {
                return Err(QueueError::new("the queue is away"));
            }
            if !received.is_empty() {
                return Ok(received);
            }
            sleep(Duration::from_secs(1)).await;
        }
        Ok(Vec::new())
    }

    async fn hide(&self, receipt: &str, hidden: Duration) -> Result<(), QueueError> {
        self.with(|content| content.hidden.push((receipt.to_owned(), hidden)));
        Ok(())
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        self.with(|content| content.deleted.push(receipt.to_owned()));
        Ok(())
    }
}

struct World {
    queue: Queue,
    jobs: Jobs,
    stores: Stores,
    clock: Clock,
    server: Server,
}

impl World {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let stores = Stores::of(MemoryStore::new(clock.clone()));
        let (jobs, queue) = (Jobs::new(), Queue::default());
        let server = server(&jobs, &queue, &stores, &clock, ProcessRole::Server);
        Self { queue, jobs, stores, clock, server }
    }

    /// Starts a worker, and returns what stops it and what waits for its end.
    fn work(&self) -> (Server, JoinHandle<()>) {
        let worker = server(&self.jobs, &self.queue, &self.stores, &self.clock, ProcessRole::Worker);
        let working = worker.core().clone().work();
        (worker, TaskTracker::new().spawn(working))
    }

    async fn create(&self) -> String {
        let call = declared("tools/call", json!({ "name": "steps", "arguments": {} }));
        let task = result(call.send(&self.server).await).await;
        task["taskId"].as_str().expect("a task").to_owned()
    }

    async fn get(&self, id: &str) -> Value {
        result(declared("tasks/get", json!({ "taskId": id })).send(&self.server).await).await
    }

    async fn text(&self, id: &str) -> String {
        for _ in 0..400 {
            let task = self.get(id).await;
            if task["status"] == "completed" {
                return task["result"]["content"][0]["text"].as_str().expect("a text").to_owned();
            }
            sleep(Duration::from_millis(200)).await;
        }
        panic!("{id} did not end: {}", self.get(id).await);
    }
}

fn server(jobs: &Jobs, queue: &Queue, stores: &Stores, clock: &Clock, role: ProcessRole) -> Server {
    server_with(jobs, queue, stores, clock, role, |_| {})
}

fn server_with(
    jobs: &Jobs,
    queue: &Queue,
    stores: &Stores,
    clock: &Clock,
    role: ProcessRole,
    change: impl FnOnce(&mut Config),
) -> Server {
    let mut config = Config::default();
    (config.role, config.tasks.per_process) = (role, 2);
    change(&mut config);
    let builder = McpLambdaServer::builder(jobs.clone()).config(config).stores(stores.clone());
    let builder = builder.task_tool("steps", TaskSupport::Optional).task_queue(Arc::new(queue.clone()));
    built(builder.clock(clock.clone())).expect("a server")
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_tasks_from_the_queue_and_deletes_their_messages() {
    let world = World::new();
    let (worker, working) = world.work();
    let id = world.create().await;
    world.jobs.gate.add_permits(3);
    assert_eq!(world.text(&id).await, "from 0");
    sleep(Duration::from_millis(10)).await;
    let message = format!(r#"{{"task":"{id}"}}"#);
    assert_eq!(world.queue.with(|content| content.deleted.clone()), [message]);
    worker.stop();
    working.await.expect("it ends");
}

/// It serves no HTTP, and sends its spans itself.
#[tokio::test]
async fn a_worker_that_is_stopped_sends_the_spans_of_its_attempts() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let traces = OtlpEndpoint::new(format!("{}/v1/traces", receiver.url));
    let World { jobs, queue, stores, clock, .. } = &world;
    let worker = server_with(jobs, queue, stores, clock, ProcessRole::Worker, |config| {
        config.otel.traces = Some(traces);
    });
    let working = TaskTracker::new().spawn(worker.core().clone().work());
    let id = world.create().await;
    world.jobs.gate.add_permits(3);
    assert_eq!(world.text(&id).await, "from 0");
    worker.stop();
    working.await.expect("it ends");
    let spans = receiver.spans();
    let [attempt] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((attempt.kind.as_str(), attempt.name.as_str()), ("CONSUMER", "tools/call steps"));
    assert_eq!(attempt.attributes["mcp_lambda_server.task.id"], id);
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_running_task_stays_hidden() {
    let world = World::new();
    let (worker, working) = world.work();
    let id = world.create().await;
    sleep(Duration::from_secs(70)).await;
    // The lease is 60 s, and the message is hidden for a little longer.
    let hidden = world.queue.with(|content| content.hidden.clone());
    assert!((3..=5).contains(&hidden.len()), "{hidden:?}");
    assert!(hidden.iter().all(|(_, hidden)| *hidden == Duration::from_secs(75)), "{hidden:?}");
    assert!(world.queue.with(|content| content.asked.iter().all(|(_, hidden)| hidden.as_secs() == 75)));
    world.jobs.gate.add_permits(3);
    assert_eq!(world.text(&id).await, "from 0");
    let so_far = world.queue.with(|content| content.hidden.len());
    sleep(Duration::from_secs(120)).await;
    assert_eq!(world.queue.with(|content| content.hidden.len()), so_far, "until it is done with");
    worker.stop();
    working.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_stopped_gives_its_tasks_back_for_others_at_once() {
    let world = World::new();
    let (worker, working) = world.work();
    let id = world.create().await;
    world.jobs.gate.add_permits(1);
    while world.jobs.done.load(Ordering::SeqCst) < 1 {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(10)).await;
    worker.stop();
    working.await.expect("it ends");
    assert_eq!(world.queue.with(|content| content.waiting.len()), 1, "for the next one");
    let (worker, working) = world.work();
    world.jobs.gate.add_permits(2);
    assert_eq!(world.text(&id).await, "from 1");
    worker.stop();
    working.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_no_more_messages_than_it_may_run_tasks() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.create().await);
    }
    let (worker, working) = world.work();
    sleep(Duration::from_secs(10)).await;
    let (asked, waiting) = world.queue.with(|content| (content.asked.clone(), content.waiting.len()));
    assert_eq!((asked.len(), asked[0].0, waiting), (1, 2, 1), "{asked:?}");
    world.jobs.gate.add_permits(9);
    for id in &ids {
        world.text(id).await;
    }
    worker.stop();
    working.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_names_no_task_is_left_to_the_redrive_policy_of_the_queue() {
    let world = World::new();
    world.queue.with(|content| content.waiting.push("Test message.".to_owned()));
    let (worker, working) = world.work();
    let id = world.create().await;
    world.jobs.gate.add_permits(3);
    world.text(&id).await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(world.queue.with(|content| content.deleted.len()), 1);
    worker.stop();
    working.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_worker_outlives_a_queue_that_is_away_and_sweeps_meanwhile() {
    let world = World::new();
    world.queue.with(|content| content.fails = true);
    let (worker, working) = world.work();
    let id = world.create().await;
    // The message is lost with the request that received it.
    sleep(Duration::from_secs(5)).await;
    world.queue.with(|content| {
        content.waiting.clear();
        content.fails = false;
    });
    world.clock.advance(Duration::from_secs(60));
    world.jobs.gate.add_permits(3);
    assert_eq!(world.text(&id).await, "from 0");
    let asked = world.queue.with(|content| content.asked.len());
    assert!(asked < 20, "it waits between requests that fail: {asked}");
    worker.stop();
    working.await.expect("it ends");
}

#[test]
fn a_worker_needs_a_queue_and_tools_that_run_as_tasks() {
    let builder = || {
        let mut config = Config::default();
        config.role = ProcessRole::Worker;
        McpLambdaServer::builder(Jobs::new()).config(config).stores(Stores::memory(Clock::system()))
    };
    let without_queue = built(builder().task_tool("steps", TaskSupport::Optional)).expect_err("no queue");
    assert!(without_queue.to_string().starts_with("TASK_QUEUE_URL"), "{without_queue}");
    let without_tools = built(builder().task_queue(Arc::new(Queue::default()))).expect_err("no tools");
    assert!(without_tools.to_string().starts_with("MCP_ROLE"), "{without_tools}");
}

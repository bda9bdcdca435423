//! The requests that tasks send to DynamoDB, beside those of their worker.

use std::time::Duration;

use mcp_lambda_server::{
    Clock, Principal, Stores,
    tasks::{Task, TaskId, TaskLimits, Tasks},
    time::Timestamp,
};
use serde_json::json;
use test_support::{
    dynamodb::{
        Embedded,
        counted::{Counted, counted},
    },
    refused, result,
};

use super::{
    jobs::{World, declared, world_over},
    old_clients::{about, client, error},
};

struct Lab {
    world: World,
    counted: Counted,
    database: Embedded,
}

impl Lab {
    async fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let own = clock.clone();
        let make = move || -> (Embedded, Stores, Counted) {
            let database = Embedded::start();
            let (stores, counted) = counted(&database, &own);
            (database, stores, counted)
        };
        let (database, stores, counted) = tokio::task::spawn_blocking(make).await.expect("a database");
        Self { world: world_over(stores, clock, 1, |_| {}), counted, database }
    }

    /// A task that no worker holds, and whose server does not know it.
    async fn task(&self) -> TaskId {
        let World { stores, clock, .. } = &self.world;
        let hour = Duration::from_secs(3_600);
        let task = Task::new(Principal::anonymous(), "steps", "{}", clock.now(), hour);
        let tasks = Tasks::new(stores.tasks.clone(), clock.clone(), TaskLimits::default());
        tasks.create(&task).await.expect("created");
        task.id
    }

    fn took(&self, action: &str) -> (usize, Vec<String>) {
        let all = self.counted.take();
        (all.iter().filter(|took| *took == action).count(), all)
    }

    async fn end(self) {
        // A runtime must not be dropped inside another one.
        let database = self.database;
        tokio::task::spawn_blocking(move || drop(database)).await.expect("the database ends");
    }
}

/// docs/cost.md has the price of it.
#[tokio::test(start_paused = true)]
async fn a_listen_stream_polls_all_its_tasks_with_one_request_and_writes_nothing() {
    let lab = Lab::new().await;
    let mut ids = Vec::new();
    for _ in 0..32 {
        ids.push(lab.task().await.to_string());
    }
    lab.counted.take();
    let post = declared("subscriptions/listen", json!({ "notifications": { "taskIds": ids } }));
    let mut stream = post.send(&lab.world.servers[0]).await;
    for _ in 0..1 + 32 {
        stream.message().await;
    }
    let (reads, all) = lab.took("GetItem");
    assert!(reads <= 32 && all.len() <= 32 + 2, "each task, and the count of the caller's streams: {all:?}");
    let quiet = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
    assert!(quiet.is_err());
    let (polls, all) = lab.took("BatchGetItem");
    assert_eq!(polls, all.len(), "{all:?}");
    // At 1, 2.25, 3.75, 5.5 and 7.5 s, and every 2 s from there on.
    assert!((10..=12).contains(&polls), "{polls} polls in 20 s");
    drop(stream);
    lab.end().await;
}

#[tokio::test(start_paused = true)]
async fn requests_about_a_task_read_it_once() {
    let lab = Lab::new().await;
    let server = &lab.world.servers[0];
    let client = client(&lab.world, test_support::session::NEWEST, None).await;
    let id = lab.task().await.to_string();
    // The first request begins to look for tasks without a worker, and this one is found.
    assert_eq!(result(about(&client, "tasks/get", &id).send(server).await).await["taskId"], json!(id));
    assert_eq!(result(about(&client, "tasks/cancel", &id).send(server).await).await["status"], "cancelled");
    tokio::time::sleep(Duration::from_secs(1)).await;
    lab.counted.take();
    let stateless = declared("tasks/get", json!({ "taskId": id })).send(server).await;
    assert_eq!(result(stateless).await["status"], "cancelled");
    assert_eq!(lab.counted.take(), ["GetItem"]);
    for method in ["tasks/get", "tasks/result"] {
        about(&client, method, &id).send(server).await.messages().await;
        assert_eq!(lab.counted.take(), ["GetItem", "GetItem"], "{method}: the session, the task");
    }
    assert_eq!(error(about(&client, "tasks/cancel", &id).send(server).await).await.0, -32602);
    assert_eq!(lab.counted.take(), ["GetItem", "GetItem"]);
    let unknown = declared("tasks/get", json!({ "taskId": "made-up" })).send(server).await;
    assert_eq!(refused(unknown).await.1, -32602);
    assert_eq!(lab.counted.take(), Vec::<String>::new(), "no task can have that id");
    lab.end().await;
}

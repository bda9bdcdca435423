//! The queue of tasks in SQS, on an emulator of AWS, whose address is in `LAWS_DYNAMODB_ENDPOINT`.

use std::{sync::Arc, time::Duration};

use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, MemoryStore, Principal, Server, Stores,
    config::{ProcessRole, TlsRoots},
    dynamodb::http_client,
    sqs::{SqsQueue, sdk},
    tasks::{TaskId, TaskMessage, TaskQueue, TaskSupport},
};
use sdk::types::QueueAttributeName;
use serde_json::json;
use test_support::{built, result};
use tokio_util::task::TaskTracker;

use super::queue::{Jobs, declared};

struct World {
    client: sdk::Client,
    url: String,
}

impl World {
    async fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test script sets the endpoint")]
        let endpoint = std::env::var("LAWS_DYNAMODB_ENDPOINT").expect("the address of an emulator of AWS");
        let config = sdk::Config::builder()
            .behavior_version(sdk::config::BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(sdk::config::Region::new("us-east-1"))
            .credentials_provider(sdk::config::Credentials::new("test", "test", None, None, "test"))
            .http_client(http_client(TlsRoots::Amazon).expect("TLS"));
        let client = sdk::Client::from_conf(config.build());
        let created = client.create_queue().queue_name(format!("tasks-{}", TaskId::random())).send().await;
        let url = created.expect("a queue").queue_url.expect("its URL");
        Self { client, url }
    }

    fn queue(&self) -> SqsQueue {
        SqsQueue::new(self.client.clone(), &self.url)
    }

    /// How many messages wait, and how many are hidden.
    async fn counts(&self) -> (String, String) {
        let attributes = self.client.get_queue_attributes().queue_url(&self.url);
        let attributes =
            attributes.attribute_names(QueueAttributeName::All).send().await.expect("attributes");
        let attributes = attributes.attributes.expect("attributes");
        let count = |name: QueueAttributeName| attributes.get(&name).cloned().unwrap_or_default();
        (
            count(QueueAttributeName::ApproximateNumberOfMessages),
            count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        )
    }
}

#[tokio::test]
#[ignore = "needs SQS: scripts/with-dynamodb ministack"]
async fn a_message_is_sent_received_hidden_and_deleted() {
    let world = World::new().await;
    let (queue, owner) = (world.queue(), Principal::new("issuer", "ada"));
    let message = TaskMessage::new(TaskId::random(), &owner, Duration::ZERO);
    queue.send(&message).await.expect("sent");
    let received = queue.receive(10, Duration::from_secs(30)).await.expect("received");
    let [received] = &received[..] else { panic!("{received:?}") };
    assert_eq!(TaskMessage::task_of(&received.body), Ok(message.task.clone()));
    assert_eq!(world.counts().await, ("0".to_owned(), "1".to_owned()));
    queue.hide(&received.receipt, Duration::ZERO).await.expect("shown");
    let again = queue.receive(10, Duration::from_secs(30)).await.expect("received again");
    let [again] = &again[..] else { panic!("{again:?}") };
    queue.delete(&again.receipt).await.expect("deleted");
    assert_eq!(world.counts().await, ("0".to_owned(), "0".to_owned()));
    let later = TaskMessage::new(TaskId::random(), &owner, Duration::from_secs(5_000));
    queue.send(&later).await.expect("a delay that SQS takes");
    assert_eq!(world.counts().await.0, "0", "it is kept back");
}

#[tokio::test]
#[ignore = "needs SQS: scripts/with-dynamodb ministack"]
async fn an_error_says_what_to_check() {
    let world = World::new().await;
    let queue = SqsQueue::new(world.client.clone(), format!("{}-unknown", world.url));
    let message = TaskMessage::new(TaskId::random(), &Principal::anonymous(), Duration::ZERO);
    let error = queue.send(&message).await.expect_err("no such queue");
    let text = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(text.contains("SendMessage") && text.contains("check TASK_QUEUE_URL and the region"), "{text}");
}

#[tokio::test]
#[ignore = "needs SQS: scripts/with-dynamodb ministack"]
async fn a_worker_runs_the_tasks_of_a_server_through_sqs() {
    let (world, clock) = (World::new().await, Clock::system());
    let (jobs, stores) = (Jobs::new(), Stores::of(MemoryStore::new(clock)));
    let server = |role| -> Server {
        let mut config = Config::default();
        config.role = role;
        let builder = McpLambdaServer::builder(jobs.clone()).config(config).stores(stores.clone());
        let builder = builder.task_tool("steps", TaskSupport::Optional);
        built(builder.task_queue(Arc::new(world.queue()))).expect("a server")
    };
    let (server, worker) = (server(ProcessRole::Server), server(ProcessRole::Worker));
    let working = TaskTracker::new().spawn(worker.core().clone().work());
    jobs.gate.add_permits(30);
    let mut ids = Vec::new();
    for _ in 0..10 {
        let call = declared("tools/call", json!({ "name": "steps", "arguments": {} }));
        let task = result(call.extension(Principal::new("issuer", "ada")).send(&server).await).await;
        ids.push(task["taskId"].as_str().expect("a task").to_owned());
    }
    for id in ids {
        let get = declared("tasks/get", json!({ "taskId": id })).extension(Principal::new("issuer", "ada"));
        while result(get.clone().send(&server).await).await["status"] != "completed" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    worker.stop();
    working.await.expect("it ends");
    assert_eq!(world.counts().await, ("0".to_owned(), "0".to_owned()));
}

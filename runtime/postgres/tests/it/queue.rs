//! A queue of tasks beside the tables.

use std::{collections::HashSet, sync::Arc, time::Duration};

use mcp_lambda_core::{
    auth::Principal,
    tasks::{TaskId, TaskMessage, TaskQueue},
};
use mcp_lambda_postgres::PostgresQueue;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{clock, open, tables};

const HIDDEN: Duration = Duration::from_secs(75);

fn message(delay: Duration) -> TaskMessage {
    TaskMessage::new(TaskId::random(), &Principal::anonymous(), delay)
}

/// Whether no message comes soon.
async fn is_empty(queue: &PostgresQueue) -> bool {
    timeout(Duration::from_millis(300), queue.receive(10, HIDDEN)).await.is_err()
}

#[tokio::test]
async fn a_message_is_hidden_after_its_delivery_comes_again_and_is_deleted() {
    let (url, clock) = (tables().await, clock());
    let queue = open(&url, &clock).await.task_queue();
    let sent = message(Duration::ZERO);
    queue.send(&sent).await.expect("sent");
    let first = queue.receive(10, HIDDEN).await.expect("received");
    assert_eq!(first.len(), 1);
    assert_eq!(TaskMessage::task_of(&first[0].body), Ok(sent.task.clone()));

    clock.advance(HIDDEN / 2);
    queue.hide(&first[0].receipt, HIDDEN).await.expect("hidden for longer");
    clock.advance(HIDDEN / 2);
    assert!(is_empty(&queue).await, "it is hidden");

    clock.advance(HIDDEN);
    let second = queue.receive(10, HIDDEN).await.expect("received again");
    queue.delete(&first[0].receipt).await.expect("an old receipt is none");
    queue.hide(&first[0].receipt, Duration::ZERO).await.expect("an old receipt is none");
    assert_eq!(second.len(), 1);
    queue.delete(&second[0].receipt).await.expect("deleted");
    queue.delete(&second[0].receipt).await.expect("deleted once");
    clock.advance(2 * HIDDEN);
    queue.send(&message(HIDDEN)).await.expect("sent");
    assert!(is_empty(&queue).await, "one is deleted and one delayed");
    clock.advance(HIDDEN);
    assert_eq!(queue.receive(10, HIDDEN).await.expect("received").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_workers_at_a_time_each_takes_other_messages() {
    let (url, clock) = (tables().await, clock());
    let mut queues = Vec::new();
    for _ in 0..4 {
        queues.push(Arc::new(open(&url, &clock).await.task_queue()));
    }
    let mut sent = HashSet::new();
    for _ in 0..200 {
        let message = message(Duration::ZERO);
        queues[0].send(&message).await.expect("sent");
        sent.insert(message.body());
    }
    let mut workers = JoinSet::new();
    for number in 0..20 {
        let queue = Arc::clone(&queues[number % queues.len()]);
        workers.spawn(async move { queue.receive(10, HIDDEN).await.expect("received") });
    }
    let taken: Vec<_> = workers.join_all().await.into_iter().flatten().map(|message| message.body).collect();
    let different: HashSet<_> = taken.iter().cloned().collect();
    assert_eq!(different.len(), taken.len(), "none was taken twice");
    assert_eq!(different, sent);
}

//! A queue of tasks beside the tables of the store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_lambda_core::{
    error::{Causes, StoreError},
    random,
    tasks::{QueueError, ReceivedMessage, TaskMessage, TaskQueue},
};
use tokio::time::{Instant, sleep};

use crate::{
    columns::{Text, millis, params, rows, text},
    database::{Database, Statements},
    error::Failure,
};

/// How long a request waits for a message, and how often it looks for one meanwhile.
const LONG_POLL: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_secs(1);
/// How long a message is kept: longer than a task is.
const MESSAGE_TTL: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A queue from which workers take the tasks of a [`PostgresStore`](crate::PostgresStore), in the same database. Of workers at a
/// time each takes other messages, and none waits for another one.
#[derive(Debug)]
pub struct PostgresQueue {
    database: Arc<Database>,
}

impl PostgresQueue {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    async fn take(&self, most: usize, hidden: Duration) -> Result<Vec<ReceivedMessage>, Failure> {
        let now = self.database.now();
        let receipt = random::token();
        let connection = self.database.connection().await?;
        let statement = "
            UPDATE mcp_task_messages SET visible = $1, receipt = id || '.' || $2
            WHERE id IN (
                SELECT id FROM mcp_task_messages WHERE visible <= $3 AND expires > $3
                ORDER BY visible LIMIT $4 FOR UPDATE SKIP LOCKED
            )
            RETURNING body, receipt";
        let values = params![millis(now.plus(hidden)), Text(&receipt), millis(now), rows(most)];
        let taken = connection.rows(statement, values).await?;
        taken.iter().map(|row| Ok(ReceivedMessage::new(text(row, "body")?, text(row, "receipt")?))).collect()
    }
}

/// The id of a message, which its receipt starts with.
fn id_of(receipt: &str) -> &str {
    receipt.split_once('.').map_or(receipt, |(id, _)| id)
}

fn failed(error: &StoreError) -> QueueError {
    QueueError::new(Causes(error).to_string())
}

#[async_trait]
impl TaskQueue for PostgresQueue {
    async fn send(&self, message: &TaskMessage) -> Result<(), QueueError> {
        let id = random::token();
        let sent = self.database.write(|| async {
            let now = self.database.now();
            let connection = self.database.connection().await?;
            let statement = "
                INSERT INTO mcp_task_messages (id, body, receipt, visible, expires) VALUES ($1, $2, $1, $3, $4)
                ON CONFLICT (id) DO NOTHING";
            let visible = millis(now.plus(message.delay));
            let values = params![Text(&id), Text(&message.body()), visible, millis(now.plus(MESSAGE_TTL))];
            connection.changed(statement, values).await.map(drop)
        });
        sent.await.map_err(|error| failed(&error))
    }

    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        let end = Instant::now() + LONG_POLL;
        loop {
            let taken = self.database.write(|| self.take(most, hidden)).await;
            let taken = taken.map_err(|error| failed(&error))?;
            if !taken.is_empty() || Instant::now() >= end {
                return Ok(taken);
            }
            sleep(random::jitter(PAUSE)).await;
        }
    }

    async fn hide(&self, receipt: &str, hidden: Duration) -> Result<(), QueueError> {
        let hide = self.database.write(|| async {
            let connection = self.database.connection().await?;
            let statement = "UPDATE mcp_task_messages SET visible = $1 WHERE id = $2 AND receipt = $3";
            let visible = millis(self.database.now().plus(hidden));
            let values = params![visible, Text(id_of(receipt)), Text(receipt)];
            connection.changed(statement, values).await.map(drop)
        });
        hide.await.map_err(|error| failed(&error))
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let delete = self.database.write(|| async {
            let connection = self.database.connection().await?;
            let statement = "DELETE FROM mcp_task_messages WHERE id = $1 AND receipt = $2";
            connection.changed(statement, params![Text(id_of(receipt)), Text(receipt)]).await.map(drop)
        });
        delete.await.map_err(|error| failed(&error))
    }
}

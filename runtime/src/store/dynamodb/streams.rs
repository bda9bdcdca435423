//! Replayable replies: place 0 opens a stream, `end` finishes it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;

use super::{
    DynamoStore, error,
    item::{Item, fits, number, text},
};
use crate::{
    clock::Timestamp,
    error::StoreError,
    session::SessionId,
    stream::{Replay, StoredFrame, StreamKey, StreamStore},
};

/// Longer than any reply goes on.
const SLACK: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) fn session_key(session: &SessionId) -> String {
    format!("STREAM#{session}")
}

fn place(key: &StreamKey, seq: u64) -> String {
    format!("{}#{seq:020}", key.stream.as_str())
}

/// After every place: letters sort behind digits.
fn end(key: &StreamKey) -> String {
    format!("{}#end", key.stream.as_str())
}

/// A stream ends as one: DynamoDB must not delete its first items while its last ones are still read.
fn kept(item: Item, expires_at: Timestamp) -> Item {
    item.expiring(expires_at).with("ttl", number(expires_at.plus(SLACK).epoch_seconds()))
}

#[async_trait]
impl StreamStore for DynamoStore {
    async fn open(&self, key: &StreamKey, expires_at: Timestamp) -> Result<(), StoreError> {
        self.put_once(kept(Item::new(session_key(&key.session), place(key, 0)), expires_at)).await
    }

    async fn append(
        &self,
        key: &StreamKey,
        frames: &[StoredFrame],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::with_capacity(frames.len());
        for frame in frames {
            let json = std::str::from_utf8(&frame.json)
                .map_err(|_| StoreError::Corrupt("a message is not text".into()))?;
            fits(json)?;
            let item = Item::new(session_key(&key.session), place(key, frame.seq))
                .with("json", text(json))
                .with("seq", number(frame.seq));
            writes.push(self.put_once(kept(item, expires_at)));
        }
        // At once: a reader stops at a hole, so the order of arrival does not matter.
        try_join_all(writes).await.map(drop)
    }

    async fn finish(&self, key: &StreamKey) -> Result<(), StoreError> {
        let Some(opening) = self.get(&self.events, &session_key(&key.session), &place(key, 0)).await? else {
            return Ok(());
        };
        let expires_at = Timestamp(opening.number("expires")?);
        self.put_once(kept(Item::new(session_key(&key.session), end(key)), expires_at)).await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let now = self.clock.now();
        let pk = session_key(&key.session);
        let (first, known, end) = (place(key, 0), place(key, after.max(1)), end(key));
        let opening = self.get(&self.events, &pk, &first);
        let rest = self.query_between(&pk, &known, &end);
        let (opening, rest) = futures::try_join!(opening, rest)?;
        let Some(opening) = opening else { return Ok(Replay::Unknown) };
        // A stream lives as long as the youngest of its items; they are all read, but for those the client has.
        let mut lives = opening.lives(now)?;
        for item in &rest {
            lives |= item.lives(now)?;
        }
        if !lives {
            return Ok(Replay::Unknown);
        }
        let (mut frames, mut finished) = (Vec::new(), false);
        for item in rest {
            if item.text("sk")? == end {
                finished = true;
                continue;
            }
            let seq = item.number("seq")?;
            if seq <= after {
                continue;
            }
            // A hole: its writer is still at it, or died. What is behind it comes when it is filled.
            if seq != after + 1 + frames.len() as u64 {
                return Ok(Replay::Open(frames));
            }
            frames.push(StoredFrame { seq, json: Bytes::copy_from_slice(item.text("json")?.as_bytes()) });
        }
        Ok(if finished { Replay::Finished(frames) } else { Replay::Open(frames) })
    }
}

impl DynamoStore {
    /// Writes an item of the event table unless it is there.
    pub(super) async fn put_once(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&*self.events)
            .set_item(Some(item.0))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error::failed("PutItem", &self.events, &error)),
        }
    }
}

//! Replies that can be replayed: an item for each part. The item with sort key 0 opens a stream and holds its first
//! messages. The sort key of the others is the sequence number of their last message, so that one query from any sequence
//! number starts with the part that holds the next message.
//!
//! A part is one item with several messages and not several items of a batch: it is written as a whole in one request,
//! and ten short messages cost one write unit instead of ten.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;

use super::{
    DynamoStore,
    item::{Item, MAX_VALUE, millis, number, text},
    keys,
};
use mcp_lambda_core::{
    error::StoreError,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
};

/// Delay of the deletion by DynamoDB after the stream expires: longer than a reply is written.
const TTL_SLACK: Duration = Duration::from_secs(2 * 60 * 60);

/// Returns the item of a part.
fn item(key: &StreamKey, sk: String, terms: &StreamTerms, part: &Part) -> Result<Item, StoreError> {
    let messages = part.messages.iter().map(|json| std::str::from_utf8(json).map(text));
    let messages = messages
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::Corrupt("a message is not UTF-8".into()))?;
    let item = Item::new(keys::streams(&key.session), sk)
        .with("first", number(part.first))
        .with("messages", AttributeValue::L(messages))
        .with("last", AttributeValue::Bool(part.last))
        .expiring(terms.expires_at)
        // DynamoDB must not delete the first items of a stream while its last ones are read.
        .with("ttl", number(terms.expires_at.plus(TTL_SLACK).epoch_seconds()));
    Ok(item)
}

#[async_trait]
impl StreamStore for DynamoStore {
    fn largest_part(&self) -> usize {
        MAX_VALUE
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let mut item =
            item(key, keys::stream_part(key, 0), terms, part)?.with("until", millis(terms.written_by));
        if let Some(id) = &terms.request {
            let id = serde_json::to_string(id).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            item = item.with("request", text(id));
        }
        self.put_once(&self.events, item).await
    }

    async fn append(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let sk = match part.messages.len() as u64 {
            0 => keys::stream_end(key),
            count => keys::stream_part(key, part.first + count - 1),
        };
        self.put_once(&self.events, item(key, sk, terms, part)?).await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let now = self.clock.now();
        let pk = keys::streams(&key.session);
        // From the part that ends at the client's position: it may be the last one.
        let (first, from, end) =
            (keys::stream_part(key, 0), keys::stream_part(key, after.max(1)), keys::stream_end(key));
        let opening = self.get(&self.events, &pk, &first);
        let rest = self.query_between(&pk, &from, &end);
        let (opening, rest) = futures::try_join!(opening, rest)?;
        let Some(opening) = opening else { return Ok(Replay::Unknown) };
        if !opening.is_live(now)? {
            return Ok(Replay::Unknown);
        }
        let (mut frames, mut finished) = (Vec::new(), false);
        for item in std::iter::once(&opening).chain(&rest) {
            finished |= add_messages(item, after, &mut frames)?;
        }
        if finished {
            return Ok(Replay::Finished(frames));
        }
        if opening.time("until")? > now {
            return Ok(Replay::Open(frames));
        }
        let request = opening.has("request").then(|| opening.text("request")).transpose()?;
        let request = request
            .map(|id| serde_json::from_str(id).map_err(|_| opening.corrupt("request", "a request id")));
        Ok(Replay::Broken { frames, request: request.transpose()? })
    }
}

/// Adds the messages of a part that follow those in `frames`, unless a message between the two is missing. Returns whether
/// the part is the last one.
fn add_messages(item: &Item, after: u64, frames: &mut Vec<StoredFrame>) -> Result<bool, StoreError> {
    let Some(AttributeValue::L(messages)) = item.0.get("messages") else {
        return Err(item.corrupt("messages", "a list"));
    };
    let mut next = after.saturating_add(1).saturating_add(frames.len() as u64);
    let first = item.number("first")?;
    if first > next {
        return Ok(false);
    }
    for (message, seq) in messages.iter().zip(first..) {
        if seq == next {
            let json = message.as_s().map_err(|_| item.corrupt("messages", "a list of strings"))?;
            frames.push(StoredFrame { seq, json: Bytes::copy_from_slice(json.as_bytes()) });
            next = next.saturating_add(1);
        }
    }
    match item.0.get("last") {
        Some(AttributeValue::Bool(last)) => Ok(*last),
        _ => Err(item.corrupt("last", "true or false")),
    }
}

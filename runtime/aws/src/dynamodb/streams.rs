//! Replayable replies: an item a part. Place 0 opens a stream and holds its first messages; the others stand at the
//! place of their last message, so that one query from any place begins with the part that holds the next one.
//!
//! One item with several messages, and not several items in a batch: it is written whole or not at all, in one request
//! whatever happens, and ten short messages cost one write unit instead of ten.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;

use super::{
    DynamoStore, error,
    item::{Item, VALUE_LIMIT, number, text},
};
use mcp_lambda_core::{
    error::StoreError,
    session::SessionId,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
    time::Timestamp,
};

/// Longer than any reply goes on.
const SLACK: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) fn session_key(session: &SessionId) -> String {
    format!("STREAM#{session}")
}

fn place(key: &StreamKey, seq: u64) -> String {
    format!("{}#{seq:020}", key.stream.as_str())
}

/// After every place: letters sort behind digits. The last part stands here when there is nothing left to say.
fn end(key: &StreamKey) -> String {
    format!("{}#end", key.stream.as_str())
}

fn item(key: &StreamKey, sk: String, terms: &StreamTerms, part: &Part) -> Result<Item, StoreError> {
    let messages = part.messages.iter().map(|json| std::str::from_utf8(json).map(text));
    let messages = messages
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::Corrupt("a message is not text".into()))?;
    let item = Item::new(session_key(&key.session), sk)
        .with("first", number(part.first))
        .with("messages", AttributeValue::L(messages))
        .with("last", AttributeValue::Bool(part.last))
        .expiring(terms.expires_at)
        // A stream ends as one: DynamoDB must not delete its first items while its last ones are still read.
        .with("ttl", number(terms.expires_at.plus(SLACK).epoch_seconds()));
    Ok(item)
}

#[async_trait]
impl StreamStore for DynamoStore {
    fn largest_part(&self) -> usize {
        VALUE_LIMIT
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let mut item = item(key, place(key, 0), terms, part)?.with("until", number(terms.written_by.0));
        if let Some(id) = &terms.request {
            let id = serde_json::to_string(id).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            item = item.with("request", text(id));
        }
        self.put_once(item).await
    }

    async fn append(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let sk = match part.messages.len() as u64 {
            0 => end(key),
            several => place(key, part.first + several - 1),
        };
        self.put_once(item(key, sk, terms, part)?).await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let now = self.clock.now();
        let pk = session_key(&key.session);
        // From the part that ends where the client is: it may be the last.
        let (first, from, end) = (place(key, 0), place(key, after.max(1)), end(key));
        let opening = self.get(&self.events, &pk, &first);
        let rest = self.query_between(&pk, &from, &end);
        let (opening, rest) = futures::try_join!(opening, rest)?;
        let Some(opening) = opening else { return Ok(Replay::Unknown) };
        if !opening.lives(now)? {
            return Ok(Replay::Unknown);
        }
        let (mut frames, mut finished) = (Vec::new(), false);
        for item in std::iter::once(&opening).chain(&rest) {
            finished |= follow(item, after, &mut frames)?;
        }
        if finished {
            return Ok(Replay::Finished(frames));
        }
        if Timestamp(opening.number("until")?) > now {
            return Ok(Replay::Open(frames));
        }
        let request = opening.0.contains_key("request").then(|| opening.text("request")).transpose()?;
        let request =
            request.map(|id| serde_json::from_str(id).map_err(|_| opening.corrupt("request", "an id")));
        Ok(Replay::Broken { frames, request: request.transpose()? })
    }
}

/// Adds what a part holds after what is there already, unless something is missing in between. Returns whether it is
/// the last.
fn follow(item: &Item, after: u64, frames: &mut Vec<StoredFrame>) -> Result<bool, StoreError> {
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

impl DynamoStore {
    /// Writes an item of the event table unless it is there.
    pub(super) async fn put_once(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .client()
            .await?
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

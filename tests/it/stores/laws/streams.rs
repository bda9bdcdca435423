//! Laws of `StreamStore`.

use std::time::Duration;

use bytes::Bytes;
use mcp_lambda_server::{
    rmcp::model::RequestId,
    session::SessionId,
    stream::{Part, Replay, StoredFrame, StreamId, StreamKey, StreamTerms},
};

use super::Lab;

/// A stream that answers one request. Its writer ends at half of its TTL.
struct Stream<'a> {
    lab: &'a Lab,
    key: StreamKey,
    terms: StreamTerms,
}

impl<'a> Stream<'a> {
    fn new(lab: &'a Lab, session: &SessionId) -> Self {
        let key = StreamKey { session: session.clone(), stream: StreamId::random() };
        let written_by = lab.clock.now().plus(lab.ttl / 2);
        let terms = StreamTerms::new(Some(request()), written_by, lab.expiry());
        Self { lab, key, terms }
    }

    async fn open(lab: &'a Lab, session: &SessionId, texts: &[&str]) -> Self {
        let stream = Self::new(lab, session);
        let part = part(1, texts, false);
        lab.stores.streams.open(&stream.key, &stream.terms, &part).await.expect("opened");
        stream
    }

    async fn append(&self, part: &Part) {
        self.lab.stores.streams.append(&self.key, &self.terms, part).await.expect("appended");
    }

    async fn read(&self, after: u64) -> Replay {
        self.lab.stores.streams.read(&self.key, after).await.expect("read")
    }
}

fn request() -> RequestId {
    RequestId::String("seven \"7\"".into())
}

fn part(first: u64, texts: &[&str], last: bool) -> Part {
    let messages = texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
    Part::new(first, messages, last)
}

fn frame(seq: u64, text: &str) -> StoredFrame {
    StoredFrame { seq, json: Bytes::copy_from_slice(text.as_bytes()) }
}

pub(crate) async fn an_open_stream_is_visible_with_its_first_part(lab: &Lab) {
    let session = lab.session().await;
    assert_eq!(Stream::new(lab, &session).read(0).await, Replay::Unknown);
    let stream = Stream::open(lab, &session, &[]).await;
    assert_eq!(stream.read(0).await, Replay::Open(vec![]));
    stream.append(&part(1, &[], true)).await;
    assert_eq!(stream.read(0).await, Replay::Finished(vec![]));
    let stream = Stream::open(lab, &session, &["one", "two"]).await;
    assert_eq!(stream.read(0).await, Replay::Open(vec![frame(1, "one"), frame(2, "two")]));
    assert_eq!(stream.read(1).await, Replay::Open(vec![frame(2, "two")]));
}

pub(crate) async fn messages_are_read_in_order_after_any_sequence_number(lab: &Lab) {
    let texts: Vec<_> = (1..=12).map(|seq| format!("{{\"n\":{seq}}}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let stream = Stream::open(lab, &lab.session().await, &texts[..2]).await;
    for (first, last) in [(3, 3), (4, 8), (9, 12)] {
        stream.append(&part(first as u64, &texts[first - 1..last], false)).await;
    }
    let frames: Vec<_> = texts.iter().zip(1..).map(|(text, seq)| frame(seq, text)).collect();
    for after in 0..=13_usize {
        let rest = frames.get(after..).unwrap_or_default().to_vec();
        assert_eq!(stream.read(after as u64).await, Replay::Open(rest));
    }
    assert_eq!(stream.read(u64::MAX).await, Replay::Open(vec![]));
}

pub(crate) async fn a_part_written_again_changes_nothing(lab: &Lab) {
    let stream = Stream::open(lab, &lab.session().await, &["first"]).await;
    let (middle, end) = (part(2, &["second", "third"], false), part(4, &["fourth"], true));
    for part in [&middle, &middle, &end, &middle, &end] {
        stream.append(part).await;
    }
    let opening = part(1, &["first"], false);
    lab.stores
        .streams
        .open(&stream.key, &stream.terms, &opening)
        .await
        .expect("opening twice is opening once");
    let texts = [(1, "first"), (2, "second"), (3, "third"), (4, "fourth")];
    let all = texts.into_iter().map(|(seq, text)| frame(seq, text)).collect();
    assert_eq!(stream.read(0).await, Replay::Finished(all));
}

pub(crate) async fn the_last_part_is_final_with_or_without_messages(lab: &Lab) {
    let session = lab.session().await;
    let stream = Stream::open(lab, &session, &["one"]).await;
    stream.append(&part(2, &["two"], true)).await;
    assert_eq!(stream.read(1).await, Replay::Finished(vec![frame(2, "two")]));
    assert_eq!(stream.read(2).await, Replay::Finished(vec![]));
    let stream = Stream::open(lab, &session, &["one"]).await;
    stream.append(&part(2, &[], true)).await;
    assert_eq!(stream.read(0).await, Replay::Finished(vec![frame(1, "one")]));
    let stream = Stream::new(lab, &session);
    let whole = part(1, &["all at once"], true);
    lab.stores.streams.open(&stream.key, &stream.terms, &whole).await.expect("opened");
    assert_eq!(stream.read(0).await, Replay::Finished(vec![frame(1, "all at once")]));
}

pub(crate) async fn no_message_is_read_beyond_a_missing_one(lab: &Lab) {
    let stream = Stream::open(lab, &lab.session().await, &["one"]).await;
    stream.append(&part(3, &["three"], true)).await;
    assert_eq!(stream.read(0).await, Replay::Open(vec![frame(1, "one")]));
    assert_eq!(stream.read(1).await, Replay::Open(vec![]));
}

/// A client that has received messages before they are stored gets the later ones, and none twice.
pub(crate) async fn a_stream_is_resumed_after_a_message_that_is_not_stored(lab: &Lab) {
    let stream = Stream::open(lab, &lab.session().await, &["1"]).await;
    stream.append(&part(2, &["2", "3"], false)).await;
    assert_eq!(stream.read(5).await, Replay::Open(vec![]));
    stream.append(&part(4, &["4", "5", "6"], false)).await;
    assert_eq!(stream.read(5).await, Replay::Open(vec![frame(6, "6")]));
    stream.append(&part(7, &["7"], true)).await;
    assert_eq!(stream.read(5).await, Replay::Finished(vec![frame(6, "6"), frame(7, "7")]));
}

pub(crate) async fn a_stream_without_its_last_part_is_broken_once_its_writer_has_ended(lab: &Lab) {
    let session = lab.session().await;
    let (ended, broken) =
        (Stream::open(lab, &session, &["one"]).await, Stream::open(lab, &session, &["one"]).await);
    ended.append(&part(2, &["two"], true)).await;
    broken.append(&part(2, &["two"], false)).await;
    lab.clock.advance(lab.ttl / 2 - Duration::from_millis(1));
    assert_eq!(broken.read(1).await, Replay::Open(vec![frame(2, "two")]));
    lab.clock.advance(Duration::from_millis(1));
    let interrupted = Replay::Broken { frames: vec![frame(2, "two")], request: Some(request()) };
    assert_eq!(broken.read(1).await, interrupted);
    assert_eq!(ended.read(1).await, Replay::Finished(vec![frame(2, "two")]));
}

pub(crate) async fn a_stream_is_read_only_through_its_session(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let stream = Stream::open(lab, &session, &["secret"]).await;
    let stolen = StreamKey { session: other, stream: stream.key.stream.clone() };
    for after in [0, 1] {
        let read = lab.stores.streams.read(&stolen, after).await.expect("read");
        assert_eq!(read, Replay::Unknown);
    }
    // An append through another session changes nothing.
    let _ = lab.stores.streams.append(&stolen, &stream.terms, &part(2, &[], true)).await;
    assert_eq!(stream.read(0).await, Replay::Open(vec![frame(1, "secret")]));
}

pub(crate) async fn a_stream_ends_with_its_session(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let (gone, kept) = (Stream::open(lab, &session, &["gone"]).await, Stream::open(lab, &other, &[]).await);
    lab.stores.sessions.end(&session).await.expect("ended");
    assert_eq!(gone.read(0).await, Replay::Unknown);
    assert_eq!(kept.read(0).await, Replay::Open(vec![]));
}

pub(crate) async fn an_expired_stream_is_unknown(lab: &Lab) {
    let session = lab.session().await;
    let stream = Stream::open(lab, &session, &["early"]).await;
    stream.append(&part(2, &["late"], true)).await;
    lab.clock.advance(lab.ttl / 2);
    lab.stores.sessions.touch(&session, lab.expiry()).await.expect("touched");
    assert_eq!(stream.read(0).await, Replay::Finished(vec![frame(1, "early"), frame(2, "late")]));
    lab.clock.advance(lab.ttl / 2);
    assert_eq!(stream.read(0).await, Replay::Unknown);
}

/// The stream is larger than one page of any store, in parts as large as the store takes.
pub(crate) async fn a_long_stream_is_read_as_a_whole(lab: &Lab) {
    let stream = Stream::open(lab, &lab.session().await, &[]).await;
    let largest = lab.stores.streams.largest_part().min(390 * 1024);
    let mut frames = Vec::new();
    for index in 0..8_u64 {
        let short = vec![b'x'; 8_000];
        let long = vec![b'y'; largest - 9 * short.len()];
        let messages: Vec<Bytes> = std::iter::repeat_n(short, 9).chain([long]).map(Bytes::from).collect();
        let first = index * 10 + 1;
        frames
            .extend(messages.iter().zip(first..).map(|(json, seq)| StoredFrame { seq, json: json.clone() }));
        stream.append(&Part::new(first, messages, index == 7)).await;
    }
    assert_eq!(stream.read(0).await, Replay::Finished(frames.clone()));
    assert_eq!(stream.read(35).await, Replay::Finished(frames[35..].to_vec()));
}

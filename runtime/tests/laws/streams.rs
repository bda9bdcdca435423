//! Laws of `StreamStore`.

use bytes::Bytes;
use mcp_lambda_server::{
    session::SessionId,
    stream::{Replay, StoredFrame, StreamId, StreamKey},
};

use super::Lab;

async fn open(lab: &Lab, session: &SessionId) -> StreamKey {
    let key = StreamKey { session: session.clone(), stream: StreamId::random() };
    lab.stores.streams.open(&key, lab.end()).await.expect("opened");
    key
}

fn frame(seq: u64, text: &str) -> StoredFrame {
    StoredFrame { seq, json: Bytes::copy_from_slice(text.as_bytes()) }
}

async fn append(lab: &Lab, key: &StreamKey, frames: &[StoredFrame]) {
    lab.stores.streams.append(key, frames, lab.end()).await.expect("appended");
}

async fn read(lab: &Lab, key: &StreamKey, after: u64) -> Replay {
    lab.stores.streams.read(key, after).await.expect("read")
}

pub(crate) async fn an_open_stream_is_visible_and_empty(lab: &Lab) {
    let session = lab.session().await;
    let never = StreamKey { session: session.clone(), stream: StreamId::random() };
    assert_eq!(read(lab, &never, 0).await, Replay::Unknown);
    let key = open(lab, &session).await;
    assert_eq!(read(lab, &key, 0).await, Replay::Open(vec![]));
    assert_eq!(read(lab, &key, 7).await, Replay::Open(vec![]));
    lab.stores.streams.finish(&key).await.expect("finished");
    assert_eq!(read(lab, &key, 0).await, Replay::Finished(vec![]));
}

pub(crate) async fn frames_read_back_in_order_after_any_place(lab: &Lab) {
    let key = open(lab, &lab.session().await).await;
    let frames: Vec<_> = (1..=12).map(|seq| frame(seq, &format!("{{\"n\":{seq}}}"))).collect();
    // In pieces, and the last piece first: order is the seq's.
    append(lab, &key, &frames[8..]).await;
    append(lab, &key, &frames[..3]).await;
    append(lab, &key, &frames[3..8]).await;
    append(lab, &key, &[]).await;
    for after in 0..=13_usize {
        let rest = frames.get(after..).unwrap_or_default().to_vec();
        assert_eq!(read(lab, &key, after as u64).await, Replay::Open(rest));
    }
    assert_eq!(read(lab, &key, u64::MAX).await, Replay::Open(vec![]));
}

pub(crate) async fn a_seq_that_is_there_already_changes_nothing(lab: &Lab) {
    let key = open(lab, &lab.session().await).await;
    append(lab, &key, &[frame(1, "first")]).await;
    append(lab, &key, &[frame(1, "again"), frame(2, "second")]).await;
    assert_eq!(read(lab, &key, 0).await, Replay::Open(vec![frame(1, "first"), frame(2, "second")]));
}

pub(crate) async fn finish_is_idempotent_and_final(lab: &Lab) {
    let key = open(lab, &lab.session().await).await;
    append(lab, &key, &[frame(1, "only")]).await;
    for _ in 0..2 {
        lab.stores.streams.finish(&key).await.expect("finished");
        assert_eq!(read(lab, &key, 0).await, Replay::Finished(vec![frame(1, "only")]));
    }
    lab.stores.streams.open(&key, lab.end()).await.expect("opening twice is opening once");
    assert_eq!(read(lab, &key, 0).await, Replay::Finished(vec![frame(1, "only")]));
    assert_eq!(read(lab, &key, 1).await, Replay::Finished(vec![]));
}

pub(crate) async fn a_stream_is_read_only_through_its_session(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let key = open(lab, &session).await;
    append(lab, &key, &[frame(1, "secret")]).await;
    let stolen = StreamKey { session: other, stream: key.stream.clone() };
    assert_eq!(read(lab, &stolen, 0).await, Replay::Unknown);
    // Finishing through the wrong session finishes nothing.
    let _ = lab.stores.streams.finish(&stolen).await;
    assert_eq!(read(lab, &key, 0).await, Replay::Open(vec![frame(1, "secret")]));
}

pub(crate) async fn a_stream_ends_with_its_session(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let (key, kept) = (open(lab, &session).await, open(lab, &other).await);
    append(lab, &key, &[frame(1, "gone")]).await;
    lab.stores.sessions.end(&session).await.expect("ended");
    assert_eq!(read(lab, &key, 0).await, Replay::Unknown);
    assert_eq!(read(lab, &kept, 0).await, Replay::Open(vec![]));
}

pub(crate) async fn an_expired_stream_is_unknown(lab: &Lab) {
    let session = lab.session().await;
    let key = open(lab, &session).await;
    append(lab, &key, &[frame(1, "early")]).await;
    lab.clock.advance(lab.life / 2);
    lab.stores.sessions.touch(&session, lab.end()).await.expect("touched");
    // A later append moves the end of the whole stream.
    append(lab, &key, &[frame(2, "late")]).await;
    lab.clock.advance(lab.life / 2);
    assert_eq!(read(lab, &key, 0).await, Replay::Open(vec![frame(1, "early"), frame(2, "late")]));
    lab.outlive();
    assert_eq!(read(lab, &key, 0).await, Replay::Unknown);
}

/// Larger than one page of any store.
pub(crate) async fn a_long_stream_reads_back_whole(lab: &Lab) {
    let key = open(lab, &lab.session().await).await;
    let text = "x".repeat(8_000);
    let frames: Vec<_> = (1..=200).map(|seq| frame(seq, &format!("{seq}{text}"))).collect();
    for some in frames.chunks(20) {
        append(lab, &key, some).await;
    }
    lab.stores.streams.finish(&key).await.expect("finished");
    assert_eq!(read(lab, &key, 0).await, Replay::Finished(frames));
}

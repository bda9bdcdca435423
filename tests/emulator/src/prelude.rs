//! The HTTP head in front of a streamed payload: JSON, eight NUL bytes, then the body.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html> (read 2026-11-20)

use bytes::BytesMut;

use crate::{
    answer::AnswerBody,
    failure::FunctionError,
    ingress::reply::{Head, Malformed},
};

const DELIMITER: [u8; 8] = [0; 8];
/// The delimiter must come within the first 16 KB.
const LIMIT: usize = 16 * 1024;

/// Why there is no prelude.
#[derive(Debug)]
pub(crate) enum NoPrelude {
    Malformed(Malformed),
    /// The function failed before it had written one.
    Failed(FunctionError),
}

/// Reads the prelude from the start of `body`, and leaves the rest in it.
pub(crate) async fn read(body: &mut AnswerBody) -> Result<Head, NoPrelude> {
    let mut seen = BytesMut::new();
    loop {
        // JSON contains no NUL, so the first one starts the delimiter.
        if let Some(end) = seen.iter().position(|byte| *byte == 0) {
            if seen.len() >= end + DELIMITER.len() {
                let json = seen.split_to(end);
                if !seen.starts_with(&DELIMITER) {
                    return Err(NoPrelude::Malformed(Malformed(
                        "fewer than eight NUL bytes after the prelude",
                    )));
                }
                body.push_front(seen.split_off(DELIMITER.len()).freeze());
                return Head::of_prelude(&json).map_err(NoPrelude::Malformed);
            }
        } else if seen.len() > LIMIT {
            return Err(NoPrelude::Malformed(Malformed("no prelude in the first 16 KB")));
        }
        match body.next().await {
            Some(Ok(chunk)) => seen.extend_from_slice(&chunk),
            Some(Err(error)) => return Err(NoPrelude::Failed(error)),
            None => return Err(NoPrelude::Malformed(Malformed("the stream ended before its prelude did"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    async fn read_chunks(chunks: &[&'static [u8]]) -> (Result<Head, NoPrelude>, Bytes) {
        let (sender, mut body) = AnswerBody::channel();
        for chunk in chunks {
            sender.send(Ok(Bytes::from_static(chunk))).await.unwrap();
        }
        drop(sender);
        let head = read(&mut body).await;
        (head, body.collect(usize::MAX).await.unwrap())
    }

    #[tokio::test]
    async fn a_prelude_is_found_wherever_the_chunks_are_cut() {
        let whole: &'static [u8] =
            b"{\"statusCode\":201,\"headers\":{\"a\":\"b\"}}\0\0\0\0\0\0\0\0body\0tail";
        for cut in 0..whole.len() {
            let (head, rest) = read_chunks(&[&whole[..cut], &whole[cut..]]).await;
            assert_eq!(head.unwrap().status.as_u16(), 201);
            assert_eq!(rest, "body\0tail");
        }
    }

    #[tokio::test]
    async fn what_is_no_prelude_is_malformed() {
        for chunks in [
            &[b"{}" as &[u8], b"\0\0\0"] as &[&'static [u8]],
            &[b"{\"statusCode\":200}\0\0\0\0\0\0\0x"],
            &[b"not json\0\0\0\0\0\0\0\0"],
            &[b"{\"statusCode\":99}\0\0\0\0\0\0\0\0"],
            &[b""],
            &[&[b' '; LIMIT + 1]],
        ] {
            let (head, _) = read_chunks(chunks).await;
            assert!(matches!(head, Err(NoPrelude::Malformed(_))), "{chunks:?}");
        }
    }
}

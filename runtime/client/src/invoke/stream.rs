//! The response of `InvokeWithResponseStream`: messages of AWS's event stream, with chunks of the payload in them.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use serde::Deserialize;

use super::payload;
use crate::{Error, sender::ResponseBody};

/// The state of a response that is being read.
struct Reader {
    body: ResponseBody,
    decoder: MessageFrameDecoder,
    buffer: BytesMut,
    function: String,
    complete: bool,
}

/// The end of the stream.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InvokeComplete {
    error_code: Option<String>,
    error_details: Option<String>,
}

/// The chunks of the payload. A function that fails on the way ends them with [`Error::Function`], and a response without its end
/// with [`Error::Broken`].
pub(super) fn payload_chunks(body: ResponseBody, function: String) -> ResponseBody {
    let reader = Reader {
        body,
        decoder: MessageFrameDecoder::new(),
        buffer: BytesMut::new(),
        function,
        complete: false,
    };
    stream::try_unfold(
        reader,
        |mut reader| async move { Ok(reader.next().await?.map(|chunk| (chunk, reader))) },
    )
    .boxed()
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.complete {
            let decoded = self.decoder.decode_frame(&mut self.buffer);
            match decoded.map_err(|error| Error::Protocol(format!("the event stream is damaged: {error}")))? {
                DecodedFrame::Complete(message) => {
                    if let Some(chunk) = self.read(&message)? {
                        return Ok(Some(chunk));
                    }
                }
                DecodedFrame::Incomplete => match self.body.next().await.transpose()? {
                    Some(bytes) => self.buffer.extend_from_slice(&bytes),
                    None => return Err(self.broken()),
                },
            }
        }
        Ok(None)
    }

    /// Returns the chunk in a message. The last message ends the stream.
    fn read(&mut self, message: &Message) -> Result<Option<Bytes>, Error> {
        let header = |name: &str| {
            let header = message.headers().iter().find(|header| header.name().as_str() == name);
            header.and_then(|header| header.value().as_string().ok()).map(|text| text.as_str())
        };
        match (header(":message-type"), header(":event-type")) {
            (_, Some("PayloadChunk")) => Ok(Some(message.payload().clone())),
            (_, Some("InvokeComplete")) => {
                self.complete = true;
                let end: InvokeComplete = serde_json::from_slice(message.payload()).unwrap_or_default();
                match end.error_code {
                    None => Ok(None),
                    Some(code) => Err(self.failed(&code, &end.error_details.unwrap_or_default())),
                }
            }
            (Some("exception" | "error"), _) => {
                let kind = header(":exception-type").or(header(":error-code")).unwrap_or("error");
                Err(self.failed(kind, &String::from_utf8_lossy(message.payload())))
            }
            // A kind of message that did not exist yet.
            _ => Ok(None),
        }
    }

    fn failed(&self, kind: &str, message: &str) -> Error {
        payload::function_error(&self.function, kind, message.as_bytes())
    }

    fn broken(&self) -> Error {
        let source = "the stream ended before the function did".into();
        Error::Broken { address: self.function.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};

    use super::*;

    fn message(kind: &'static str, payload: &'static str) -> Vec<u8> {
        let message = Message::new(payload)
            .add_header(Header::new(":message-type", HeaderValue::String("event".into())))
            .add_header(Header::new(":event-type", HeaderValue::String(kind.into())));
        let mut bytes = Vec::new();
        write_message_to(&message, &mut bytes).expect("written");
        bytes
    }

    async fn chunks(bytes: Vec<u8>, cut: usize) -> (String, Option<Error>) {
        let (one, two) = bytes.split_at(cut);
        let body = [one, two].map(|part| Ok(Bytes::copy_from_slice(part)));
        let mut chunks = payload_chunks(stream::iter(body).boxed(), "tools".to_owned());
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => text.push_str(std::str::from_utf8(&chunk).expect("text")),
                Err(error) => return (text, Some(error)),
            }
        }
        (text, None)
    }

    #[tokio::test]
    async fn chunks_arrive_in_order_wherever_the_network_cuts_them() {
        let all = [
            message("PayloadChunk", "one "),
            message("PayloadChunk", "two"),
            message("InvokeComplete", "{}"),
        ];
        let all = all.concat();
        for cut in 0..all.len() {
            let (text, error) = chunks(all.clone(), cut).await;
            assert_eq!((text.as_str(), error.is_none()), ("one two", true), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_function_that_fails_on_the_way_is_an_error_after_its_chunks() {
        let end = r#"{"ErrorCode":"Runtime.ExitError","ErrorDetails":"exit status 1"}"#;
        let all = [message("PayloadChunk", "one"), message("InvokeComplete", end)].concat();
        let (text, error) = chunks(all, 5).await;
        assert_eq!(text, "one");
        let error = error.expect("an error").to_string();
        assert_eq!(error, "the function tools failed (Runtime.ExitError): exit status 1");
    }

    #[tokio::test]
    async fn a_response_without_its_end_is_broken() {
        let (text, error) = chunks(message("PayloadChunk", "one"), 3).await;
        assert_eq!(text, "one");
        assert!(matches!(error, Some(Error::Broken { .. })), "{error:?}");
    }

    #[tokio::test]
    async fn damage_is_noticed() {
        let mut all = message("PayloadChunk", "one");
        let last = all.len() - 6;
        all[last] ^= 1;
        let (_, error) = chunks(all, 3).await;
        assert!(matches!(error, Some(Error::Protocol(_))), "{error:?}");
    }
}

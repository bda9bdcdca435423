//! The payload that a function returns, as an HTTP response: a JSON prelude, eight NUL bytes and the body, or all of it in one
//! JSON object.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{Error, sender::ResponseBody};

/// The largest payload that `Invoke` returns is 6 MB; the largest prelude is far smaller.
pub(super) const LARGEST: usize = 8 * 1024 * 1024;
/// What separates the prelude from the body.
const SEPARATOR: [u8; 8] = [0; 8];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prelude<'a> {
    #[serde(default)]
    status_code: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Makes a response of a payload as it arrives. A payload without a separator is one JSON object.
pub(super) async fn response(mut chunks: ResponseBody) -> Result<Response<ResponseBody>, Error> {
    let mut begin = BytesMut::new();
    loop {
        if let Some(at) = begin.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR) {
            let prelude = begin.split_to(at).freeze();
            let rest = begin.split_off(SEPARATOR.len()).freeze();
            let body = stream::iter((!rest.is_empty()).then_some(Ok(rest))).chain(chunks).boxed();
            return head(&read(&prelude)?).map(|response| response.map(|()| body));
        }
        match chunks.next().await.transpose()? {
            Some(chunk) => begin.extend_from_slice(&chunk),
            None => return whole(&begin),
        }
        if begin.len() > LARGEST {
            return Err(Error::TooLarge { what: "the payload of the function", limit: LARGEST });
        }
    }
}

fn whole(payload: &[u8]) -> Result<Response<ResponseBody>, Error> {
    let read = read(payload)?;
    let body = match read.body {
        None => Bytes::new(),
        Some(body) => {
            let text: String = serde_json::from_str(body.get()).map_err(|_| strange(payload))?;
            if read.is_base64_encoded {
                BASE64_STANDARD.decode(text).map_err(|_| strange(payload))?.into()
            } else {
                text.into()
            }
        }
    };
    head(&read).map(|response| response.map(|()| stream::iter([Ok(body)]).boxed()))
}

fn read(json: &[u8]) -> Result<Prelude<'_>, Error> {
    let prelude: Prelude<'_> = serde_json::from_slice(json).map_err(|_| strange(json))?;
    if prelude.status_code.is_none() { Err(strange(json)) } else { Ok(prelude) }
}

fn strange(payload: &[u8]) -> Error {
    let begin = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
    Error::Protocol(format!(
        "the function returned no HTTP response but {begin:?}: is it a server of MCP behind a Function URL?"
    ))
}

fn head(prelude: &Prelude<'_>) -> Result<Response<()>, Error> {
    let mut response = Response::new(());
    let status = prelude.status_code.and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.ok_or_else(|| {
        Error::Protocol("the function returned a status that HTTP does not have".to_owned())
    })?;
    let mut add = |name: &str, value: &str| {
        // A header that HTTP does not allow would not have passed a gateway either.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    };
    for (name, value) in &prelude.headers {
        match value {
            Value::String(value) => add(name, value),
            Value::Array(values) => {
                for value in values.iter().filter_map(Value::as_str) {
                    add(name, value);
                }
            }
            other => add(name, &other.to_string()),
        }
    }
    prelude.cookies.iter().for_each(|cookie| add("set-cookie", cookie));
    Ok(response)
}

/// Reads a body that must not be larger than `limit`.
pub(super) async fn collect(mut body: ResponseBody, limit: usize) -> Result<Bytes, Error> {
    let mut all = BytesMut::new();
    while let Some(chunk) = body.next().await.transpose()? {
        all.extend_from_slice(&chunk);
        if all.len() > limit {
            return Err(Error::TooLarge { what: "the payload of the function", limit });
        }
    }
    Ok(all.freeze())
}

/// The error in the payload of a function that failed: `{"errorType":…,"errorMessage":…}`.
pub(super) fn function_error(function: &str, kind: &str, payload: &[u8]) -> Error {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Failure {
        error_type: String,
        error_message: String,
    }
    let failure: Failure = serde_json::from_slice(payload).unwrap_or_default();
    let message = if failure.error_message.is_empty() {
        String::from_utf8_lossy(&payload[..payload.len().min(512)]).into_owned()
    } else {
        failure.error_message
    };
    let kind = if failure.error_type.is_empty() { kind.to_owned() } else { failure.error_type };
    Error::Function { function: function.to_owned(), kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(chunks: &[&'static [u8]]) -> Result<(u16, Vec<(String, String)>, Vec<u8>), Error> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let (head, body) = response(stream::iter(chunks).boxed()).await?.into_parts();
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok((head.status.as_u16(), headers, collect(body, LARGEST).await?.to_vec()))
    }

    #[tokio::test]
    async fn a_prelude_may_be_cut_anywhere() {
        let whole = b"{\"statusCode\":202,\"headers\":{\"a\":\"b\"}}\0\0\0\0\0\0\0\0data: x\n\n";
        for cut in 1..whole.len() {
            let (one, two) = whole.split_at(cut);
            let (status, headers, body) = of(&[one, two]).await.expect("a response");
            assert_eq!((status, body.as_slice()), (202, b"data: x\n\n".as_slice()), "cut at {cut}");
            assert_eq!(headers, [("a".to_owned(), "b".to_owned())]);
        }
    }

    #[tokio::test]
    async fn a_payload_without_a_prelude_is_one_object() {
        let (status, _, body) = of(&[br#"{"statusCode":200,"body":"{}"}"#]).await.expect("a response");
        assert_eq!((status, body.as_slice()), (200, b"{}".as_slice()));
        let (_, _, body) =
            of(&[br#"{"statusCode":200,"body":"e30=","isBase64Encoded":true}"#]).await.expect("a response");
        assert_eq!(body, b"{}");
    }

    #[tokio::test]
    async fn a_payload_of_another_program_is_refused_with_its_begin() {
        for payload in
            [&b"\"hello\""[..], b"{\"message\":\"hello\"}", b"null", b"", b"{\"statusCode\":99999}"]
        {
            let error = of(&[payload]).await.expect_err("refused").to_string();
            assert!(error.contains("function returned"), "{error}");
        }
    }

    #[test]
    fn the_error_of_a_function_has_its_type_and_message() {
        let payload =
            br#"{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}"#;
        let error = function_error("tools", "Unhandled", payload).to_string();
        assert_eq!(error, "the function tools failed (Sandbox.Timedout): Task timed out after 3.00 seconds");
    }
}

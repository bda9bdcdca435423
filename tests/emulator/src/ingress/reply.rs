//! The JSON a function answers with, read as each ingress reads it.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, SET_COOKIE},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// A response no ingress can pass on; the text is for the emulator's own log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Status and headers.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// Which keys count, and how strictly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// Payload format 2.0 (HTTP API, Function URL): single headers and cookies; anything without `statusCode` is a
    /// body. <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> (read 2026-11-20)
    V2,
    /// REST API: both kinds of headers, no other keys; base64 only for a binary media type.
    Rest { decodes: bool },
    /// ALB: the kind of headers its target group is set to.
    Alb { multi_value: bool },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    status_code: Option<Scalar>,
    headers: Option<BTreeMap<String, Option<Scalar>>>,
    multi_value_headers: Option<BTreeMap<String, Vec<Scalar>>>,
    cookies: Option<Vec<String>>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
            Scalar::Bool(bool) => bool.to_string(),
        }
    }
}

impl Proxy {
    /// Reads what the function returned.
    pub(crate) fn read(payload: &Bytes, dialect: Dialect) -> Result<Self, Malformed> {
        if matches!(dialect, Dialect::Rest { .. }) {
            refuse_unknown_keys(payload)?;
        }
        let written = match serde_json::from_slice::<Written<'_>>(payload) {
            Ok(written) if written.status_code.is_some() => written,
            _ if dialect == Dialect::V2 => return Proxy::inferred(payload),
            Ok(_) => return Err(Malformed("no statusCode")),
            Err(_) => return Err(Malformed("not a proxy response")),
        };
        let encoded = written.is_base64_encoded == Some(true);
        let decodes = dialect != Dialect::Rest { decodes: false };
        let body = match &written.body {
            Some(body) if encoded && decodes => {
                BASE64_STANDARD.decode(body.as_bytes()).map_err(|_| Malformed("body is not base64"))?.into()
            }
            Some(body) => Bytes::copy_from_slice(body.as_bytes()),
            None => Bytes::new(),
        };
        Ok(Proxy { head: Head::of(written, dialect)?, body })
    }

    /// Format 2.0 without a status code: the payload is the body.
    fn inferred(payload: &Bytes) -> Result<Self, Malformed> {
        let body = match serde_json::from_slice::<Value>(payload) {
            Ok(Value::Object(object)) if object.contains_key("statusCode") => {
                return Err(Malformed("statusCode, but not a proxy response"));
            }
            Ok(Value::String(text)) => text.into(),
            Ok(_) => payload.clone(),
            Err(_) => return Err(Malformed("not JSON")),
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Ok(Proxy { head: Head { status: StatusCode::OK, headers }, body })
    }
}

impl Head {
    /// Reads the JSON of a streaming prelude; without a status code it is 200.
    pub(crate) fn of_prelude(json: &[u8]) -> Result<Self, Malformed> {
        let written: Written<'_> =
            serde_json::from_slice(json).map_err(|_| Malformed("prelude is not JSON"))?;
        let mut head = Head::of(written, Dialect::Rest { decodes: false })?;
        head.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
        Ok(head)
    }

    fn of(written: Written<'_>, dialect: Dialect) -> Result<Self, Malformed> {
        let status = match (written.status_code, dialect) {
            (None, _) => StatusCode::OK,
            (Some(Scalar::Text(_)), Dialect::Alb { .. }) => {
                return Err(Malformed("statusCode is not a number"));
            }
            (Some(status), _) => status_code(&status.into_text())?,
        };
        let mut headers = HeaderMap::new();
        if dialect != (Dialect::Alb { multi_value: true }) {
            for (name, value) in written.headers.unwrap_or_default() {
                let value = value.map(Scalar::into_text).unwrap_or_default();
                headers.append(header_name(&name)?, header_value(&value)?);
            }
        }
        if matches!(dialect, Dialect::Rest { .. } | Dialect::Alb { multi_value: true }) {
            for (name, values) in written.multi_value_headers.unwrap_or_default() {
                let name = header_name(&name)?;
                // Where both kinds name a header, the list wins.
                headers.remove(&name);
                for value in values {
                    headers.append(&name, header_value(&value.into_text())?);
                }
            }
        }
        for cookie in written.cookies.unwrap_or_default() {
            headers.append(SET_COOKIE, header_value(&cookie)?);
        }
        if !matches!(dialect, Dialect::Alb { .. }) {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        Ok(Head { status, headers })
    }
}

/// REST takes a response with any other key for malformed, `cookies` included.
fn refuse_unknown_keys(payload: &[u8]) -> Result<(), Malformed> {
    const KNOWN: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];
    let keys: BTreeMap<String, IgnoredAny> =
        serde_json::from_slice(payload).map_err(|_| Malformed("not a JSON object"))?;
    let known = keys.keys().all(|key| KNOWN.contains(&key.as_str()));
    known.then_some(()).ok_or(Malformed("a key no proxy response has"))
}

fn status_code(text: &str) -> Result<StatusCode, Malformed> {
    let status = text.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
    status
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or(Malformed("statusCode is no HTTP status"))
}

fn header_name(name: &str) -> Result<HeaderName, Malformed> {
    name.parse().map_err(|_| Malformed("a header name HTTP does not allow"))
}

fn header_value(value: &str) -> Result<HeaderValue, Malformed> {
    HeaderValue::from_str(value)
        .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
        .map_err(|_| Malformed("a header value HTTP does not allow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str, dialect: Dialect) -> Result<Proxy, Malformed> {
        Proxy::read(&Bytes::from_static(json.as_bytes()), dialect)
    }

    const REST: Dialect = Dialect::Rest { decodes: false };

    #[test]
    fn format_2_takes_anything_without_a_status_code_for_the_body() {
        for (json, body) in
            [(r#"{"a":1}"#, r#"{"a":1}"#), (r#""text""#, "text"), ("null", "null"), ("[1]", "[1]")]
        {
            let proxy = read(json, Dialect::V2).unwrap();
            assert_eq!((proxy.head.status, proxy.body), (StatusCode::OK, Bytes::from(body)));
            assert_eq!(proxy.head.headers[CONTENT_TYPE], "application/json");
        }
    }

    #[test]
    fn every_ingress_refuses_what_is_malformed() {
        let dialects = [Dialect::V2, REST, Dialect::Alb { multi_value: false }];
        for json in [
            r#"{"statusCode":200,"body":{"a":1}}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":"ok"}"#,
            r#"{"statusCode":200,"body":"%%","isBase64Encoded":"yes"}"#,
            r#"{"statusCode":200,"headers":{"a":["x","y"]}}"#,
            r#"{"statusCode":200,"headers":{"a b":"x"}}"#,
            "{\"statusCode\":200,\"headers\":{\"a\":\"x\\ny\"}}",
            "{\"statusCode\":200}\0\0\0\0\0\0\0\0",
            "",
        ] {
            for dialect in dialects {
                assert!(read(json, dialect).is_err(), "{dialect:?} took {json:?}");
            }
        }
        assert!(read(r#"{"statusCode":200,"body":"%%","isBase64Encoded":true}"#, Dialect::V2).is_err());
    }

    #[test]
    fn rest_and_alb_want_a_status_code_and_rest_knows_no_cookies() {
        assert!(read(r#"{"body":"x"}"#, REST).is_err());
        assert!(read(r#"{"body":"x"}"#, Dialect::Alb { multi_value: false }).is_err());
        assert!(read(r#"{"statusCode":200,"cookies":[]}"#, REST).is_err());
        assert!(read(r#"{"statusCode":"200"}"#, REST).is_ok());
        assert!(read(r#"{"statusCode":"200"}"#, Dialect::Alb { multi_value: false }).is_err());
    }

    #[test]
    fn each_kind_of_headers_counts_where_it_belongs() {
        let json = r#"{"statusCode":200,"headers":{"a":"1","b":"2"},"multiValueHeaders":{"a":["3","4"]}}"#;
        let values = |dialect| {
            let head = read(json, dialect).unwrap().head;
            let all = |name| head.headers.get_all(name).iter().cloned().collect::<Vec<HeaderValue>>();
            (all("a"), all("b"))
        };
        assert_eq!(
            values(REST),
            (vec!["3".parse().unwrap(), "4".parse().unwrap()], vec!["2".parse().unwrap()])
        );
        assert_eq!(values(Dialect::V2), (vec!["1".parse().unwrap()], vec!["2".parse().unwrap()]));
        assert_eq!(values(Dialect::Alb { multi_value: true }).1, Vec::<HeaderValue>::new());
        assert_eq!(values(Dialect::Alb { multi_value: false }).0, vec!["1".parse::<HeaderValue>().unwrap()]);
    }

    #[test]
    fn base64_is_decoded_except_where_rest_has_no_binary_media_type() {
        let json = r#"{"statusCode":200,"body":"/wA=","isBase64Encoded":true}"#;
        assert_eq!(read(json, Dialect::V2).unwrap().body, &[0xff, 0][..]);
        assert_eq!(read(json, Dialect::Rest { decodes: true }).unwrap().body, &[0xff, 0][..]);
        assert_eq!(read(json, REST).unwrap().body, "/wA=");
    }
}

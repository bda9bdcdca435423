//! The forms in which ingresses read answers.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::InvocationAnswer;

/// How an ingress reads an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// A prelude and a stream: Function URL and REST API that stream.
    Stream,
    /// Payload format 2.0: buffered Function URL and HTTP API.
    V2,
    /// Payload format 1.0: buffered REST API.
    V1,
    /// Load balancer.
    Alb,
    /// Load balancer with multi-value headers.
    AlbLists,
}

/// An answer, before it is put in a form.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// The words after the status, for the forms that have them.
    pub(crate) reason: &'a str,
    pub(crate) headers: Vec<(&'a str, Vec<&'a str>)>,
    pub(crate) cookies: &'a [&'a str],
    pub(crate) body: &'a str,
}

/// What every answer says to browsers.
const CORS: [(&str, &str); 2] = [
    ("access-control-expose-headers", "mcp-session-id,mcp-protocol-version,www-authenticate"),
    ("vary", "origin, access-control-request-headers"),
];

impl<'a> Answer<'a> {
    /// 200, with nothing but a type and what every answer has.
    pub(crate) fn ok(content_type: &'a str, body: &'a str) -> Self {
        let headers = vec![("content-type", vec![content_type])];
        Self { status: 200, reason: "OK", headers, cookies: &[], body }.with(&CORS)
    }

    pub(crate) fn status(self, status: u16, reason: &'a str) -> Self {
        Self { status, reason, ..self }
    }

    pub(crate) fn with(mut self, headers: &[(&'a str, &'a str)]) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (*name, vec![*value])));
        self
    }

    /// The function's answer to an ingress that reads this form.
    pub(crate) fn in_form(&self, form: Form) -> InvocationAnswer {
        let single = |cookies: bool| {
            let mut headers: Map<String, Value> = Map::new();
            for (name, values) in &self.headers {
                headers.insert((*name).to_owned(), values.join(", ").into());
            }
            if let Some(cookie) = self.cookies.first().filter(|_| cookies) {
                headers.insert("set-cookie".into(), (*cookie).into());
            }
            headers
        };
        let lists = || {
            let cookies =
                Some(("set-cookie", self.cookies.to_vec())).filter(|(_, cookies)| !cookies.is_empty());
            let lists = self.headers.iter().cloned().chain(cookies);
            lists.map(|(name, values)| (name.to_owned(), json!(values))).collect::<Map<String, Value>>()
        };
        let mut payload = json!({ "statusCode": self.status, "body": self.body, "isBase64Encoded": false });
        match form {
            Form::Stream => {
                let head = json!({
                    "statusCode": self.status, "headers": single(false), "cookies": self.cookies,
                });
                return InvocationAnswer::Streamed {
                    head,
                    body: Bytes::copy_from_slice(self.body.as_bytes()),
                };
            }
            Form::V2 => {
                payload["headers"] = single(false).into();
                if !self.cookies.is_empty() {
                    payload["cookies"] = self.cookies.into();
                }
            }
            Form::V1 => payload["multiValueHeaders"] = lists().into(),
            Form::Alb => payload["headers"] = single(true).into(),
            Form::AlbLists => payload["multiValueHeaders"] = lists().into(),
        }
        if matches!(form, Form::Alb | Form::AlbLists) {
            payload["statusDescription"] = format!("{} {}", self.status, self.reason).into();
        }
        InvocationAnswer::Whole(payload)
    }
}

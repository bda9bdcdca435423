//! Messages, read as far as a transport has to.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// The first revision without sessions.
pub(super) const STATELESS: &str = "2026-07-28";
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// The id of a request: a JSON string or number, as its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Id(String);

impl Id {
    fn read(raw: &RawValue) -> Option<Self> {
        let value: Value = serde_json::from_str(raw.get()).ok()?;
        matches!(value, Value::String(_) | Value::Number(_)).then(|| Self(value.to_string()))
    }

    /// The id as JSON.
    pub(super) fn json(&self) -> &str {
        &self.0
    }
}

/// What kind of message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Request(Id),
    Notification,
    /// The response to a request of the other side.
    Response(Id),
    /// A response without an id that can be read.
    Uncorrelated,
}

/// A message of the client.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) raw: Bytes,
    pub(super) kind: Kind,
    /// Empty in a response.
    pub(super) method: String,
    /// The revision in the metadata of the request, which it then is served by alone.
    pub(super) version: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// The parameters that HTTP headers repeat.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) uri: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) task_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) request_id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    pub(super) meta: Option<&'a RawValue>,
}

/// Why a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is not JSON.
    NotJson,
    /// It is JSON, and no message.
    NoMessage,
}

impl Message {
    pub(super) fn read(raw: Bytes) -> Result<Self, Malformed> {
        let envelope: Envelope<'_> = serde_json::from_slice(&raw)
            .map_err(|error| if error.is_data() { Malformed::NoMessage } else { Malformed::NotJson })?;
        let kind = kind(&envelope);
        if matches!(kind, Kind::Uncorrelated) {
            return Err(Malformed::NoMessage);
        }
        let version = envelope.params.and_then(version);
        let method = envelope.method.map(Cow::into_owned).unwrap_or_default();
        Ok(Self { kind, method, version, raw })
    }

    pub(super) fn id(&self) -> Option<&Id> {
        if let Kind::Request(id) = &self.kind { Some(id) } else { None }
    }

    /// The parameters, and none if they cannot be read: the server says what is wrong with them.
    pub(super) fn params(&self) -> Params<'_> {
        let envelope: Option<Envelope<'_>> = serde_json::from_slice(&self.raw).ok();
        let params = envelope.and_then(|envelope| envelope.params);
        params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default()
    }

    /// The id of the request that `notifications/cancelled` names.
    pub(super) fn cancelled(&self) -> Option<Id> {
        self.params().request_id.and_then(Id::read)
    }

    /// Whether the message can be sent twice without doing anything twice.
    pub(super) fn is_repeatable(&self) -> bool {
        const METHODS: [&str; 20] = [
            "completion/complete",
            "initialize",
            "logging/setLevel",
            "ping",
            "prompts/get",
            "prompts/list",
            "resources/list",
            "resources/read",
            "resources/subscribe",
            "resources/templates/list",
            "resources/unsubscribe",
            "server/discover",
            "subscriptions/listen",
            "tasks/cancel",
            "tasks/get",
            "tasks/list",
            "tasks/result",
            "tasks/update",
            "tools/list",
            "skills/list",
        ];
        self.id().is_none() || METHODS.contains(&self.method.as_str())
    }

    /// Whether the message belongs to a session, as those of revisions up to 2025-11-25 do.
    pub(super) fn is_of_session(&self) -> bool {
        self.version.as_deref().is_none_or(|version| version < STATELESS)
    }
}

fn kind(envelope: &Envelope<'_>) -> Kind {
    match (envelope.id.and_then(Id::read), &envelope.method) {
        (Some(id), Some(_)) => Kind::Request(id),
        (None, Some(_)) if envelope.id.is_none() => Kind::Notification,
        (Some(id), None) => Kind::Response(id),
        _ => Kind::Uncorrelated,
    }
}

fn version(params: &RawValue) -> Option<String> {
    let params: Params<'_> = serde_json::from_str(params.get()).ok()?;
    let meta: Value = serde_json::from_str(params.meta?.get()).ok()?;
    meta.get(VERSION_KEY)?.as_str().map(str::to_owned)
}

/// The kind of a message of the server. `None` if it is no JSON object.
pub(super) fn kind_of(raw: &[u8]) -> Option<Kind> {
    serde_json::from_slice(raw).ok().map(|envelope| kind(&envelope))
}

/// The message on one line: stdio separates messages by line ends, and JSON allows them between its tokens only.
pub(super) fn one_line(raw: Bytes) -> Bytes {
    if !raw.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return raw;
    }
    let space = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    raw.iter().map(space).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Message, Malformed> {
        Message::read(Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn requests_notifications_and_responses_are_told_apart() {
        let request = read(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#).expect("a request");
        assert_eq!(request.id().map(Id::json), Some("\"a\""));
        assert!(request.is_of_session());
        assert_eq!(read(r#"{"method":"notifications/initialized"}"#).expect("one").kind, Kind::Notification);
        assert_eq!(read(r#"{"id":1,"result":{}}"#).expect("one").kind, Kind::Response(Id("1".to_owned())));
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_what_is_no_json() {
        for (text, expected) in [
            ("", Malformed::NotJson),
            ("{", Malformed::NotJson),
            ("\u{0}", Malformed::NotJson),
            ("[]", Malformed::NoMessage),
            ("7", Malformed::NoMessage),
            ("{}", Malformed::NoMessage),
            (r#"{"id":null}"#, Malformed::NoMessage),
            (r#"{"id":{},"method":"ping"}"#, Malformed::NoMessage),
            (r#"[{"id":1,"method":"ping"}]"#, Malformed::NoMessage),
        ] {
            assert_eq!(read(text).expect_err(text), expected, "{text}");
        }
    }

    #[test]
    fn the_revision_of_a_request_is_that_of_its_metadata() {
        let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
        let request =
            read(&format!(r#"{{"id":1,"method":"ping","params":{{"_meta":{meta}}}}}"#)).expect("one");
        assert_eq!(request.version.as_deref(), Some("2026-07-28"));
        assert!(!request.is_of_session());
    }

    #[test]
    fn a_call_of_a_tool_is_not_repeatable_and_neither_is_an_unknown_method() {
        let repeatable = |method: &str| {
            read(&format!(r#"{{"id":1,"method":"{method}"}}"#)).expect("a request").is_repeatable()
        };
        assert!(!repeatable("tools/call") && !repeatable("vendor/charge"));
        assert!(repeatable("tools/list") && repeatable("tasks/get"));
    }

    #[test]
    fn a_message_over_several_lines_becomes_one_line_with_the_same_content() {
        let message = Bytes::from_static(b"{\r\n  \"id\": 1,\n  \"result\": \"a\\nb\"\n}");
        let line = one_line(message);
        assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        let value: Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!(value["result"], "a\nb");
    }
}

//! Identifiers of sessions, streams and positions in streams.

use std::{fmt, str::FromStr, sync::Arc};

use crate::random;

const RANDOM_ID: &str = "32 lower-case hexadecimal digits";
const EVENT_ID: &str = "an event id that this server has sent";

/// A text that is not the identifier it was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct ParseIdError(&'static str);

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes a new id from 122 random bits.
            #[must_use]
            pub fn random() -> Self {
                Self(random::token().into())
            }

            /// Returns the id as it is sent and stored.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Reads an id. Text that [`random`](Self::random) cannot have made is an error.
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                fits.then(|| Self(text.into())).ok_or(ParseIdError(RANDOM_ID))
            }
        }
    };
}

random_id! {
    /// The id of a session, as `Mcp-Session-Id` carries it.
    SessionId
}

random_id! {
    /// The id of one replayable stream. It is unguessable, because a client presents it to resume the stream.
    StreamId
}

/// How far a scope of the event log has been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogPosition {
    /// The last event that was heard whole.
    pub seq: u64,
    /// How many of the messages that the next event can mean have been sent already.
    pub sent: u8,
}

/// How far a standalone GET stream has read the event log: one place per scope it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogCursor {
    /// What everybody hears.
    pub global: LogPosition,
    /// What the session hears.
    pub session: LogPosition,
    /// What the caller hears.
    pub principal: LogPosition,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sent {
            0 => write!(f, "{}", self.seq),
            sent => write!(f, "{}-{sent}", self.seq),
        }
    }
}

impl FromStr for LogPosition {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let Some((seq, sent)) = text.split_once('-') else { return Ok(Self { seq: number(text)?, sent: 0 }) };
        // No event means more than three messages, and its last one is sent with the place behind it.
        let sent = match sent {
            "1" => 1,
            "2" => 2,
            _ => return Err(ParseIdError(EVENT_ID)),
        };
        Ok(Self { seq: number(seq)?, sent })
    }
}

/// A place in a stream, as an SSE `id` and as `Last-Event-ID`. It names its stream, so any environment can go on
/// from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventId {
    /// The reply to a POST: `<stream>.<seq>`.
    Reply {
        /// Which stream.
        stream: StreamId,
        /// Which frame of it; 0 is the priming event.
        seq: u64,
    },
    /// The standalone GET stream: `log.<global>.<session>.<principal>`; `5-1` in place of a 5 says that one message
    /// of the event behind the fifth has been sent.
    Log(LogCursor),
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { stream, seq } => write!(f, "{}.{seq}", stream.as_str()),
            Self::Log(LogCursor { global, session, principal }) => {
                write!(f, "log.{global}.{session}.{principal}")
            }
        }
    }
}

impl FromStr for EventId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if let Some(cursor) = text.strip_prefix("log.") {
            let places: Vec<_> = cursor.split('.').map(LogPosition::from_str).collect::<Result<_, _>>()?;
            let [global, session, principal] = places[..] else { return Err(ParseIdError(EVENT_ID)) };
            return Ok(Self::Log(LogCursor { global, session, principal }));
        }
        let (stream, seq) = text.split_once('.').ok_or(ParseIdError(EVENT_ID))?;
        let stream = stream.parse::<StreamId>()?;
        Ok(Self::Reply { stream, seq: number(seq)? })
    }
}

/// Plain digits: `str::parse` would also take `+5`, and then two texts would name one place.
fn number(text: &str) -> Result<u64, ParseIdError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseIdError(EVENT_ID));
    }
    text.parse().map_err(|_| ParseIdError(EVENT_ID))
}

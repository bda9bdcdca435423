//! Names of streams and of places in them.

use std::{fmt, str::FromStr, sync::Arc};

use crate::random;

/// Names one replayable stream: unguessable, because it is part of what a client presents to resume.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// A fresh name.
    #[must_use]
    pub fn random() -> Self {
        Self(random::token().into())
    }

    /// Reads a name. `None` for anything we could not have given.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far a scope of the event log has been heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogPosition {
    /// The last event that was heard whole.
    pub seq: u64,
    /// How many of the messages that the next event can mean have been said already.
    pub said: u8,
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
        match self.said {
            0 => write!(f, "{}", self.seq),
            said => write!(f, "{}-{said}", self.seq),
        }
    }
}

impl FromStr for LogPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let Some((seq, said)) = text.split_once('-') else { return Ok(Self { seq: number(text)?, said: 0 }) };
        // No event means more than three messages, and its last one is said with the place behind it.
        let said = match said {
            "1" => 1,
            "2" => 2,
            _ => return Err(()),
        };
        Ok(Self { seq: number(seq)?, said })
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
    /// of the event behind the fifth has been said.
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
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(cursor) = text.strip_prefix("log.") {
            let places: Vec<_> = cursor.split('.').map(LogPosition::from_str).collect::<Result<_, _>>()?;
            let [global, session, principal] = places[..] else { return Err(()) };
            return Ok(Self::Log(LogCursor { global, session, principal }));
        }
        let (stream, seq) = text.split_once('.').ok_or(())?;
        let stream = StreamId::parse(stream).ok_or(())?;
        Ok(Self::Reply { stream, seq: number(seq)? })
    }
}

/// Plain digits: `str::parse` would also take `+5`, and then two texts would name one place.
fn number(text: &str) -> Result<u64, ()> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    text.parse().map_err(drop)
}

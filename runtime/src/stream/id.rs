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

/// How far a standalone GET stream has read the event log: one number per scope it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogCursor {
    /// The last event of the global scope.
    pub global: u64,
    /// The last event of the session's own scope.
    pub session: u64,
    /// How many of the messages that the next event of the global scope can mean have been said already.
    pub part: u8,
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
    /// The standalone GET stream: `log.<global>.<session>`, and `.<part>` in the middle of an event.
    Log(LogCursor),
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { stream, seq } => write!(f, "{}.{seq}", stream.as_str()),
            Self::Log(LogCursor { global, session, part: 0 }) => write!(f, "log.{global}.{session}"),
            Self::Log(LogCursor { global, session, part }) => write!(f, "log.{global}.{session}.{part}"),
        }
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(cursor) = text.strip_prefix("log.") {
            let (global, rest) = cursor.split_once('.').ok_or(())?;
            let (session, part) = match rest.split_once('.') {
                Some((session, part)) => (session, u8::try_from(number(part)?).map_err(drop)?),
                None => (rest, 0),
            };
            // No part is written as no part, one place has one name; and no event means more than three messages.
            if rest.contains('.') && !(1..=2).contains(&part) {
                return Err(());
            }
            let (global, session) = (number(global)?, number(session)?);
            return Ok(Self::Log(LogCursor { global, session, part }));
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

//! Identifiers of sessions, streams, tasks and positions in streams.

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest, Sha256};

use crate::random;

const RANDOM_ID: &str = "32 lower-case hexadecimal digits";
/// Digits of a [`SessionTag`].
const TAG_LENGTH: usize = 8;
const EVENT_ID: &str = "an event id that this server has sent";

/// The error of parsing text that is not an identifier of the requested type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct ParseIdError(&'static str);

impl ParseIdError {
    pub(crate) const CURSOR: Self = Self("a cursor that this server has sent");
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates an id from 122 random bits.
            #[must_use]
            pub fn random() -> Self {
                Self(random::token().into())
            }

            /// Returns the id as text: 32 lower-case hexadecimal digits.
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

            /// Parses an id.
            ///
            /// # Errors
            ///
            /// [`ParseIdError`] for text that [`random`](Self::random) cannot have created.
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
    /// The id of a replayable stream. It cannot be guessed, because a client presents it to resume the stream.
    StreamId
}

random_id! {
    /// The id of a task. It cannot be guessed: with anonymous callers, it is all that opens a task.
    TaskId
}

/// The beginning of a session's id, which the event ids of its GET streams carry: each is known by the session that it
/// was given to, and by no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionTag(u32);

impl SessionId {
    /// The id of the session that a platform names so, for this principal. It tells neither of the two.
    pub(crate) fn of_platform(principal: &str, name: &str) -> Self {
        let digest = Sha256::new_with_prefix("platform session")
            .chain_update(principal.len().to_be_bytes())
            .chain_update(principal)
            .chain_update(name)
            .finalize();
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }

    /// Returns the tag of the session.
    #[must_use]
    pub fn tag(&self) -> SessionTag {
        // Both ends of the slice are inside: an id is 32 hexadecimal digits.
        SessionTag(u32::from_str_radix(&self.0[..TAG_LENGTH], 16).unwrap_or_default())
    }
}

impl fmt::Display for SessionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for SessionTag {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fits =
            text.len() == TAG_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let tag = fits.then(|| u32::from_str_radix(text, 16).ok()).flatten();
        tag.map(Self).ok_or(ParseIdError(EVENT_ID))
    }
}

/// A position in one scope of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogPosition {
    /// Sequence number of the last event of which all messages were sent.
    pub seq: u64,
    /// Number of messages of the next event that were sent. An event becomes at most three messages.
    pub sent: u8,
}

/// The position of a GET stream in the event log: one position for each of its scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogCursor {
    /// Position in the global scope.
    pub global: LogPosition,
    /// Position in the scope of the session.
    pub session: LogPosition,
    /// Position in the scope of the principal.
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
        // An event becomes at most three messages, and the last one carries the position after the event.
        let sent = match sent {
            "1" => 1,
            "2" => 2,
            _ => return Err(ParseIdError(EVENT_ID)),
        };
        Ok(Self { seq: number(seq)?, sent })
    }
}

impl LogCursor {
    /// Whether this position is at or behind another one in each scope.
    #[must_use]
    pub fn has_reached(&self, other: &Self) -> bool {
        let reached = |own: LogPosition, other: LogPosition| (own.seq, own.sent) >= (other.seq, other.sent);
        reached(self.global, other.global)
            && reached(self.session, other.session)
            && reached(self.principal, other.principal)
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.global, self.session, self.principal)
    }
}

impl FromStr for LogCursor {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let positions: Vec<_> = text.split('.').map(LogPosition::from_str).collect::<Result<_, _>>()?;
        let [global, session, principal] = positions[..] else { return Err(ParseIdError(EVENT_ID)) };
        Ok(Self { global, session, principal })
    }
}

/// A position in a stream, as an SSE `id` and as `Last-Event-ID`. It names its stream, so any environment can resume
/// from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventId {
    /// A position in the reply to a POST: `<stream>.<seq>`.
    Reply {
        /// Id of the stream.
        stream: StreamId,
        /// Sequence number of the message; 0 is the priming event.
        seq: u64,
    },
    /// The end of a reply that broke off, behind the error that says so: `<stream>.end`. Nothing follows it.
    ReplyEnd {
        /// Id of the stream.
        stream: StreamId,
    },
    /// A position in a GET stream: `log.<tag of the session>.<global>.<session>.<principal>`. `5-1` instead of `5`
    /// means that one message of the event after the fifth has been sent.
    Log {
        /// The session that the stream belongs to.
        session: SessionTag,
        /// The position.
        cursor: LogCursor,
    },
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { stream, seq } => write!(f, "{}.{seq}", stream.as_str()),
            Self::ReplyEnd { stream } => write!(f, "{}.end", stream.as_str()),
            Self::Log { session, cursor } => write!(f, "log.{session}.{cursor}"),
        }
    }
}

impl FromStr for EventId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if let Some(of_log) = text.strip_prefix("log.") {
            let (tag, cursor) = of_log.split_once('.').ok_or(ParseIdError(EVENT_ID))?;
            return Ok(Self::Log { session: tag.parse()?, cursor: cursor.parse()? });
        }
        let (stream, seq) = text.split_once('.').ok_or(ParseIdError(EVENT_ID))?;
        let stream = stream.parse::<StreamId>()?;
        if seq == "end" {
            return Ok(Self::ReplyEnd { stream });
        }
        Ok(Self::Reply { stream, seq: number(seq)? })
    }
}

/// Parses plain digits. `str::parse` also accepts `+5`, which would give one position two texts.
fn number(text: &str) -> Result<u64, ParseIdError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseIdError(EVENT_ID));
    }
    text.parse().map_err(|_| ParseIdError(EVENT_ID))
}

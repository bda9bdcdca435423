//! The keys of both tables.
//!
//! ```text
//! state table
//! SESSION#<id>                META                        the session, and the number of its subscriptions
//! SESSION#<id>                STATE#<key>                 a value of its state, rev
//! SESSION#<id>                SUB#<uri>                   a resource it subscribes to
//! SESSION#<id>                INBOX#<recipient>#<name>    a client message for a running call
//! HANDLE#<owner>#<handle>     STATE#<key>                 a value of a handle, rev
//! SERVER                      STATE#tools                 the active tools, rev
//! LOGIN#<name>                STATE#<key>                 a value of the authorization server, rev
//! OWNER#<principal>           SESSION#<time>#<id>         the sessions of a principal
//! OWNER#<principal>           STREAMS                     the open streams of a principal
//! OWNER#<principal>           TASK#<time>#<id>            the tasks of a principal
//! OWNER#<principal>           TASKS                       the open tasks of a principal
//! TASK#<id>                   META                        a task, rev
//! TASKS_DUE                   <time>#<id>                 when a task that has not ended is looked at next
//!
//! event table
//! HEAD#<scope>                HEAD                        v: the last sequence number of a scope
//! LOG#<scope>                 <20 digits>                 an event, or a tombstone
//! LOG#global#<replica>        <20 digits>                 the same again, with EVENT_FANOUT_REPLICAS
//! EVENT_KEYS[#<scope>]        =<uri>                      an event key that has events; without a scope: global
//! EVENT_KEY[#<scope>]#=<uri>  <20 digits>                 an event of the key
//! SEEN#<scope>#<source id>    SEEN                        the sequence number of a source's event
//! STREAM#<session>            <stream>#<20 digits>        a part of a reply, by its last message; 0 opens it
//! ```

use sha2::{Digest, Sha256};

use mcp_lambda_core::{
    auth::Principal,
    events::{EventKey, Scope},
    session::{ClientMessage, InboxKey, SessionId, SessionRecord, StateScope},
    stream::StreamKey,
    tasks::{TaskCursor, TaskId},
    time::Timestamp,
};

/// Longest text in a sort key, in bytes; longer text is hashed. DynamoDB takes 1,024 bytes for a sort key.
const MAX_KEY_TEXT: usize = 400;

/// Sort key of a session.
pub(super) const META: &str = "META";
/// Prefix of the sort keys of resource subscriptions.
pub(super) const SUBSCRIPTIONS: &str = "SUB#";
/// Prefix of the sort keys of client messages.
const INBOX: &str = "INBOX#";
/// Prefix of the sort keys of a principal's sessions.
pub(super) const SESSIONS: &str = "SESSION#";
/// Sort key of a principal's open streams.
pub(super) const STREAMS: &str = "STREAMS";
/// Prefix of the sort keys of a principal's tasks.
pub(super) const TASKS: &str = "TASK#";
/// Sort key of the count of a principal's open tasks.
pub(super) const OPEN_TASKS: &str = "TASKS";
/// Partition key of the tasks that have not ended, by the time at which they are looked at next.
pub(super) const TASKS_DUE: &str = "TASKS_DUE";
/// Sort key of the head of a scope.
pub(super) const HEAD: &str = "HEAD";
/// Sort key of a deduplication marker.
pub(super) const SEEN: &str = "SEEN";

/// Partition key of a session.
pub(super) fn session(id: &SessionId) -> String {
    session_named(id.as_str())
}

/// Partition key of a session, with its id as text.
pub(super) fn session_named(id: &str) -> String {
    format!("SESSION#{id}")
}

/// Partition key of the values of a scope.
pub(super) fn state_scope(scope: &StateScope) -> String {
    match scope {
        StateScope::Session(id) => session(id),
        // The length keeps "a" + "b#c" and "a#b" + "c" apart.
        StateScope::Handle { owner, handle } => {
            format!("HANDLE#{}#{owner}#{}", owner.len(), key_text(handle))
        }
        StateScope::Server => "SERVER".into(),
        StateScope::Login(name) => format!("LOGIN#{name}"),
    }
}

/// Sort key of a value.
pub(super) fn state(key: &str) -> String {
    format!("STATE#{}", key_text(key))
}

/// Sort key of a resource subscription.
pub(super) fn subscription(uri: &str) -> String {
    format!("{SUBSCRIPTIONS}{}", key_text(uri))
}

/// Prefix of the sort keys of the messages for a recipient. The length keeps apart two recipients of which one
/// key starts with the other.
pub(super) fn inbox(to: &InboxKey) -> String {
    let key = to.key();
    format!("{INBOX}{}#{}#", key.len(), key_text(&key))
}

/// Sort key of a client message.
pub(super) fn message(message: &ClientMessage) -> String {
    format!("{}{}", inbox(&message.to), key_text(&message.name))
}

/// Partition key of what belongs to a principal.
pub(super) fn owner(owner: &Principal) -> String {
    format!("OWNER#{}", owner.key())
}

/// Sort key of a session among those of its owner.
pub(super) fn listing(record: &SessionRecord) -> String {
    format!("{SESSIONS}{:020}#{}", record.created_at.as_millis(), record.id)
}

/// Partition key of a task.
pub(super) fn task(id: &TaskId) -> String {
    format!("TASK#{id}")
}

/// Sort key of a task among those of its owner.
pub(super) fn listed_task(at: &TaskCursor) -> String {
    format!("{TASKS}{:020}#{}", at.created_at.as_millis(), at.id)
}

/// Sort key of a task among those that have not ended.
pub(super) fn due_task(at: Timestamp, id: &TaskId) -> String {
    format!("{:020}#{id}", at.as_millis())
}

/// A scope as part of a partition key.
pub(super) fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Global => "global".into(),
        Scope::Session(id) => format!("session#{id}"),
        // Hashed: the key of a principal may hold any text, and must stay apart from what follows it.
        Scope::Principal(principal) => format!("owner#{}", digest(principal.key())),
    }
}

/// Partition key of the head of a scope.
pub(super) fn head(of: &Scope) -> String {
    format!("HEAD#{}", scope(of))
}

/// Partition key of a replica of a scope's log. Replica 0 decides which positions are written.
pub(super) fn log(of: &Scope, replica: usize) -> String {
    match replica {
        0 => format!("LOG#{}", scope(of)),
        replica => format!("LOG#{}#{replica}", scope(of)),
    }
}

/// Sort key of a sequence number.
pub(super) fn seq(seq: u64) -> String {
    format!("{seq:020}")
}

/// Partition key of the deduplication marker of a source id.
pub(super) fn seen(of: &Scope, source_id: &str) -> String {
    format!("SEEN#{}#{}", scope(of), key_text(source_id))
}

/// Partition key of the event keys of a scope.
pub(super) fn event_keys(of: &Scope) -> String {
    match of {
        Scope::Global => "EVENT_KEYS".into(),
        own => format!("EVENT_KEYS#{}", scope(own)),
    }
}

/// Sort key of an event key among those of its scope.
pub(super) fn listed_event_key(key: &EventKey) -> String {
    key_text(&key.uri())
}

/// Partition key of the events of an event key.
pub(super) fn event_key(of: &Scope, key: &EventKey) -> String {
    let name = key_text(&key.uri());
    match of {
        Scope::Global => format!("EVENT_KEY#{name}"),
        own => format!("EVENT_KEY#{}#{name}", scope(own)),
    }
}

/// Partition key of the streams of a session.
pub(super) fn streams(session: &SessionId) -> String {
    format!("STREAM#{session}")
}

/// Sort key of the part of a stream that ends with a sequence number.
pub(super) fn stream_part(key: &StreamKey, last: u64) -> String {
    format!("{}#{last:020}", key.stream)
}

/// Sort key of a last part without messages. It sorts after every other part, because letters sort after digits.
pub(super) fn stream_end(key: &StreamKey) -> String {
    format!("{}#end", key.stream)
}

/// External text as part of a sort key: `=` and the text, or its hash if it is long or empty.
fn key_text(text: &str) -> String {
    if text.len() <= MAX_KEY_TEXT && !text.is_empty() {
        return format!("={text}");
    }
    digest(text)
}

/// The SHA-256 of a text as 64 hexadecimal digits.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

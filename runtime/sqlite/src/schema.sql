-- The tables of version 1. Times are milliseconds since 1970.

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    version TEXT NOT NULL,
    client TEXT NOT NULL,
    log_level TEXT,
    listener TEXT,
    heard_from TEXT,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_owner ON sessions (owner, created DESC, id);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE subscriptions (
    session TEXT NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (session, uri)
) STRICT, WITHOUT ROWID;

-- Values of a session and of the deployment have no expiry: the first end with their session, the others never.
CREATE TABLE state (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    rev INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (scope, name)
) STRICT;
CREATE INDEX state_by_expiry ON state (expires) WHERE expires IS NOT NULL;

-- In the order in which they were put.
CREATE TABLE inbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    recipient TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    expires INTEGER NOT NULL,
    UNIQUE (session, recipient, name)
) STRICT;
CREATE INDEX inbox_by_expiry ON inbox (expires);

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    stream TEXT NOT NULL,
    request TEXT,
    written_by INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    UNIQUE (session, stream)
) STRICT;
CREATE INDEX streams_by_expiry ON streams (expires);

CREATE TABLE messages (
    stream INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_leases (
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_leases_by_expiry ON stream_leases (expires);

-- due: when the task is looked at next; none once it has ended. returned: how often it was returned as due since its last change.
CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    tool TEXT NOT NULL,
    call TEXT NOT NULL,
    state TEXT NOT NULL,
    rev INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    due INTEGER,
    returned INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_owner ON tasks (owner, created, id);
CREATE INDEX tasks_by_due ON tasks (due) WHERE due IS NOT NULL;
CREATE INDEX tasks_by_expiry ON tasks (expires);

-- A sequence number is assigned once: the head outlives the events of its scope.
CREATE TABLE scopes (
    scope TEXT PRIMARY KEY,
    head INTEGER NOT NULL,
    expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX scopes_by_expiry ON scopes (expires) WHERE expires IS NOT NULL;

-- source and kind: the event key, of events that have one.
CREATE TABLE events (
    scope TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    source TEXT,
    kind TEXT,
    at INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (scope, seq)
) STRICT;
CREATE INDEX events_by_key ON events (scope, source, kind, seq) WHERE source IS NOT NULL;
CREATE INDEX events_by_expiry ON events (expires);

CREATE TABLE source_ids (
    scope TEXT NOT NULL,
    source_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (scope, source_id)
) STRICT;
CREATE INDEX source_ids_by_expiry ON source_ids (expires);

-- Secrets that the file brings along, such as the key of requestState.
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

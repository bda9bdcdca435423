-- The tables of version 1. Times are milliseconds since 1970. Text is compared by its bytes, and long text in keys is a digest.

CREATE TABLE mcp_sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner_key TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    version TEXT NOT NULL,
    client TEXT NOT NULL,
    log_level TEXT,
    listener TEXT COLLATE "C",
    heard_from TEXT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX mcp_sessions_by_owner ON mcp_sessions (owner_key, expires);
CREATE INDEX mcp_sessions_by_expiry ON mcp_sessions (expires);

CREATE TABLE mcp_subscriptions (
    session TEXT COLLATE "C" NOT NULL,
    uri_key TEXT COLLATE "C" NOT NULL,
    uri TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (session, uri_key)
);

-- Values of a session and of the deployment have no expiry: the first end with their session, the others never.
CREATE TABLE mcp_state (
    scope TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    rev BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (scope, name)
);
CREATE INDEX mcp_state_by_expiry ON mcp_state (expires);

-- In the order of their positions, which are counted for each session.
CREATE TABLE mcp_inbox (
    session TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    body BYTEA NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (session, recipient, name_key)
);
CREATE INDEX mcp_inbox_by_expiry ON mcp_inbox (expires);

CREATE TABLE mcp_streams (
    session TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    request TEXT,
    written_by BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    finished BOOLEAN NOT NULL,
    PRIMARY KEY (session, stream)
);
CREATE INDEX mcp_streams_by_expiry ON mcp_streams (expires);

CREATE TABLE mcp_messages (
    session TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    json BYTEA NOT NULL,
    PRIMARY KEY (session, stream, seq)
);

CREATE TABLE mcp_stream_leases (
    owner TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX mcp_stream_leases_by_expiry ON mcp_stream_leases (expires);

-- due: when the task is looked at next; none once it has ended. returned: how often it was returned as due since its last change.
CREATE TABLE mcp_tasks (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner_key TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    tool TEXT NOT NULL,
    call TEXT NOT NULL,
    state TEXT NOT NULL,
    rev BIGINT NOT NULL,
    ended BOOLEAN NOT NULL,
    due BIGINT,
    returned BIGINT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX mcp_tasks_by_owner ON mcp_tasks (owner_key, created, id);
CREATE INDEX mcp_tasks_by_due ON mcp_tasks (due);
CREATE INDEX mcp_tasks_by_expiry ON mcp_tasks (expires);

-- A sequence number is assigned once: the head outlives the events of its scope.
CREATE TABLE mcp_scopes (
    scope TEXT COLLATE "C" PRIMARY KEY,
    head BIGINT NOT NULL,
    expires BIGINT
);
CREATE INDEX mcp_scopes_by_expiry ON mcp_scopes (expires);

-- source and kind: the event key, of events that have one.
CREATE TABLE mcp_events (
    scope TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    source TEXT COLLATE "C",
    kind TEXT COLLATE "C",
    at BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (scope, seq)
);
CREATE INDEX mcp_events_by_key ON mcp_events (scope, source, kind, seq);
CREATE INDEX mcp_events_by_expiry ON mcp_events (expires);

CREATE TABLE mcp_source_ids (
    scope TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (scope, source_id)
);
CREATE INDEX mcp_source_ids_by_expiry ON mcp_source_ids (expires);

-- Messages that name tasks, for the workers. visible: when the next worker may take one.
CREATE TABLE mcp_task_messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    body TEXT NOT NULL,
    receipt TEXT COLLATE "C" NOT NULL,
    visible BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX mcp_task_messages_by_visibility ON mcp_task_messages (visible);
CREATE INDEX mcp_task_messages_by_expiry ON mcp_task_messages (expires);

-- Counters. The row of a counter also keeps apart transactions that count something else under its name.
CREATE TABLE mcp_counters (
    name TEXT COLLATE "C" PRIMARY KEY,
    count BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX mcp_counters_by_expiry ON mcp_counters (expires);

-- Secrets that the database brings along, such as the key of requestState.
CREATE TABLE mcp_keys (
    name TEXT COLLATE "C" PRIMARY KEY,
    bytes BYTEA NOT NULL
);

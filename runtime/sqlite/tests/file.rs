//! The file: what outlives a process, who may read it, what is refused, and what is removed.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    events::{Appended, EventLog, NewEvent, Scope},
    protocol::SessionVersion,
    session::{
        ClientMessage, InboxKey, InboxStore, SessionClient, SessionId, SessionRecord, SessionStore,
        StateScope, StateStore,
    },
    stream::{Part, Replay, StreamId, StreamKey, StreamStore, StreamTerms},
    time::{Clock, Timestamp},
};
use mcp_lambda_sqlite::{OpenError, SqliteLimits, SqliteStore};
use rusqlite::Connection;
use serde_json::json;
use tokio::task::JoinSet;

const TTL: Duration = Duration::from_secs(600);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("mcp-sqlite-{}", SessionId::random()));
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("server.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_800_000_000_000))
}

fn open(path: &Path, clock: &Clock) -> SqliteStore {
    SqliteStore::open(path, clock.clone(), SqliteLimits::default()).expect("a usable file")
}

fn refusal(path: &Path) -> String {
    let refused = SqliteStore::open(path, clock(), SqliteLimits::default());
    refused.map(drop).expect_err("no usable file").to_string()
}

fn session(owner: &str, clock: &Clock) -> SessionRecord {
    let owner = Principal::new("https://issuer.example", owner);
    let (now, id) = (clock.now(), SessionId::random());
    SessionRecord::new(id, owner, SessionVersion::V2025_11_25, SessionClient::default(), now, now.plus(TTL))
}

fn event(clock: &Clock, data: &serde_json::Value) -> NewEvent {
    let event = serde_json::from_value(json!({ "type": "message", "level": "info", "data": data }));
    let now = clock.now();
    NewEvent::new(event.expect("an event"), now, now.plus(TTL))
}

async fn append(store: &SqliteStore, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
    EventLog::append(store, scope, event).await
}

/// Rows of a table, read beside the store.
fn rows(path: &Path, table: &str) -> usize {
    let connection = Connection::open(path).expect("a database");
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, clock) = (Folder::new(), clock());
    let record = session("ada", &clock);
    let scope = StateScope::Session(record.id.clone());
    let key = StreamKey { session: record.id.clone(), stream: StreamId::random() };
    let state_key = {
        let store = open(&folder.file(), &clock);
        store.create(&record).await.expect("created");
        store.subscribe(&record.id, "event://a/b", 9).await.expect("subscribed");
        store.put_state(&scope, "count", &json!(7), 0, clock.now()).await.expect("written");
        let terms = StreamTerms::new(None, clock.now().plus(TTL), clock.now().plus(TTL));
        let part = Part::new(1, vec![Bytes::from_static(b"{}")], true);
        store.open(&key, &terms, &part).await.expect("stored");
        append(&store, &Scope::Global, &event(&clock, &json!("one"))).await.expect("appended");
        format!("{:?}", store.state_key())
    };
    let store = open(&folder.file(), &clock);
    assert_eq!(store.load(&record.id).await.expect("read").expect("the session").owner, record.owner);
    assert_eq!(store.subscriptions(&record.id).await.expect("read"), ["event://a/b"]);
    assert_eq!(store.state(&scope, "count").await.expect("read").expect("the value").value, json!(7));
    assert!(
        matches!(StreamStore::read(&store, &key, 0).await, Ok(Replay::Finished(frames)) if frames.len() == 1)
    );
    let events = EventLog::read(&store, &Scope::Global, 0, 9).await.expect("read");
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(append(&store, &Scope::Global, &event(&clock, &json!(2))).await.ok(), Some(Appended::At(2)));
    assert_eq!(format!("{:?}", store.state_key()), state_key, "requestState is valid after the restart");
}

/// The process of the next test: it appends events until it is killed, and prints each number once the append has returned.
#[tokio::test]
#[ignore = "a process of another test"]
async fn append_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "the other test names the file")]
    let path = std::env::var("SQLITE_FILE").expect("SQLITE_FILE names a file");
    let (store, clock) = (open(Path::new(&path), &clock()), clock());
    loop {
        let appended = append(&store, &Scope::Global, &event(&clock, &json!("x"))).await.expect("appended");
        println!("{appended:?}");
    }
}

#[tokio::test]
async fn a_process_that_is_killed_has_lost_nothing_that_it_has_acknowledged() {
    let folder = Folder::new();
    let test = std::env::current_exe().expect("this test");
    let writer = || {
        let mut command = Command::new(&test);
        command.args(["--ignored", "--exact", "append_until_killed", "--nocapture"]);
        command.env("SQLITE_FILE", folder.file()).stdout(Stdio::piped()).spawn().expect("it runs")
    };
    let mut writers = [writer(), writer(), writer()];
    let mut acknowledged = Vec::new();
    let mut lines =
        BufReader::new(writers[0].stdout.take().expect("its output")).lines().map_while(Result::ok);
    let seq = |line: String| line.strip_prefix("At(")?.strip_suffix(')')?.parse::<u64>().ok();
    acknowledged.extend(lines.by_ref().filter_map(seq).take(200));
    for process in &mut writers {
        process.kill().expect("SIGKILL");
        process.wait().expect("it has ended");
    }
    acknowledged.extend(lines.filter_map(seq));
    assert!(acknowledged.len() >= 200 && acknowledged.is_sorted());
    let store = open(&folder.file(), &clock());
    let head = store.heads(&[Scope::Global]).await.expect("read")[0];
    let events = EventLog::read(&store, &Scope::Global, 0, usize::MAX).await.expect("read");
    let written: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(written, (1..=head).collect::<Vec<_>>(), "neither a gap nor a number given twice");
    assert!(acknowledged.iter().all(|seq| written.contains(seq)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_writers_through_eight_processes_lose_no_write() {
    let (folder, clock) = (Folder::new(), clock());
    let stores: Vec<_> = (0..8).map(|_| Arc::new(open(&folder.file(), &clock))).collect();
    let mut writers = JoinSet::new();
    for number in 0..1_000_usize {
        let (store, clock) = (Arc::clone(&stores[number % stores.len()]), clock.clone());
        writers.spawn(async move { append(&store, &Scope::Global, &event(&clock, &json!(number))).await });
    }
    let mut written = Vec::new();
    while let Some(done) = writers.join_next().await {
        match done.expect("it ends") {
            Ok(Appended::At(seq)) => written.push(seq),
            other => panic!("not appended: {other:?}"),
        }
    }
    written.sort_unstable();
    assert_eq!(written, (1..=1_000).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn other_users_of_the_machine_cannot_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let path = folder.0.join("made").join("server.db");
    drop(open(&path, &clock()));
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
}

#[test]
fn a_file_that_holds_something_else_is_refused_and_left_alone() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "[settings]\nname = 'notes'\n".repeat(99)).expect("a file");
    let refused = refusal(&folder.file());
    assert!(refused.contains("is no database of this server: name another file"), "{refused}");
    assert!(std::fs::read_to_string(folder.file()).expect("there").starts_with("[settings]"));

    let other = folder.0.join("other.db");
    Connection::open(&other)
        .and_then(|db| db.execute_batch("CREATE TABLE notes (text)"))
        .expect("a database");
    let before = std::fs::read(&other).expect("there");
    let refused = refusal(&other);
    assert!(refused.contains("is no database of this server"), "{refused}");
    assert!(std::fs::read(&other).expect("there") == before, "not even its mode has changed");
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let folder = Folder::new();
    drop(open(&folder.file(), &clock()));
    Connection::open(folder.file())
        .and_then(|db| db.pragma_update(None, "user_version", 7))
        .expect("another version");
    let refused = SqliteStore::open(&folder.file(), clock(), SqliteLimits::default());
    assert!(matches!(refused, Err(OpenError::Newer { found: 7, known: 1, .. })), "{refused:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("file"), "").expect("a file");
    let refused = refusal(&folder.0.join("file").join("server.db"));
    assert!(refused.contains("file/server.db: "), "{refused}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_with_what_to_do() {
    let (folder, clock) = (Folder::new(), clock());
    {
        let store = open(&folder.file(), &clock);
        for number in 0..500 {
            append(&store, &Scope::Global, &event(&clock, &json!([number, "x".repeat(300)])))
                .await
                .expect("appended");
        }
    }
    Connection::open(folder.file())
        .and_then(|db| db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())))
        .expect("all in one file");
    let mut bytes = std::fs::read(folder.file()).expect("the file");
    let half = bytes.len() / 2;
    bytes[half..].fill(0xff);
    std::fs::write(folder.file(), bytes).expect("written");
    let store = open(&folder.file(), &clock);
    let read = EventLog::read(&store, &Scope::Global, 0, usize::MAX).await;
    assert!(
        matches!(&read, Err(StoreError::Corrupt(text)) if text.contains("is damaged: move the file")),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_principal_has_so_many_sessions_and_the_one_that_expires_first_ends() {
    let (folder, clock) = (Folder::new(), clock());
    let mut limits = SqliteLimits::default();
    limits.sessions_per_principal = 2;
    let store = SqliteStore::open(&folder.file(), clock.clone(), limits).expect("a file");
    let (first, second, other) = (session("ada", &clock), session("ada", &clock), session("bob", &clock));
    for record in [&first, &second, &other] {
        store.create(record).await.expect("created");
    }
    store.touch(&first.id, clock.now().plus(2 * TTL)).await.expect("used");
    let third = session("ada", &clock);
    store.create(&third).await.expect("created");
    let mut live = Vec::new();
    for record in [&first, &second, &third, &other] {
        live.push(store.load(&record.id).await.expect("read").is_some());
    }
    assert_eq!(live, [true, false, true, true]);
}

#[tokio::test]
async fn a_session_has_so_many_messages_and_values() {
    let (folder, clock) = (Folder::new(), clock());
    let (store, record) = (open(&folder.file(), &clock), session("ada", &clock));
    store.create(&record).await.expect("created");
    for number in 0..1_002 {
        let body = Bytes::from(number.to_string());
        let message =
            ClientMessage::new(InboxKey::Session, format!("m{number}"), body, clock.now().plus(TTL));
        store.put(&record.id, &message).await.expect("put");
    }
    let messages = InboxStore::read(&store, &record.id, &[InboxKey::Session]).await.expect("read");
    assert_eq!((messages.len(), &*messages[0].name), (1_000, "m2"));

    let scope = StateScope::Session(record.id.clone());
    for number in 0..1_000 {
        store.put_state(&scope, &format!("k{number}"), &json!(1), 0, clock.now()).await.expect("written");
    }
    let refused = store.put_state(&scope, "one more", &json!(1), 0, clock.now()).await;
    assert!(matches!(refused, Err(StoreError::Full { limit: 1_000, .. })), "{refused:?}");
    store.put_state(&scope, "k7", &json!(2), 1, clock.now()).await.expect("a change needs no room");
}

#[tokio::test]
async fn a_scope_keeps_so_many_events() {
    let (folder, clock) = (Folder::new(), clock());
    let store = open(&folder.file(), &clock);
    let scope = Scope::Principal(Principal::new("https://issuer.example", "ada"));
    let event = event(&clock, &json!("x")).with_source_id(Some("first".into()));
    append(&store, &scope, &event).await.expect("appended");
    // As if as many had been appended as a scope keeps, but for one.
    Connection::open(folder.file())
        .and_then(|db| db.execute("UPDATE scopes SET head = 10099", []))
        .expect("a head");
    append(&store, &scope, &event.with_source_id(None)).await.expect("appended");
    let events = EventLog::read(&store, &scope, 0, 9).await.expect("read");
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [10_100]);
}

#[tokio::test]
async fn a_file_at_its_limit_drops_the_oldest_events_and_refuses_more_state() {
    let (folder, clock) = (Folder::new(), clock());
    let mut limits = SqliteLimits::default();
    limits.bytes = 4 * 1024 * 1024;
    let store = SqliteStore::open(&folder.file(), clock.clone(), limits).expect("a file");
    let large = "x".repeat(100 * 1024);
    for _ in 0..100 {
        append(&store, &Scope::Global, &event(&clock, &json!(large))).await.expect("the oldest make room");
        clock.advance(Duration::from_millis(1));
    }
    let events = EventLog::read(&store, &Scope::Global, 0, usize::MAX).await.expect("read");
    assert!(events.len() < 50, "{}", events.len());
    assert_eq!(events.last().expect("the newest").seq, 100);

    let mut refused = None;
    for number in 0..100 {
        let scope = StateScope::Handle { owner: "ada".into(), handle: number.to_string() };
        let written = store.put_state(&scope, "k", &json!(large), 0, clock.now().plus(TTL)).await;
        if let Err(error) = written {
            refused = Some(error);
            break;
        }
    }
    let text = refused.expect("it is full").to_string();
    assert_eq!(text, format!("bytes of the database (MCP_STORE_MB) are limited to {}", limits.bytes));
    assert!(std::fs::metadata(folder.file()).expect("there").len() <= 4 * 1024 * 1024);
}

#[tokio::test]
async fn expired_items_are_removed_while_others_are_written() {
    let (folder, clock) = (Folder::new(), clock());
    let store = open(&folder.file(), &clock);
    for number in 0..120 {
        let record = session("ada", &clock);
        store.create(&record).await.expect("created");
        store.subscribe(&record.id, "event://a/b", 9).await.expect("subscribed");
        append(&store, &Scope::Session(record.id.clone()), &event(&clock, &json!(number)))
            .await
            .expect("appended");
    }
    clock.advance(TTL + Duration::from_millis(1));
    // Each write removes a part, so that none waits for all.
    for _ in 0..4 {
        store.create(&session("bob", &clock)).await.expect("created");
    }
    let path = folder.file();
    let left = ["sessions", "subscriptions", "events", "scopes"].map(|table| rows(&path, table));
    assert_eq!(left, [4, 0, 0, 0]);
}

//! An event log with the latency, billing and limits of DynamoDB, over the memory store of the runtime.
//!
//! Limits and units: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html> (read 2026-11-20).

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_server::{
    MemoryStore, StoreError,
    events::{
        Appended, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope, ScopeEnd,
    },
};
use tokio::time::Instant;

/// Units that one partition serves per second.
const READ_UNITS: f64 = 3_000.0;
const WRITE_UNITS: f64 = 1_000.0;
/// Latency of each kind of call without throttling.
const POLL: Duration = Duration::from_millis(4);
const READ: Duration = Duration::from_millis(6);
const COUNT: Duration = Duration::from_millis(5);
const WRITE: Duration = Duration::from_millis(12);
/// Pauses of the SDK before the retries of a throttled call. The third try is the last.
const BACKOFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];
/// The size of an event's item, in KB: names, times and a payload of a few hundred bytes.
const EVENT_KB: f64 = 1.0;

/// The log in a table that all processes share.
pub(crate) struct Database {
    pub(crate) log: MemoryStore,
    replicas: usize,
    bills: Mutex<Bills>,
}

#[derive(Default)]
struct Bills {
    tally: Tally,
    partitions: Vec<Partition>,
}

/// The calls of the database and their cost.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) polls: u64,
    pub(crate) reads: u64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    pub(crate) throttled: u64,
    /// The fullest second of any partition, as a share of its limit.
    pub(crate) peak: f64,
}

#[derive(Clone, Copy)]
struct Partition {
    second: u64,
    read: f64,
    written: f64,
}

impl Database {
    pub(crate) fn new(log: MemoryStore, replicas: usize) -> Self {
        // The head and each replica of the log are partitions of their own.
        let partitions = vec![Partition { second: 0, read: 0.0, written: 0.0 }; replicas + 1];
        Self { log, replicas, bills: Mutex::new(Bills { tally: Tally::default(), partitions }) }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.bills.lock().unwrap_or_else(PoisonError::into_inner).tally
    }

    pub(crate) fn reset(&self) {
        self.bills.lock().unwrap_or_else(PoisonError::into_inner).tally = Tally::default();
    }

    /// Takes units of a partition in the current second, if as many are left.
    fn take(&self, partition: usize, read: f64, written: f64, began: Instant) -> bool {
        let second = began.elapsed().as_secs();
        let mut bills = self.bills.lock().unwrap_or_else(PoisonError::into_inner);
        let Bills { tally, partitions } = &mut *bills;
        let partition = &mut partitions[partition];
        if partition.second != second {
            *partition = Partition { second, read: 0.0, written: 0.0 };
        }
        if partition.read + read > READ_UNITS || partition.written + written > WRITE_UNITS {
            tally.throttled += 1;
            tally.peak = 1.0;
            return false;
        }
        partition.read += read;
        partition.written += written;
        tally.read_units += read;
        tally.write_units += written;
        tally.peak = tally.peak.max(partition.read / READ_UNITS).max(partition.written / WRITE_UNITS);
        true
    }

    /// Takes units with the retries of the SDK.
    async fn call(
        &self,
        partition: usize,
        read: f64,
        written: f64,
        began: Instant,
    ) -> Result<(), StoreError> {
        for pause in BACKOFF {
            if self.take(partition, read, written, began) {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        if self.take(partition, read, written, began) {
            return Ok(());
        }
        Err(StoreError::Unavailable("ProvisionedThroughputExceededException".into()))
    }
}

/// The log of one process, which polls and reads one replica.
pub(crate) struct Client {
    pub(crate) database: std::sync::Arc<Database>,
    pub(crate) replica: usize,
    pub(crate) began: Instant,
}

impl Client {
    /// Returns the partition that is polled: replica 0 by its head, the others by their last item.
    fn polled(&self) -> usize {
        if self.replica == 0 { 0 } else { self.replica + 1 }
    }

    fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.database.bills.lock().unwrap_or_else(PoisonError::into_inner).tally);
    }
}

#[async_trait]
impl EventLog for Client {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        // A sequence number from the head, then one transaction at twice the units: the event, its deduplication marker, its
        // event key, and the replicas.
        tokio::time::sleep(COUNT).await;
        self.database.call(0, 0.0, 1.0, self.began).await?;
        tokio::time::sleep(WRITE).await;
        for replica in 0..self.database.replicas {
            self.database.call(replica + 1, 0.0, 2.0 * EVENT_KB, self.began).await?;
        }
        // The marker and the event key are partitions of their own, and never the fullest ones.
        self.count(|tally| tally.write_units += 4.0);
        self.database.log.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        self.count(|tally| tally.polls += 1);
        tokio::time::sleep(POLL).await;
        #[expect(clippy::cast_precision_loss, reason = "a handful of scopes")]
        let units = 0.5 * scopes.len() as f64;
        self.database.call(self.polled(), units, 0.0, self.began).await?;
        self.database.log.heads(scopes).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        self.database.log.ends(scopes).await
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.count(|tally| tally.reads += 1);
        tokio::time::sleep(READ).await;
        let events = self.database.log.read(scope, after, limit).await?;
        // A strongly consistent read: a unit for each 4 KB or part of it.
        #[expect(clippy::cast_precision_loss, reason = "a page of events")]
        let units = (events.len() as f64 * EVENT_KB / 4.0).ceil().max(1.0);
        self.database.call(self.replica + 1, units, 0.0, self.began).await?;
        Ok(events)
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        self.database.log.seal_gap(scope, after).await
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.database.log.event_keys(scope, after, limit).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        self.database.log.newest(scope, key, limits).await
    }
}

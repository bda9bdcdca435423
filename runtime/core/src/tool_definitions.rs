//! The definitions of tools that hold at the moment: those of the file, which is read again when it has changed.
//!
//! What an environment has read is compared with what the deployment knew last, so that clients hear of a change by `list_changed`, whether
//! the file has changed under a server that runs, or a deployment has brought another one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    config::ToolDefinitions,
    error::{Causes, ConfigError, StoreError},
    events::{Event, Events},
    session::{StateScope, StateStore},
    time::{Clock, Timestamp},
};

/// Key of the fingerprint in the state of the deployment.
const KEY: &str = "tool_definitions";

/// The definitions that hold. Clones share them.
#[derive(Clone)]
pub(crate) struct Definitions(Arc<Inner>);

struct Inner {
    path: PathBuf,
    check_interval: Duration,
    store: Arc<dyn StateStore>,
    events: Events,
    clock: Clock,
    known: Mutex<Known>,
}

struct Known {
    definitions: Arc<ToolDefinitions>,
    /// When the file was changed last, and its size.
    file: Option<(SystemTime, u64)>,
    checked_at: Option<Timestamp>,
    /// Whether the deployment knows these definitions.
    is_announced: bool,
}

/// The file as it was at start.
pub(crate) struct DefinitionFile {
    path: PathBuf,
    file: Option<(SystemTime, u64)>,
    pub(crate) definitions: Arc<ToolDefinitions>,
}

impl DefinitionFile {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = changed_at(path);
        let definitions = Arc::new(ToolDefinitions::read(path)?);
        Ok(Self { path: path.to_owned(), file, definitions })
    }
}

impl Definitions {
    /// The definitions of a file that was read.
    pub(crate) fn new(
        file: DefinitionFile,
        check_interval: Duration,
        store: Arc<dyn StateStore>,
        events: Events,
        clock: Clock,
    ) -> Self {
        let DefinitionFile { path, file, definitions } = file;
        let known = Mutex::new(Known { definitions, file, checked_at: None, is_announced: false });
        Self(Arc::new(Inner { path, check_interval, store, events, clock, known }))
    }

    /// The definitions. The file is looked at again when the check interval has passed. One that cannot be read leaves the definitions as they
    /// are.
    pub(crate) async fn current(&self) -> Arc<ToolDefinitions> {
        let (definitions, is_announced) = self.checked();
        if !is_announced {
            self.announce(&definitions).await;
        }
        definitions
    }

    fn checked(&self) -> (Arc<ToolDefinitions>, bool) {
        let now = self.0.clock.now();
        let mut known = self.known();
        let is_due = known.checked_at.is_none_or(|at| at.plus(self.0.check_interval) <= now);
        if is_due {
            known.checked_at = Some(now);
            let file = changed_at(&self.0.path);
            if file.is_some() && file != known.file {
                known.file = file;
                match ToolDefinitions::read(&self.0.path) {
                    Ok(read) if read != *known.definitions => {
                        known.definitions = Arc::new(read);
                        known.is_announced = false;
                    }
                    Ok(_) => {}
                    Err(error) => refused(&error),
                }
            }
        }
        let is_announced = std::mem::replace(&mut known.is_announced, true);
        (Arc::clone(&known.definitions), is_announced)
    }

    /// Publishes that the list of tools has changed, if the deployment knew other definitions.
    async fn announce(&self, definitions: &ToolDefinitions) {
        let fingerprint = fingerprint(definitions);
        if let Err(error) = self.compare(&fingerprint).await {
            tracing::warn!(error = %Causes(&error), "a change of tool_definitions was not published");
        }
    }

    async fn compare(&self, fingerprint: &str) -> Result<(), StoreError> {
        let inner = &*self.0;
        let found = inner.store.state(&StateScope::Server, KEY).await?;
        let (last, rev) = found.map_or((None, 0), |found| (Some(found.value), found.rev));
        if last.as_ref().and_then(Value::as_str) == Some(fingerprint) {
            return Ok(());
        }
        let value = fingerprint.into();
        match inner.store.put_state(&StateScope::Server, KEY, &value, rev, Timestamp::MAX).await {
            // Nothing was known before: no client has seen another list.
            Ok(_) if last.is_none() => Ok(()),
            Ok(rev) => {
                let id = format!("tool_definitions#{rev}");
                inner.events.publish_once(id, Event::ToolsListChanged).await.map(drop)
            }
            // Another environment has the same news.
            Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: &ConfigError) {
    tracing::error!(%error, "tool_definitions has changed and cannot be read: the last definitions hold");
}

fn changed_at(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// A text that differs for other definitions.
fn fingerprint(definitions: &ToolDefinitions) -> String {
    let digest = Sha256::digest(format!("{definitions:?}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

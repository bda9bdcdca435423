//! A log that assigns a position and writes the event in two steps, as a log in a database does: between the two a
//! writer may be slow or die.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::*;

#[derive(Default)]
pub(super) struct TwoStepLog(Mutex<HashMap<Scope, Vec<Position>>>);

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a test has a few of them")]
enum Position {
    Assigned,
    Sealed,
    Written(NewEvent),
}

impl TwoStepLog {
    fn scopes(&self) -> MutexGuard<'_, HashMap<Scope, Vec<Position>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Assigns the next position.
    pub(super) fn begin(&self, scope: &Scope) -> u64 {
        let mut scopes = self.scopes();
        let positions = scopes.entry(scope.clone()).or_default();
        positions.push(Position::Assigned);
        positions.len() as u64
    }

    /// Writes to an assigned position. `false` if a reader has sealed it.
    pub(super) fn finish(&self, scope: &Scope, seq: u64, event: &NewEvent) -> bool {
        let mut scopes = self.scopes();
        let position = scopes.get_mut(scope).and_then(|positions| positions.get_mut(index(seq)));
        let Some(position @ Position::Assigned) = position else { return false };
        *position = Position::Written(event.clone());
        true
    }

    /// Returns every event of a scope.
    pub(super) fn events(&self, scope: &Scope) -> Vec<(u64, Event)> {
        let scopes = self.scopes();
        let positions = scopes.get(scope).into_iter().flatten().zip(1..);
        positions
            .filter_map(|(position, seq)| match position {
                Position::Written(event) => Some((seq, event.event.clone())),
                Position::Assigned | Position::Sealed => None,
            })
            .collect()
    }
}

fn index(seq: u64) -> usize {
    usize::try_from(seq - 1).expect("few positions")
}

#[async_trait::async_trait]
impl EventLog for TwoStepLog {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let is_same = |position: &Position| matches!(position, Position::Written(other) if other.source_id == event.source_id);
        let mut scopes = self.scopes();
        let positions = scopes.entry(scope.clone()).or_default();
        if event.source_id.is_some()
            && let Some(first) = positions.iter().position(is_same)
        {
            return Ok(Appended::Already(first as u64 + 1));
        }
        positions.push(Position::Written(event.clone()));
        Ok(Appended::At(positions.len() as u64))
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let known = self.scopes();
        Ok(scopes
            .iter()
            .map(|scope| known.get(scope).map_or(0, |positions| positions.len() as u64))
            .collect())
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let known = self.scopes();
        let end = |positions: &Vec<Position>| {
            let open = positions.iter().position(|position| matches!(position, Position::Assigned));
            ScopeEnd { head: positions.len() as u64, last_stable: open.unwrap_or(positions.len()) as u64 }
        };
        Ok(scopes
            .iter()
            .map(|scope| known.get(scope).map_or(ScopeEnd { head: 0, last_stable: 0 }, end))
            .collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let scopes = self.scopes();
        let positions = scopes.get(scope).into_iter().flatten().zip(1_u64..).filter(|(_, seq)| *seq > after);
        Ok(positions
            .take_while(|(position, _)| !matches!(position, Position::Assigned))
            .filter_map(|(position, seq)| match position {
                Position::Written(event) => {
                    Some(LoggedEvent { seq, event: event.event.clone(), at: event.at })
                }
                Position::Assigned | Position::Sealed => None,
            })
            .take(limit)
            .collect())
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let mut scopes = self.scopes();
        let mut last_stable = after;
        for (position, seq) in scopes.get_mut(scope).into_iter().flatten().zip(1_u64..) {
            match position {
                _ if seq <= after => {}
                Position::Written(_) => break,
                Position::Assigned | Position::Sealed => {
                    *position = Position::Sealed;
                    last_stable = seq;
                }
            }
        }
        Ok(last_stable)
    }

    async fn event_keys(
        &self,
        _: &Scope,
        _: Option<&EventKey>,
        _: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        Ok(Vec::new())
    }

    async fn newest(&self, _: &Scope, _: &EventKey, _: NewestLimits) -> Result<NewestEvents, StoreError> {
        Ok(NewestEvents::default())
    }
}

//! A log in which taking a place and writing to it are two steps, as they are where the log is behind a network: between
//! them a writer may be slow, or die.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::*;

#[derive(Default)]
pub(super) struct Written(Mutex<HashMap<Scope, Vec<Place>>>);

#[derive(Clone)]
enum Place {
    Taken,
    Closed,
    Holds(NewEvent),
}

impl Written {
    fn scopes(&self) -> MutexGuard<'_, HashMap<Scope, Vec<Place>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next place.
    pub(super) fn begin(&self, scope: &Scope) -> u64 {
        let mut scopes = self.scopes();
        let places = scopes.entry(scope.clone()).or_default();
        places.push(Place::Taken);
        places.len() as u64
    }

    /// Writes to a place that was taken. `false` when a reader has closed it.
    pub(super) fn finish(&self, scope: &Scope, place: u64, event: &NewEvent) -> bool {
        let mut scopes = self.scopes();
        let place = scopes.get_mut(scope).and_then(|places| places.get_mut(at(place)));
        let Some(place @ Place::Taken) = place else { return false };
        *place = Place::Holds(event.clone());
        true
    }

    /// Every event of a scope.
    pub(super) fn events(&self, scope: &Scope) -> Vec<(u64, Event)> {
        let scopes = self.scopes();
        let places = scopes.get(scope).into_iter().flatten().zip(1..);
        places
            .filter_map(|(place, seq)| match place {
                Place::Holds(event) => Some((seq, event.event.clone())),
                Place::Taken | Place::Closed => None,
            })
            .collect()
    }
}

fn at(place: u64) -> usize {
    usize::try_from(place - 1).expect("few places")
}

#[async_trait::async_trait]
impl EventLog for Written {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let is_same =
            |place: &Place| matches!(place, Place::Holds(there) if there.source_id == event.source_id);
        let mut scopes = self.scopes();
        let places = scopes.entry(scope.clone()).or_default();
        if event.source_id.is_some()
            && let Some(there) = places.iter().position(is_same)
        {
            return Ok(Appended::Already(there as u64 + 1));
        }
        places.push(Place::Holds(event.clone()));
        Ok(Appended::At(places.len() as u64))
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let known = self.scopes();
        Ok(scopes.iter().map(|scope| known.get(scope).map_or(0, |places| places.len() as u64)).collect())
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let known = self.scopes();
        let end = |places: &Vec<Place>| {
            let open = places.iter().position(|place| matches!(place, Place::Taken));
            ScopeEnd { head: places.len() as u64, last_stable: open.unwrap_or(places.len()) as u64 }
        };
        Ok(scopes
            .iter()
            .map(|scope| known.get(scope).map_or(ScopeEnd { head: 0, last_stable: 0 }, end))
            .collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let scopes = self.scopes();
        let places = scopes.get(scope).into_iter().flatten().zip(1_u64..).filter(|(_, seq)| *seq > after);
        Ok(places
            .take_while(|(place, _)| !matches!(place, Place::Taken))
            .filter_map(|(place, seq)| match place {
                Place::Holds(event) => Some(LoggedEvent { seq, event: event.event.clone(), at: event.at }),
                Place::Taken | Place::Closed => None,
            })
            .take(limit)
            .collect())
    }

    async fn settle(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let mut scopes = self.scopes();
        let mut last_stable = after;
        for (place, seq) in scopes.get_mut(scope).into_iter().flatten().zip(1_u64..) {
            match place {
                _ if seq <= after => {}
                Place::Holds(_) => break,
                Place::Taken | Place::Closed => {
                    *place = Place::Closed;
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

    async fn newest(&self, _: &Scope, _: &EventKey, _: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        Ok(Vec::new())
    }
}

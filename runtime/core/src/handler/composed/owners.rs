//! Which handler has a URI.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::uri::normalized;

/// The most URIs of which the handler is remembered.
const REMEMBERED: usize = 4096;

/// The handlers of URIs that were listed or read.
#[derive(Default)]
pub(super) struct Owners(Mutex<HashMap<String, String>>);

impl Owners {
    pub(super) fn learn(&self, uri: &str, prefix: &str) {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= REMEMBERED {
            owners.clear();
        }
        owners.insert(normalized(uri).into_owned(), prefix.to_owned());
    }

    pub(super) fn of(&self, uri: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&*normalized(uri)).cloned()
    }
}

//! What a builder takes of a program that keeps keys and large results elsewhere than the configuration says.

use std::sync::Arc;

use mcp_lambda_core::{keys::KeySource, results::ResultStore};

use super::Builder;

impl<H> Builder<H> {
    /// Sets the keys that sign `requestState`. Every environment needs the same ones. Default: those that the configuration names,
    /// else one that is made at start.
    pub fn state_keys(mut self, keys: KeySource) -> Self {
        self.state_keys = Some(keys);
        self
    }

    /// Sets where parts of results are kept that are larger than
    /// [`LargeResultConfig::max_bytes`](crate::config::LargeResultConfig::max_bytes). Default: the bucket that the configuration
    /// names, if it names one.
    pub fn result_store(mut self, store: Arc<dyn ResultStore>) -> Self {
        self.result_store = Some(store);
        self
    }
}

//! Retries of batches, of which DynamoDB returns throttled items unprocessed.

use std::time::Duration;

use super::error;
use mcp_lambda_core::{error::StoreError, random};

/// Tries of the unprocessed items of a batch.
const TRIES: u32 = 6;
/// Pause before the second try. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The tries of one batch.
#[derive(Default)]
pub(super) struct Tries {
    done: u32,
}

impl Tries {
    /// Waits until the next try may start. Fails after the last one.
    pub(super) async fn next(&mut self, action: &'static str, table: &str) -> Result<(), StoreError> {
        if self.done == TRIES {
            return Err(error::unprocessed(action, table));
        }
        if self.done > 0 {
            tokio::time::sleep(random::jitter(FIRST_PAUSE * 2_u32.pow(self.done - 1))).await;
        }
        self.done += 1;
        Ok(())
    }
}

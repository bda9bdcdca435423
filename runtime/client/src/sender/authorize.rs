//! What proves to a server who the caller is.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, response::Parts};

use crate::Error;

/// Whether a refused request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Yes: what proves the caller has changed.
    Yes,
    /// No: the refusal is the response.
    No,
}

/// Adds to requests what proves who the caller is.
#[async_trait]
pub(crate) trait Authorize: Send + Sync + fmt::Debug {
    /// Changes the headers of a request that is about to be sent. Each try of a request comes here.
    async fn authorize(&self, request: &mut Request<Bytes>) -> Result<(), Error>;

    /// Looks at a response 401 or 403: can the next try go better? `tries` counts those that were refused, this one too.
    async fn refused(&self, head: &Parts, tries: u32) -> Result<Again, Error>;

    /// What a person can do about a refusal, as a sentence.
    fn advice(&self) -> String;
}

/// Adds nothing.
#[derive(Debug)]
pub(crate) struct Anonymous;

#[async_trait]
impl Authorize for Anonymous {
    async fn authorize(&self, _: &mut Request<Bytes>) -> Result<(), Error> {
        Ok(())
    }

    async fn refused(&self, _: &Parts, _: u32) -> Result<Again, Error> {
        Ok(Again::No)
    }

    fn advice(&self) -> String {
        "The request carried no proof of the caller: --auth sigv4, --auth bearer or --auth oauth adds one."
            .to_owned()
    }
}

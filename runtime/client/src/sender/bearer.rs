//! A bearer token that the caller brings.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, header, response::Parts};

use super::{Again, Authorize};
use crate::Error;

/// Adds a given token.
pub(crate) struct Bearer(HeaderValue);

impl Bearer {
    pub(crate) fn new(token: &str) -> Result<Self, Error> {
        let refused = |_| Error::Argument {
            name: "the bearer token",
            found: format!("a text of {} characters", token.chars().count()),
            expected: "a token without spaces and line breaks",
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(refused)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer")
    }
}

#[async_trait]
impl Authorize for Bearer {
    async fn authorize(&self, request: &mut Request<Bytes>) -> Result<(), Error> {
        request.headers_mut().insert(header::AUTHORIZATION, self.0.clone());
        Ok(())
    }

    async fn refused(&self, _: &Parts, _: u32) -> Result<Again, Error> {
        Ok(Again::No)
    }

    fn advice(&self) -> String {
        "The server did not accept the bearer token: it may be expired, or meant for another server."
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_without_being_repeated() {
        let error = Bearer::new("planted-secret\nX-Other: 1").expect_err("refused").to_string();
        assert!(error.contains("the bearer token") && !error.contains("planted"), "{error}");
    }
}

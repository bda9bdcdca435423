//! The choice for a caller who names no authorization: a signature for hosts of AWS, and OAuth where a server asks for it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, response::Parts};

use super::{Again, Authorize, SigV4};
use crate::{Error, oauth::OAuth};

/// Signs if the host is one of AWS's, and goes over to OAuth when the server asks for a bearer token.
#[derive(Debug)]
pub(crate) struct SignedOrOAuth {
    signer: Option<SigV4>,
    oauth: OAuth,
    asked_for_token: AtomicBool,
    without_credentials: AtomicBool,
}

impl SignedOrOAuth {
    pub(crate) fn new(signer: Option<SigV4>, oauth: OAuth) -> Self {
        let asked_for_token = AtomicBool::new(false);
        Self { signer, oauth, asked_for_token, without_credentials: AtomicBool::new(false) }
    }

    fn signer(&self) -> Option<&SigV4> {
        self.signer.as_ref().filter(|_| !self.asked_for_token.load(Ordering::Relaxed))
    }
}

#[async_trait]
impl Authorize for SignedOrOAuth {
    async fn authorize(&self, request: &mut Request<Bytes>) -> Result<(), Error> {
        let Some(signer) = self.signer() else { return self.oauth.authorize_if_known(request).await };
        match signer.authorize(request).await {
            // The server may be one that wants no signature.
            Err(Error::Credentials(cause)) => {
                tracing::debug!(%cause, "no AWS credentials: the request is not signed");
                self.without_credentials.store(true, Ordering::Relaxed);
                Ok(())
            }
            result => result,
        }
    }

    async fn refused(&self, head: &Parts, tries: u32) -> Result<Again, Error> {
        if head.status == StatusCode::UNAUTHORIZED && asks_for_token(head) {
            self.asked_for_token.store(true, Ordering::Relaxed);
            return self.oauth.refused(head, tries).await;
        }
        match self.signer() {
            Some(signer) => signer.refused(head, tries).await,
            None => self.oauth.refused(head, tries).await,
        }
    }

    fn advice(&self) -> String {
        match self.signer() {
            Some(_) if self.without_credentials.load(Ordering::Relaxed) => {
                "The request was not signed: there are no AWS credentials. Sign in, set AWS_PROFILE, or use --profile."
                    .to_owned()
            }
            Some(signer) => signer.advice(),
            None => self.oauth.advice(),
        }
    }
}

/// Whether the response asks for a bearer token. Function URLs and REST APIs rename the header.
fn asks_for_token(head: &Parts) -> bool {
    ["www-authenticate", "x-amzn-remapped-www-authenticate"]
        .iter()
        .flat_map(|name| head.headers.get_all(*name))
        .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().starts_with("bearer")))
}

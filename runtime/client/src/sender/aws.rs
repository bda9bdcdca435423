//! AWS credentials: where they come from, and when they are read again.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_smithy_http_client::{
    Builder,
    tls::{self, rustls_provider::CryptoMode},
};
use tokio::sync::Mutex;

use crate::{Error, clock};

/// Time before the end of credentials at which they are loaded again.
const EARLY: Duration = Duration::from_secs(120);
/// Time after which credentials without an end are loaded again: the file may have others by then.
const LONGEST: Duration = Duration::from_secs(300);
/// Credentials that are younger than this are not loaded again after a refusal.
const FRESH: Duration = Duration::from_secs(5);

/// Which credentials are used, where the SDK's own chain is not enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsOptions {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    /// What a program gives in place of the chain.
    pub(crate) credentials: Option<SharedCredentialsProvider>,
}

/// The credentials of the SDK's chain: environment, profiles, SSO, roles, `credential_process`, containers, instances.
#[derive(Debug)]
pub(crate) struct CredentialChain {
    options: AwsOptions,
    loaded: Mutex<Option<Arc<Loaded>>>,
}

/// What was read from the environment and the profile.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) credentials: Credentials,
    pub(crate) config: SdkConfig,
    at: SystemTime,
}

impl Loaded {
    fn is_good(&self, now: SystemTime) -> bool {
        let end = self.credentials.expiry().map(|end| end - EARLY).unwrap_or(self.at + LONGEST);
        now < end
    }
}

impl CredentialChain {
    pub(crate) fn new(options: AwsOptions) -> Self {
        Self { options, loaded: Mutex::new(None) }
    }

    /// Returns credentials that are good for a while, and loads them if need be. Concurrent callers wait for one load.
    pub(crate) async fn get(&self) -> Result<Arc<Loaded>, Error> {
        let mut loaded = self.loaded.lock().await;
        if let Some(good) = loaded.as_ref().filter(|loaded| loaded.is_good(clock::now())) {
            return Ok(Arc::clone(good));
        }
        let fresh = Arc::new(self.load().await?);
        *loaded = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Loads credentials again after a refusal. Returns whether they differ from those that were refused.
    pub(crate) async fn renew(&self) -> Result<bool, Error> {
        let mut loaded = self.loaded.lock().await;
        let Some(refused) = loaded.take() else { return Ok(false) };
        let young = clock::now().duration_since(refused.at).is_ok_and(|age| age < FRESH);
        if young {
            *loaded = Some(refused);
            return Ok(false);
        }
        let fresh = self.load().await?;
        let changed = fresh.credentials != refused.credentials;
        *loaded = Some(Arc::new(fresh));
        Ok(changed)
    }

    async fn load(&self) -> Result<Loaded, Error> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https());
        if let Some(profile) = &self.options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(credentials) = &self.options.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        let config = loader.load().await;
        let provider =
            config.credentials_provider().ok_or_else(|| Error::Credentials("no provider".into()))?;
        let credentials =
            provider.provide_credentials().await.map_err(|error| Error::Credentials(error.into()))?;
        Ok(Loaded { credentials, config, at: clock::now() })
    }
}

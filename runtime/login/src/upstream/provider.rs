//! A provider of any kind.

use mcp_lambda_core::time::Deadline;
use url::Url;

use super::{
    Identity, UpstreamError, UpstreamRedemption, UpstreamRequest, UpstreamTokens, local::Local,
    oauth2::OAuth2, oidc::Oidc,
};

/// The provider that signs users in.
#[derive(Debug)]
pub(crate) enum Upstream {
    /// An OpenID provider.
    Oidc(Oidc),
    /// A provider of OAuth 2. Its API names the user.
    OAuth2(OAuth2),
    /// The users of this process.
    Local(Local),
}

impl Upstream {
    /// The URL at which the provider signs the user in.
    pub(crate) async fn authorization_url(
        &self,
        request: &UpstreamRequest<'_>,
        deadline: Deadline,
    ) -> Result<Url, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.authorization_url(request)).await,
            Self::OAuth2(oauth2) => Ok(oauth2.authorization_url(request)),
            Self::Local(local) => Ok(local.authorization_url(request)),
        }
    }

    /// Redeems the code that came back, and returns the user.
    pub(crate) async fn identity(
        &self,
        code: &str,
        redemption: &UpstreamRedemption<'_>,
        deadline: Deadline,
    ) -> Result<Identity, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.identity(code, redemption, deadline)).await,
            Self::OAuth2(oauth2) => in_time(deadline, oauth2.identity(code, redemption)).await,
            Self::Local(local) => local.identity(code, redemption),
        }
    }

    /// Exchanges a refresh token of the provider for new tokens. The refresh token stays if the provider returns no other.
    pub(crate) async fn refresh(
        &self,
        refresh_token: &str,
        deadline: Deadline,
    ) -> Result<UpstreamTokens, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.refresh(refresh_token)).await,
            Self::OAuth2(oauth2) => in_time(deadline, oauth2.refresh(refresh_token)).await,
            Self::Local(_) => Err(UpstreamError::Refused("unsupported_grant_type".to_owned())),
        }
    }
}

async fn in_time<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    tokio::time::timeout_at(deadline.instant(), work).await.unwrap_or(Err(UpstreamError::Timeout))
}

//! Why a request is not authenticated.

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request has no credentials, or the gateway has not authenticated its caller.
    #[error("authentication is required: send a bearer token in the Authorization header")]
    Missing,
    /// The `Authorization` header is not one bearer token.
    #[error("{0}")]
    Malformed(&'static str),
    /// The token is invalid. The text is the reason, and reveals nothing that the holder of the token does not know.
    #[error("{0}")]
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only the `jwt` feature checks tokens"))]
    InvalidToken(&'static str),
    /// The principal lacks at least one of these scopes.
    #[error("the caller needs the scope {}", .0.join(" "))]
    InsufficientScope(Vec<String>),
    /// The keys of the issuer are unavailable, so no token can be checked.
    #[error("tokens cannot be checked at the moment; the request may be retried")]
    Unavailable,
}

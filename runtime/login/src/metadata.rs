//! The metadata of the authorization server: <https://www.rfc-editor.org/rfc/rfc8414> (read 2026-11-28).

use mcp_lambda_core::config::LoginConfig;
use serde_json::{Value, json};

/// The paths of the endpoints, below that of the issuer.
pub(crate) const AUTHORIZE: &str = "/authorize";
pub(crate) const CALLBACK: &str = "/callback";
pub(crate) const CONSENT: &str = "/consent";
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REGISTER: &str = "/register";
pub(crate) const REVOKE: &str = "/revoke";
/// Where the MCP server has tokens of the provider refreshed. It is for no client, and not in the document.
pub(crate) const UPSTREAM: &str = "/upstream";
pub(crate) const JWKS: &str = "/.well-known/jwks.json";

/// The document, of a server that signs with this algorithm.
pub(crate) fn document(config: &LoginConfig, algorithm: &str) -> Value {
    let issuer = &config.issuer;
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZE}"),
        "token_endpoint": format!("{issuer}{TOKEN}"),
        "registration_endpoint": format!("{issuer}{REGISTER}"),
        "revocation_endpoint": format!("{issuer}{REVOKE}"),
        "jwks_uri": format!("{issuer}{JWKS}"),
        "scopes_supported": config.scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        // Clients that know only OpenID Connect require these two of a document that they find at its path.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
    })
}

/// Whether the document is at this path of the host: that of RFC 8414, which inserts the path of the issuer, and the two that
/// clients of OpenID Connect try.
pub(crate) fn is_at(path: &str, issuer_path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    ["oauth-authorization-server", "openid-configuration"].iter().any(|name| {
        let well_known = format!("/.well-known/{name}");
        path == well_known
            || path == format!("{well_known}{issuer_path}")
            || path == format!("{issuer_path}{well_known}")
    })
}

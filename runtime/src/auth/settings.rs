//! Who may call, as it is configured.

use std::{str::FromStr, time::Duration};

use http::Uri;

use super::ScopeTable;
use crate::{
    config::{
        AUTH, Env, JWT_ALGORITHMS, JWT_AUDIENCE, JWT_ISSUER, JWT_JWKS_URL, JWT_LEEWAY_SECONDS, JWT_SCOPES,
        PATH, PUBLIC_URL, SCOPE_HIERARCHY, TOOL_SCOPES, Variable, wrong,
    },
    error::ConfigError,
};

/// Who has to vouch for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Nobody: a caller that no front and no layer vouches for is anonymous.
    #[default]
    Open,
    /// The front: IAM or an authorizer. A request that came another way is refused.
    Gateway,
    /// An issuer, with a token that is checked here.
    Jwt,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Who has to vouch for a caller.
    pub mode: AuthMode,
    /// The tokens that are taken. With [`AuthMode::Front`], those that the front takes.
    pub jwt: Option<JwtConfig>,
    /// Where clients reach this server, without the endpoint's path and without a slash at its end.
    pub public_url: Option<String>,
    /// What a caller must be allowed for a tool.
    pub tools: ScopeTable,
    /// What a scope includes.
    pub hierarchy: ScopeTable,
}

/// Which tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtConfig {
    /// Who makes them: `iss`.
    pub issuer: String,
    /// What they must be meant for: one of these in `aud`.
    pub audience: Vec<String>,
    /// Where the issuer's keys are, unless its metadata says.
    pub jwks_url: Option<String>,
    /// How they may be signed.
    pub algorithms: Vec<TokenAlgorithm>,
    /// What every token must allow.
    pub scopes: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
}

/// How a token may be signed. There are no shared secrets here, and there is no `none`: whoever can check such a token
/// can also make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 7518 3.1 names them")]
pub enum TokenAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl FromStr for TokenAlgorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "EdDSA" => Self::EdDSA,
            _ => return Err(()),
        })
    }
}

impl JwtConfig {
    /// Tokens of this issuer for this audience, everything else as it is by default.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: vec![audience.to_owned()],
            jwks_url: None,
            algorithms: vec![TokenAlgorithm::RS256, TokenAlgorithm::ES256],
            scopes: Vec::new(),
            leeway: Duration::from_secs(30),
        }
    }
}

impl AuthConfig {
    /// Tokens of this issuer for this audience.
    #[must_use]
    pub fn tokens(jwt: JwtConfig) -> Self {
        Self { mode: AuthMode::Jwt, jwt: Some(jwt), ..Self::default() }
    }

    pub(crate) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let public_url = url(env, &PUBLIC_URL)?.map(|url| url.trim_end_matches('/').to_owned());
        let jwt = jwt(env, public_url.as_deref())?;
        Ok(Self {
            mode: mode(env, jwt.is_some())?,
            jwt,
            public_url,
            tools: table(env, &TOOL_SCOPES, "tool=scopes, as in publish_*=events:write audit")?,
            hierarchy: table(env, &SCOPE_HIERARCHY, "scope=scopes, as in admin=events:write")?,
        })
    }
}

fn mode(env: &Env<'_>, has_issuer: bool) -> Result<AuthMode, ConfigError> {
    match (env.get(&AUTH).as_deref(), has_issuer) {
        (None, false) | (Some("none"), false) => Ok(AuthMode::Open),
        (None, true) | (Some("jwt"), true) => Ok(AuthMode::Jwt),
        (Some("front"), _) => Ok(AuthMode::Gateway),
        (Some("jwt"), false) => Err(wrong(&JWT_ISSUER, "", "the URL of an issuer, since MCP_AUTH is jwt")),
        (Some("none"), true) => {
            Err(wrong(&AUTH, "none", "jwt or front, since MCP_JWT_ISSUER names whose tokens are taken"))
        }
        (Some(text), _) => Err(wrong(&AUTH, text, "none, jwt or front")),
    }
}

fn jwt(env: &Env<'_>, public_url: Option<&str>) -> Result<Option<JwtConfig>, ConfigError> {
    let Some(issuer) = url(env, &JWT_ISSUER)? else { return without_issuer(env) };
    let mut audience = words(env, &JWT_AUDIENCE);
    if audience.is_empty() {
        // A token that names nobody, or somebody else, was never meant to come here.
        let Some(base) = public_url else {
            return Err(wrong(
                &JWT_AUDIENCE,
                "",
                "what tokens are meant for, or MCP_PUBLIC_URL if that is this server's URL",
            ));
        };
        audience.push(format!("{base}{}", env.path(&PATH, "/mcp".into())?));
    }
    let mut config = JwtConfig { audience, ..JwtConfig::new(&issuer, "") };
    config.jwks_url = url(env, &JWT_JWKS_URL)?;
    config.scopes = scopes(env, &JWT_SCOPES)?;
    config.leeway = env.seconds(&JWT_LEEWAY_SECONDS, config.leeway, 0)?;
    if config.leeway > LARGEST_LEEWAY {
        let found = config.leeway.as_secs().to_string();
        return Err(wrong(&JWT_LEEWAY_SECONDS, &found, "300 at most: an expired token would live on"));
    }
    let algorithms = words(env, &JWT_ALGORITHMS);
    if !algorithms.is_empty() {
        config.algorithms = algorithms.iter().map(|name| algorithm(name)).collect::<Result<_, _>>()?;
    }
    Ok(Some(config))
}

/// A clock that is further off is broken.
const LARGEST_LEEWAY: Duration = Duration::from_secs(300);

/// What says something about tokens and not whose they are was meant to keep somebody out.
fn without_issuer(env: &Env<'_>) -> Result<Option<JwtConfig>, ConfigError> {
    for variable in [&JWT_AUDIENCE, &JWT_JWKS_URL, &JWT_ALGORITHMS, &JWT_SCOPES, &JWT_LEEWAY_SECONDS] {
        if env.get(variable).is_some() {
            let expected = format!("the URL of an issuer, since {} is set", variable.name);
            return Err(wrong(&JWT_ISSUER, "", &expected));
        }
    }
    Ok(None)
}

fn algorithm(name: &str) -> Result<TokenAlgorithm, ConfigError> {
    let expected = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA: signatures that only the issuer can make";
    name.parse().map_err(|()| wrong(&JWT_ALGORITHMS, name, expected))
}

/// Keys and tokens travel over these: only what stays on this machine may be plain text.
fn url(env: &Env<'_>, variable: &Variable) -> Result<Option<String>, ConfigError> {
    let Some(text) = env.get(variable) else { return Ok(None) };
    let fits = is_safe_url(&text) && !text.contains(['?', '#', '|', '"', '\\']);
    if fits {
        return Ok(Some(text));
    }
    Err(wrong(
        variable,
        &text,
        "an https URL without a query (http only for this machine), such as https://issuer.example.com",
    ))
}

/// Whether a URL is https, or does not leave this machine.
pub(crate) fn is_safe_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let Some(host) = uri.host().filter(|_| !text.contains('@')) else { return false };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

/// Separated by commas or spaces: neither can be in a scope or a client id.
fn words(env: &Env<'_>, variable: &Variable) -> Vec<String> {
    let text = env.get(variable).unwrap_or_default();
    text.split([',', ' ', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn scopes(env: &Env<'_>, variable: &Variable) -> Result<Vec<String>, ConfigError> {
    let scopes = words(env, variable);
    match scopes.iter().find(|scope| !is_scope(scope)) {
        Some(bad) => Err(wrong(variable, bad, "scopes such as mcp:call: visible ASCII without quotes")),
        None => Ok(scopes),
    }
}

/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
}

fn table(env: &Env<'_>, variable: &Variable, expected: &str) -> Result<ScopeTable, ConfigError> {
    let mut table = ScopeTable::default();
    let text = env.get(variable).unwrap_or_default();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, scopes) = entry.split_once('=').ok_or_else(|| wrong(variable, entry, expected))?;
        let scopes: Vec<_> = scopes.split_whitespace().collect();
        if name.trim().is_empty() || scopes.is_empty() || !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(wrong(variable, entry, expected));
        }
        table.add(name.trim(), scopes);
    }
    Ok(table)
}

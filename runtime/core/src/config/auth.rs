//! The variables of authentication and scopes.

use std::time::Duration;

use super::{
    AUTH, Env, JWT_ALGORITHMS, JWT_AUDIENCE, JWT_ISSUER, JWT_JWKS_URL, JWT_LEEWAY_SECONDS, JWT_SCOPES, PATH,
    PUBLIC_URL, SCOPE_HIERARCHY, TOOL_SCOPES, Variable, invalid_value,
};
use crate::{
    auth::{AuthConfig, AuthMode, JwtConfig, ScopeTable, TokenAlgorithm, is_safe_url},
    error::ConfigError,
};

pub(super) fn read(env: &Env<'_>) -> Result<AuthConfig, ConfigError> {
    let public_url = url(env, &PUBLIC_URL)?.map(|url| url.trim_end_matches('/').to_owned());
    let jwt = jwt(env, public_url.as_deref())?;
    Ok(AuthConfig {
        mode: mode(env, jwt.is_some())?,
        jwt,
        public_url,
        tools: table(env, &TOOL_SCOPES, "tool=scopes, as in publish_*=events:write audit")?,
        hierarchy: table(env, &SCOPE_HIERARCHY, "scope=scopes, as in admin=events:write")?,
    })
}

fn mode(env: &Env<'_>, has_issuer: bool) -> Result<AuthMode, ConfigError> {
    match (env.get(&AUTH).as_deref(), has_issuer) {
        (None, false) | (Some("none"), false) => Ok(AuthMode::Open),
        (None, true) | (Some("jwt"), true) => Ok(AuthMode::Jwt),
        (Some("gateway" | "front"), _) => Ok(AuthMode::Gateway),
        (Some("jwt"), false) => {
            Err(invalid_value(&JWT_ISSUER, "", "the URL of an issuer, since MCP_AUTH is jwt"))
        }
        (Some("none"), true) => {
            Err(invalid_value(&AUTH, "none", "jwt or gateway, since MCP_JWT_ISSUER is set"))
        }
        (Some(text), _) => Err(invalid_value(&AUTH, text, "none, jwt or gateway")),
    }
}

fn jwt(env: &Env<'_>, public_url: Option<&str>) -> Result<Option<JwtConfig>, ConfigError> {
    let Some(issuer) = url(env, &JWT_ISSUER)? else { return without_issuer(env) };
    let mut audience = words(env, &JWT_AUDIENCE);
    if audience.is_empty() {
        // Without an audience, the server would accept tokens that the issuer made for other servers.
        let Some(base) = public_url else {
            return Err(invalid_value(
                &JWT_AUDIENCE,
                "",
                "an audience that tokens name, or MCP_PUBLIC_URL if that is this server's URL",
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
        return Err(invalid_value(
            &JWT_LEEWAY_SECONDS,
            &found,
            "300 at most: expired tokens are accepted for that long",
        ));
    }
    let algorithms = words(env, &JWT_ALGORITHMS);
    if !algorithms.is_empty() {
        config.algorithms = algorithms.iter().map(|name| algorithm(name)).collect::<Result<_, _>>()?;
    }
    Ok(Some(config))
}

/// The largest leeway that can be configured. A larger difference of clocks is a fault of one of them.
const LARGEST_LEEWAY: Duration = Duration::from_secs(300);

/// JWT settings without an issuer are an error: ignoring them would leave the server open.
fn without_issuer(env: &Env<'_>) -> Result<Option<JwtConfig>, ConfigError> {
    for variable in [&JWT_AUDIENCE, &JWT_JWKS_URL, &JWT_ALGORITHMS, &JWT_SCOPES, &JWT_LEEWAY_SECONDS] {
        if env.get(variable).is_some() {
            let expected = format!("the URL of an issuer, since {} is set", variable.name);
            return Err(invalid_value(&JWT_ISSUER, "", &expected));
        }
    }
    Ok(None)
}

fn algorithm(name: &str) -> Result<TokenAlgorithm, ConfigError> {
    let expected =
        "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA, which need a private key";
    name.parse().map_err(|_| invalid_value(&JWT_ALGORITHMS, name, expected))
}

/// A URL at which keys or tokens are sent: https, or http to a loopback address.
fn url(env: &Env<'_>, variable: &Variable) -> Result<Option<String>, ConfigError> {
    let Some(text) = env.get(variable) else { return Ok(None) };
    let is_valid = is_safe_url(&text) && !text.contains(['?', '#', '|', '"', '\\']);
    if is_valid {
        return Ok(Some(text));
    }
    Err(invalid_value(
        variable,
        &text,
        "an https URL without a query (http only for loopback addresses), such as https://issuer.example.com",
    ))
}

/// The words of a list, separated by commas or spaces. Neither scopes nor client ids contain these.
pub(super) fn words(env: &Env<'_>, variable: &Variable) -> Vec<String> {
    let text = env.get(variable).unwrap_or_default();
    text.split([',', ' ', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub(super) fn scopes(env: &Env<'_>, variable: &Variable) -> Result<Vec<String>, ConfigError> {
    let scopes = words(env, variable);
    match scopes.iter().find(|scope| !is_scope(scope)) {
        Some(invalid) => {
            Err(invalid_value(variable, invalid, "scopes such as mcp:call: visible ASCII without quotes"))
        }
        None => Ok(scopes),
    }
}

/// Whether a text is a scope: <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
}

fn table(env: &Env<'_>, variable: &Variable, expected: &str) -> Result<ScopeTable, ConfigError> {
    let mut table = ScopeTable::default();
    let text = env.get(variable).unwrap_or_default();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, scopes) = entry.split_once('=').ok_or_else(|| invalid_value(variable, entry, expected))?;
        let scopes: Vec<_> = scopes.split_whitespace().collect();
        if name.trim().is_empty() || scopes.is_empty() || !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(invalid_value(variable, entry, expected));
        }
        table.add(name.trim(), scopes);
    }
    Ok(table)
}

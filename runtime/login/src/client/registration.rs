//! Clients that register themselves: <https://www.rfc-editor.org/rfc/rfc7591> (read 2026-11-28).
//!
//! Nothing is stored: the `client_id` is the registration itself, sealed. So a flood of registrations fills no table, and a
//! registration lives as long as the key that sealed it.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_lambda_core::{
    error::StoreError,
    session::{StateScope, StateStore},
    time::{Clock, Timestamp},
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::{Client, redirect_uri};
use crate::{
    error::OAuthError,
    keys::{self, Keys, Purpose},
    limits,
};

/// What the id of a registered client begins with.
pub(crate) const PREFIX: &str = "dcr.";

/// What a client has registered, in a short form: it is part of each request of the client.
#[derive(Debug, Serialize, Deserialize)]
struct Registration {
    #[serde(rename = "r")]
    redirect_uris: Vec<String>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none", default)]
    uri: Option<Url>,
}

/// The client of a sealed registration. `None`: no key of this server has sealed it.
pub(super) fn client(keys: &Keys, id: &str, sealed: &str) -> Option<Client> {
    let Registration { redirect_uris, name, uri } = keys.open(Purpose::Registration, sealed)?;
    let digest = digest(&SHA256, id.as_bytes()).as_ref().try_into().ok()?;
    Some(Client { id: id.to_owned(), name, uri, redirect_uris, verified_host: None, digest })
}

/// Registers a client, and returns the response.
pub(crate) fn register(keys: &Keys, body: &[u8], now: Timestamp) -> Result<Value, OAuthError> {
    let invalid = |text: &'static str| OAuthError::invalid_client_metadata(text);
    let metadata: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| invalid("the body is not a JSON object"))?;
    let registration = read(&metadata)?;
    let sealed = keys.seal(Purpose::Registration, &registration).ok_or_else(OAuthError::server_error)?;
    let id = format!("{PREFIX}{sealed}");
    if id.len() > limits::CLIENT_ID {
        return Err(invalid("the redirect URIs and the name together are too long"));
    }
    let mut response = json!({
        "client_id": id,
        "client_id_issued_at": now.epoch_seconds(),
        "redirect_uris": registration.redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    if let Some(name) = registration.name {
        response["client_name"] = name.into();
    }
    if let Some(uri) = registration.uri {
        response["client_uri"] = uri.as_str().into();
    }
    // Echoed, because some clients compare what they get with what they asked for.
    for field in ["scope", "application_type"] {
        if let Some(text) = metadata.get(field).and_then(Value::as_str).filter(|text| text.len() <= 1024) {
            response[field] = text.into();
        }
    }
    Ok(response)
}

fn read(metadata: &Map<String, Value>) -> Result<Registration, OAuthError> {
    let invalid = |text: &str| OAuthError::invalid_client_metadata(text.to_owned());
    let redirect = |text: &str| OAuthError::invalid_redirect_uri(text.to_owned());
    let uris = metadata.get("redirect_uris").and_then(Value::as_array);
    let uris = uris.filter(|uris| !uris.is_empty()).ok_or_else(|| redirect("redirect_uris is missing"))?;
    if uris.len() > limits::REDIRECT_URIS {
        return Err(redirect(&format!("there are more than {} redirect URIs", limits::REDIRECT_URIS)));
    }
    let mut redirect_uris = Vec::new();
    for uri in uris {
        let uri = uri.as_str().ok_or_else(|| redirect("a redirect URI is not a text"))?;
        redirect_uri::check_redirect(uri).map_err(|error| redirect(&format!("a redirect URI {error}")))?;
        redirect_uris.push(uri.to_owned());
    }
    if redirect_uris.iter().map(String::len).sum::<usize>() > limits::ALL_REDIRECT_URIS {
        let limit = limits::ALL_REDIRECT_URIS;
        return Err(redirect(&format!("the redirect URIs together are longer than {limit} bytes")));
    }
    let includes = |field: &str, needed: &str| match metadata.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.iter().any(|item| item == needed),
        Some(_) => false,
    };
    if !includes("grant_types", "authorization_code") || !includes("response_types", "code") {
        return Err(invalid("grant_types must include authorization_code, and response_types code"));
    }
    // A client that asks for a secret gets none: the method in the response is `none`. RFC 7591, 2.
    Ok(Registration { redirect_uris, name: name(metadata)?, uri: uri(metadata)? })
}

fn name(metadata: &Map<String, Value>) -> Result<Option<String>, OAuthError> {
    let invalid = |text: &str| OAuthError::invalid_client_metadata(text.to_owned());
    let Some(name) = metadata.get("client_name").filter(|name| !name.is_null()) else { return Ok(None) };
    let name = name.as_str().ok_or_else(|| invalid("client_name is not a text"))?.trim();
    if name.chars().count() > limits::CLIENT_NAME || name.chars().any(char::is_control) {
        let limit = limits::CLIENT_NAME;
        return Err(invalid(&format!("client_name has more than {limit} characters, or control characters")));
    }
    Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn uri(metadata: &Map<String, Value>) -> Result<Option<Url>, OAuthError> {
    let Some(uri) = metadata.get("client_uri").and_then(Value::as_str) else { return Ok(None) };
    let parsed = Url::parse(uri).ok().filter(|parsed| parsed.scheme() == "https" && uri.len() <= 256);
    // It is shown at most, so one that is no page is left out.
    Ok(parsed)
}

/// The number of registrations of the running minute, in the store and, for as long as there are too many, in the process.
#[derive(Debug)]
pub(crate) struct RegistrationLimit {
    per_minute: usize,
    per_address: usize,
    /// The minute in which the store has refused all, or one of these addresses.
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    minute: u64,
    all: bool,
    addresses: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Count {
    total: usize,
    addresses: std::collections::BTreeMap<String, usize>,
}

/// How often a count is written that another environment writes at the same time.
const TRIES: usize = 8;
const KEY: &str = "count";

impl RegistrationLimit {
    pub(crate) fn new(per_minute: usize) -> Self {
        // The clients of a whole company, or of a service that connects for its users, share a few addresses. One of them cannot
        // use up the minute of all others.
        Self { per_minute, per_address: (per_minute / 2).max(1), refused: Mutex::default() }
    }

    /// Counts a registration.
    ///
    /// # Errors
    ///
    /// When there were too many in this minute.
    pub(crate) async fn count(
        &self,
        store: &dyn StateStore,
        clock: &Clock,
        client: Option<IpAddr>,
    ) -> Result<(), OAuthError> {
        let now = clock.now();
        let minute = now.epoch_seconds() / 60;
        // Not the address itself: the table is no place for it.
        let address = keys::hash(&[&client.map(network).unwrap_or_default()]).to_string();
        if self.is_refused(minute, &address) {
            return Err(too_many());
        }
        let scope = StateScope::Login(format!("REGISTRATIONS#{minute}"));
        let expires_at = now.plus(std::time::Duration::from_secs(120));
        for _ in 0..TRIES {
            let found = store.state(&scope, KEY).await?;
            let (mut count, rev) = match found {
                Some(found) => (serde_json::from_value(found.value).unwrap_or_default(), found.rev),
                None => (Count::default(), 0),
            };
            let of_address = count.addresses.entry(address.clone()).or_default();
            if *of_address >= self.per_address || count.total >= self.per_minute {
                self.refuse(minute, address, count.total >= self.per_minute);
                return Err(too_many());
            }
            *of_address += 1;
            count.total += 1;
            let value = serde_json::to_value(&count).map_err(|_| OAuthError::server_error())?;
            match store.put_state(&scope, KEY, &value, rev, expires_at).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_many())
    }

    fn is_refused(&self, minute: u64, address: &String) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.minute == minute && (refused.all || refused.addresses.contains(address))
    }

    fn refuse(&self, minute: u64, address: String, all: bool) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.minute != minute {
            *refused = Refused { minute, ..Refused::default() };
        }
        refused.all |= all;
        if refused.addresses.len() < self.per_minute {
            refused.addresses.push(address);
        }
    }
}

fn too_many() -> OAuthError {
    OAuthError::too_many_requests(
        "too many clients have registered in this minute: try again in the next one",
    )
}

/// The address, or of IPv6 the network of one customer: <https://www.rfc-editor.org/rfc/rfc6177> (read 2026-11-28).
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => URL_SAFE_NO_PAD.encode(&address.octets()[..7]),
    }
}

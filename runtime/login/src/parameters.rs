//! The parameters of a request, in its query or in its form.

use std::{borrow::Cow, collections::BTreeMap};

use url::form_urlencoded;

use crate::{error::OAuthError, limits};

/// The parameters of a request. None of them is there twice:
/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.1> (read 2026-11-28).
pub(crate) struct Parameters<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Parameters<'a> {
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, OAuthError> {
        Self::read_with(text, limit_of)
    }

    /// The parameters of what this server has sealed, or of a response of the upstream provider: its `state` is a sealed request.
    pub(crate) fn read_without_limits(text: &'a [u8]) -> Result<Self, OAuthError> {
        Self::read_with(text, |_| None)
    }

    fn read_with(text: &'a [u8], limit_of: fn(&str) -> Option<usize>) -> Result<Self, OAuthError> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if found.len() >= limits::PARAMETERS {
                let description = format!("the request has more than {} parameters", limits::PARAMETERS);
                return Err(OAuthError::invalid_request(description));
            }
            // An empty value counts as none.
            if value.is_empty() {
                continue;
            }
            if let Some(limit) = limit_of(&name).filter(|limit| value.len() > *limit) {
                let description = format!("{name} is longer than {limit} bytes");
                return Err(OAuthError::invalid_request(description));
            }
            if found.contains_key(&name) {
                return Err(match name.as_ref() {
                    "resource" => OAuthError::invalid_target(
                        "resource is there twice: ask for the tokens of each server in a request of its own",
                    ),
                    _ => OAuthError::invalid_request("a parameter is there twice"),
                });
            }
            found.insert(name, value);
        }
        Ok(Self(found))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }
}

/// The longest values of the parameters that are kept for a while or are compared with others.
fn limit_of(name: &str) -> Option<usize> {
    match name {
        "state" => Some(limits::STATE),
        "redirect_uri" | "resource" => Some(limits::REDIRECT_URI),
        "client_id" => Some(limits::CLIENT_ID),
        "scope" => Some(limits::SCOPES * (limits::SCOPE + 1)),
        "code_challenge" | "code_verifier" | "code_challenge_method" | "response_type" | "grant_type" => {
            Some(128)
        }
        _ => None,
    }
}

//! How a person signs in.

use std::{path::PathBuf, time::Duration};

use super::browser::Browser;

/// How a person signs in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OAuthConfig {
    /// What opens the page of the authorization server. Default: the system's browser.
    pub browser: Browser,
    /// The id of a client that is registered with the authorization server. Default: none, so that the client registers
    /// itself.
    pub client_id: Option<String>,
    /// The HTTPS URL of a client id metadata document, which authorization servers that support it use in place of a
    /// registration. Default: none.
    pub client_metadata_url: Option<String>,
    /// The scopes to ask for. Default: those that the server names.
    pub scopes: Vec<String>,
    /// The port of the redirection on 127.0.0.1. Default: a free one.
    pub port: u16,
    /// How long the person has for it. Default: 5 minutes.
    pub timeout: Duration,
    /// The folder of the token files. Default: the place of the operating system for data of programs.
    pub token_folder: Option<PathBuf>,
}

impl Default for OAuthConfig {
    fn default() -> Self {
        Self {
            browser: Browser::System,
            client_id: None,
            client_metadata_url: None,
            scopes: Vec::new(),
            port: 0,
            timeout: Duration::from_secs(300),
            token_folder: None,
        }
    }
}

//! Tokens in files, one for each server, which only their owner can read.

use std::{
    fs::{self, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use rmcp::transport::auth::{AuthError, CredentialRefreshGuard, CredentialStore, StoredCredentials};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::Url;

use crate::{Error, private};

/// How long another process may take to refresh the tokens, and how often this one looks.
const LOCKED: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The file of the tokens of one server.
#[derive(Debug, Clone)]
pub(super) struct TokenFile(PathBuf);

impl TokenFile {
    /// The file of a server. Its name is a hash of the URL: URLs have characters that names of files cannot have.
    pub(super) fn of(folder: Option<&Path>, server: &Url) -> Result<Self, Error> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => private::data_folder("tokens")
                .map_err(|error| Error::Authorization(format!("there is no folder for tokens: {error}")))?,
        };
        let mut resource = server.clone();
        resource.set_fragment(None);
        let hash = Sha256::digest(resource.as_str().as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(folder.join(format!("{name}.json"))))
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    fn read(&self) -> io::Result<Option<StoredCredentials>> {
        match fs::read(&self.0) {
            // A file of another version, or one that was cut: the person signs in again.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes another file and renames it, so that a reader never sees half of one.
    fn write(&self, credentials: &StoredCredentials) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        private::create_folder(folder)?;
        let next = self.0.with_extension(format!("{}.next", std::process::id()));
        let mut file = private::create_file(&next)?;
        file.write_all(&serde_json::to_vec(credentials)?)?;
        file.sync_all()?;
        fs::rename(&next, &self.0)
    }
}

#[async_trait]
impl CredentialStore for TokenFile {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        self.read().map_err(|error| self.failed(&error))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        self.write(&credentials).map_err(|error| self.failed(&error))
    }

    async fn clear(&self) -> Result<(), AuthError> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    /// Several proxies of one server refresh one after another: a refresh token may be good for one use only.
    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let path = self.0.with_extension("lock");
        let file = private::create_file(&path).map_err(|error| self.failed(&error))?;
        let deadline = Instant::now() + LOCKED;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(CredentialRefreshGuard::new(file))),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(self.failed(&error.into())),
            }
        }
    }
}

impl TokenFile {
    fn failed(&self, error: &io::Error) -> AuthError {
        AuthError::CredentialStoreError(format!("{}: {error}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("mcp-lambda-{}-{name}", std::process::id()))
    }

    #[tokio::test]
    async fn only_the_owner_can_read_tokens() {
        let folder = folder("tokens-private");
        let server = Url::parse("https://mcp.example.com/mcp").expect("a URL");
        let file = TokenFile::of(Some(&folder), &server).expect("a file");
        let credentials = StoredCredentials::new("a client".to_owned(), None, Vec::new(), None);
        file.save(credentials).await.expect("saved");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&file.0), 0o600);
            assert_eq!(mode(&folder), 0o700);
        }
        assert_eq!(file.load().await.expect("read").expect("stored").client_id, "a client");
        file.clear().await.expect("cleared");
        assert!(file.load().await.expect("read").is_none());
        file.clear().await.expect("nothing to clear is no error");
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn each_server_has_a_file_of_its_own() {
        let file = |url: &str| {
            TokenFile::of(Some(Path::new("/t")), &Url::parse(url).expect("a URL")).expect("a file").0
        };
        assert_ne!(file("https://a.example/mcp"), file("https://a.example/other"));
        assert_eq!(file("https://a.example/mcp"), file("https://A.example/mcp#x"));
    }
}

//! The URL of a database, and how its connections are encrypted.

use std::{fs, path::Path, str::FromStr, sync::Arc};

use mcp_lambda_core::config::PostgresUrl;
use percent_encoding::percent_decode_str;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{database::LONGEST_WAIT, error::OpenError};

/// A database, as its URL names it.
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
    /// The URL without user, password and settings.
    pub(crate) shown: String,
}

impl Address {
    pub(crate) fn of(url: &PostgresUrl) -> Result<Self, OpenError> {
        let shown = url.to_string();
        let problem = |text: String| OpenError::Url(format!("{shown}: {text}"));
        let (rest, settings) = url.expose().split_once('?').unwrap_or((url.expose(), ""));
        let (mut mode, mut roots, mut kept) = (None, None, Vec::new());
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            match setting.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", path)) => roots = Some(percent_decode_str(path).decode_utf8_lossy()),
                _ => kept.push(setting),
            }
        }
        // The text of the library's error has no value of the URL.
        let mut config = Config::from_str(&format!("{rest}?{}", kept.join("&")))
            .map_err(|error| problem(format!("the URL cannot be read: {error}")))?;
        let is_encrypted = match mode {
            Some("disable") => false,
            Some("require" | "verify-full") => true,
            None => !is_local(&config),
            Some(other) => {
                return Err(problem(format!(
                    "sslmode is {other:?}: expected disable, require or verify-full"
                )));
            }
        };
        config.ssl_mode(if is_encrypted { SslMode::Require } else { SslMode::Disable });
        if config.get_application_name().is_none() {
            config.application_name("mcp-lambda-server");
        }
        config
            .connect_timeout(config.get_connect_timeout().copied().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT));
        let tls = tls(is_encrypted, roots.as_deref().map(Path::new)).map_err(problem)?;
        Ok(Self { config, tls, shown })
    }
}

/// Whether all hosts are this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

/// TLS with certificates of this file, else of the operating system. Certificates are checked, with the name of the host.
fn tls(is_used: bool, file: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    match file.filter(|_| is_used) {
        Some(path) => {
            let shown = path.display();
            let pem = fs::read(path).map_err(|error| format!("sslrootcert={shown}: {error}"))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
                added.ok_or_else(|| {
                    format!("sslrootcert={shown}: the file has a certificate that cannot be read")
                })?;
            }
            if roots.is_empty() {
                return Err(format!("sslrootcert={shown}: the file has no certificate in PEM format"));
            }
        }
        None if is_used => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Address, OpenError> {
        Address::of(&url.parse().expect("a URL"))
    }

    #[test]
    fn connections_to_other_machines_are_encrypted_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgres://localhost/mcp", SslMode::Disable),
            ("postgres://127.0.0.1/mcp", SslMode::Disable),
            ("postgres:///mcp?host=/run/postgresql", SslMode::Disable),
            ("postgres://db.example/mcp", SslMode::Require),
            ("postgres://localhost,db.example/mcp", SslMode::Require),
            ("postgres://localhost/mcp?sslmode=require", SslMode::Require),
            ("postgresql://db.example/mcp?sslmode=verify-full&application_name=a", SslMode::Require),
            ("postgres://db.example/mcp?sslmode=disable", SslMode::Disable),
        ] {
            let address = of(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(address.config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn an_unusable_url_is_refused_without_its_password() {
        for (url, problem) in [
            ("postgres://me:pass@db.example/mcp?sslmode=prefer", "sslmode is \"prefer\": expected disable"),
            (
                "postgres://me:pass@db.example/mcp?sslrootcert=/none.pem",
                "sslrootcert=/none.pem: No such file",
            ),
            ("postgres://me:pass@db.example/mcp?sslrootcert=/dev/null", "the file has no certificate"),
            ("postgres://me:pass@db.example:port/mcp", "the URL cannot be read"),
            ("postgres://me:pass@db.example/mcp?pass=pass", "the URL cannot be read"),
        ] {
            let error = of(url).err().unwrap_or_else(|| panic!("{url} is taken")).to_string();
            assert!(error.starts_with("postgres://db.example"), "{error}");
            assert!(error.contains(problem) && !error.contains("me:"), "{error}");
        }
    }
}

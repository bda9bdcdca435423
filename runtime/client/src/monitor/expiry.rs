//! When the access token of the caller, and the certificate of the server, end.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use x509_cert::{Certificate, der::Decode};

use crate::{check::Target, clock};

/// The seconds until the first of both ends; negative if it has. `None` if neither is known.
pub(super) fn of(target: &Target, certificate: Option<&[u8]>) -> Option<f64> {
    let ends = [target.token.as_deref().and_then(end_of_token), certificate.and_then(end_of_certificate)];
    let first = ends.into_iter().flatten().min_by(f64::total_cmp)?;
    let now = clock::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(first - now.as_secs_f64())
}

/// The end of a certificate in DER, in seconds since 1970. That it is valid was checked with the handshake.
fn end_of_certificate(der: &[u8]) -> Option<f64> {
    let certificate = Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs_f64())
}

/// The claim `exp` of a JWT, in seconds since 1970. Its signature is the server's to check.
fn end_of_token(token: &str) -> Option<f64> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims["exp"].as_f64()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A certificate that ends on 2029-08-23 at 22:42:21.
    const CERTIFICATE: &str = "MIIBcTCCARegAwIBAgIULqLREHXzPc46h4FEsPp+vzQT+vMwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDbWNwMB4XDTI2\
        MTEyNzIyNDIyMVoXDTI5MDgyMzIyNDIyMVowDjEMMAoGA1UEAwwDbWNwMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHIrEiiPkLni3ncQiMGvT+b1CPG55\
        dsNG8TyDFqqOoT3h0XG+FoG7ao2JAxz//qKOyNIg15V8hH1MWF5aqa/HX6NTMFEwHQYDVR0OBBYEFPZTT51AreRNerzACmsw/eEBjAI/MB8GA1UdIwQYMBaA\
        FPZTT51AreRNerzACmsw/eEBjAI/MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMwEyz7UXw1pZiMo/KwcEWT5nZb2zYQw+toG1DdyLxkD\
        AiA7Mdnpz/MP+V771SngVQM6lnLqa7EVFWU/3mlZXq1Eww==";

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let der = STANDARD.decode(CERTIFICATE).expect("base64");
        assert_eq!(end_of_certificate(&der), Some(1_882_219_341.0));
        assert_eq!(end_of_certificate(&der[..der.len() - 1]), None);
    }

    #[test]
    fn the_end_of_a_token_is_that_of_its_claim() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"ada","exp":1800000000}"#);
        assert_eq!(end_of_token(&format!("e30.{payload}.x")), Some(1_800_000_000.0));
        for text in ["", "opaque", "a.b.c", "a..c"] {
            assert_eq!(end_of_token(text), None, "{text}");
        }
    }
}

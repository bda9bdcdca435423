//! A check of signatures, written from
//! [the description of SigV4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html) and not
//! from the code that signs.

use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Uri};
use ring::{digest, hmac};

/// The key that a caller may sign with.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// Of temporary credentials.
    pub(crate) token: Option<String>,
}

/// What a signature has to be made for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) keys: Vec<Key>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
}

/// AWS accepts clocks that differ by 5 minutes.
const SKEW: Duration = Duration::from_secs(300);

/// Says why a request is refused, and who sent it if it is not.
pub(crate) fn check(
    wanted: &Wanted,
    method: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<String, String> {
    let authorization = header(headers, "authorization")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        let found = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("no {name}"))
    };
    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [id, date, region, service, "aws4_request"] = scope[..] else { return Err("a strange scope".into()) };
    if (region, service) != (wanted.region, wanted.service) {
        return Err(format!("Credential should be scoped to {}/{}", wanted.region, wanted.service));
    }
    let key = wanted.keys.iter().find(|key| key.id == id).ok_or("The security token is invalid")?;
    let time = header(headers, "x-amz-date")?;
    if !time.starts_with(date) || distance(time, now)? > SKEW {
        return Err("Signature expired".into());
    }
    if headers.get("x-amz-security-token").map(|token| token.to_str().unwrap()) != key.token.as_deref() {
        return Err("The security token included in the request is invalid".into());
    }
    let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    if header(headers, "x-amz-content-sha256")? != hash {
        return Err("The body is not the one that was hashed".into());
    }
    let signed: Vec<&str> = field("SignedHeaders")?.split(';').collect();
    for needed in ["host", "x-amz-date"] {
        if !signed.contains(&needed) {
            return Err(format!("{needed} is not signed"));
        }
    }
    let canonical = canonical(method, uri, headers, &signed, &hash)?;
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{canonical}");
    let mut signing = format!("AWS4{}", key.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        signing = mac(&signing, part);
    }
    let expected = hex(&mac(&signing, &text));
    if field("Signature")? == expected {
        Ok(id.to_owned())
    } else {
        Err("The signature does not match".into())
    }
}

fn canonical(
    method: &str,
    uri: &Uri,
    headers: &HeaderMap,
    signed: &[&str],
    hash: &str,
) -> Result<String, String> {
    let mut text = format!("{method}\n{}\n", encoded(uri.path(), true));
    let mut query: Vec<&str> =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    writeln!(text, "{}", query.join("&")).unwrap();
    for name in signed {
        writeln!(text, "{name}:{}", header(headers, name)?.trim()).unwrap();
    }
    write!(text, "\n{}\n{hash}", signed.join(";")).unwrap();
    Ok(text)
}

/// The path as it arrived, encoded once more.
fn encoded(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if keep_slash => encoded.push('/'),
            _ => write!(encoded, "%{byte:02X}").unwrap(),
        }
    }
    encoded
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, String> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| format!("Missing {name}"))
}

/// How far `YYYYMMDDTHHMMSSZ` is from a time.
fn distance(text: &str, now: SystemTime) -> Result<Duration, String> {
    let at = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u64>().ok());
    let parts = (at(0..4), at(4..6), at(6..8), at(9..11), at(11..13), at(13..15));
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) = parts else {
        return Err("a strange date".into());
    };
    // Days from the civil calendar (Howard Hinnant's algorithm).
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let then =
        SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second);
    Ok(now.duration_since(then).or_else(|_| then.duration_since(now)).unwrap())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

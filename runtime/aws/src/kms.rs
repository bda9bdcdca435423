//! Keys of AWS KMS that sign.
//!
//! `Sign` and `GetPublicKey` are signed requests and not calls of `aws-sdk-kms`, as those of Secrets Manager.

use std::fmt;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use der::{Decode, Reader, SliceReader, asn1::UintRef};
use http::Request;
use mcp_lambda_core::{
    http::BoxError,
    keys::{P256Point, P256Signature, SigningKey},
    time::Clock,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    sdk::AwsSdk,
    signed::{Place, Service, SignedClient, service_error, text},
};

const SERVICE: Service = Service { id: "KMS", name: "kms" };
/// The key spec of the keys, as KMS names the curve P-256.
const KEY_SPEC: &str = "ECC_NIST_P256";
/// What stands before the point in a `SubjectPublicKeyInfo` on P-256: <https://www.rfc-editor.org/rfc/rfc5480#section-2> (read
/// 2026-11-28).
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key of KMS on the curve P-256. Nothing is sent before it signs or is read.
pub struct KmsKey {
    client: SignedClient,
    arn: String,
    id: String,
    place: Place,
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html> (read 2026-11-28).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    key_spec: String,
    public_key: String,
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html> (read 2026-11-28).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    signature: String,
}

impl KmsKey {
    /// The key with an ARN.
    ///
    /// # Errors
    ///
    /// If the text is no ARN of a key.
    pub fn deferred(aws: AwsSdk, arn: &str, clock: Clock) -> Result<Self, BoxError> {
        let parts: Vec<_> = arn.split(':').collect();
        let ["arn", partition, "kms", region, _, key] = parts[..] else {
            return Err("it is no ARN of a key of KMS".into());
        };
        let id = key.strip_prefix("key/").ok_or("it is an alias: give the ARN of its key")?;
        let place = Place { partition: partition.to_owned(), region: region.to_owned() };
        let client = SignedClient::new(aws, clock, SERVICE);
        Ok(Self { client, arn: arn.to_owned(), id: id.to_owned(), place })
    }

    async fn call<T: DeserializeOwned>(&self, operation: &'static str, input: &Value) -> Result<T, BoxError> {
        let failed = |error: &BoxError| self.failed(operation, error);
        let url = self.client.endpoint(&self.place).await.map_err(|error| failed(&error))?;
        let request = Request::post(format!("{url}/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(Bytes::from(input.to_string()))?;
        let body = self.client.send(operation, &self.place, request).await.map_err(|error| failed(&error))?;
        serde_json::from_slice(&body)
            .map_err(|error| format!("the response of kms:{operation} is malformed: {error}").into())
    }

    fn failed(&self, operation: &str, error: &BoxError) -> BoxError {
        let hint = match service_error(error).map(|error| error.code.as_str()) {
            Some("AccessDeniedException") => {
                " (the IAM role may not do this: grant it kms:Sign and kms:GetPublicKey on the key)"
            }
            Some("NotFoundException") => " (there is no such key: check the ARN and the region)",
            Some("DisabledException" | "KMSInvalidStateException") => {
                " (the key is disabled, or is to be deleted: enable it, or cancel its deletion)"
            }
            Some("InvalidKeyUsageException" | "ValidationException") => {
                " (the key has to have the key spec ECC_NIST_P256 and the usage SIGN_VERIFY)"
            }
            _ => "",
        };
        format!("kms:{operation} failed for {}{hint}: {}", self.arn, text(error)).into()
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKey").field("arn", &self.arn).finish_non_exhaustive()
    }
}

#[async_trait]
impl SigningKey for KmsKey {
    fn id(&self) -> &str {
        &self.id
    }

    async fn public_key(&self) -> Result<P256Point, BoxError> {
        let found: PublicKey = self.call("GetPublicKey", &json!({ "KeyId": self.arn })).await?;
        if found.key_spec != KEY_SPEC {
            return Err(format!("{} has the key spec {}, not {KEY_SPEC}", self.arn, found.key_spec).into());
        }
        point(&found.public_key).ok_or_else(|| "the public key of kms:GetPublicKey is not on P-256".into())
    }

    async fn sign(&self, message: &[u8]) -> Result<P256Signature, BoxError> {
        let input = json!({
            "KeyId": self.arn,
            "Message": STANDARD.encode(Sha256::digest(message)),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        let signed: Signed = self.call("Sign", &input).await?;
        signature(&signed.signature).ok_or_else(|| "the signature of kms:Sign is not one of P-256".into())
    }
}

/// The point of a public key in base64.
fn point(text: &str) -> Option<P256Point> {
    let bytes = STANDARD.decode(text).ok()?;
    bytes.strip_prefix(&BEFORE_POINT)?.try_into().ok().filter(|point: &P256Point| point[0] == 4)
}

/// The numbers of a DER signature in base64, each with 32 bytes: <https://www.rfc-editor.org/rfc/rfc7518#section-3.4> (read
/// 2026-11-28).
fn signature(text: &str) -> Option<P256Signature> {
    let bytes = STANDARD.decode(text).ok()?;
    let mut reader = SliceReader::new(&bytes).ok()?;
    let (r, s) = reader
        .sequence(|numbers| Ok::<_, der::Error>((UintRef::decode(numbers)?, UintRef::decode(numbers)?)))
        .ok()?;
    reader.finish().ok()?;
    let mut signature = [0; 64];
    let (left, right) = signature.split_at_mut(32);
    for (half, number) in [(left, r), (right, s)] {
        let number = number.as_bytes();
        half.get_mut(32_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
    }
    Some(signature)
}

#[cfg(test)]
mod tests {
    use mcp_lambda_core::config::TlsRoots;

    use super::*;

    fn der(numbers: &[&[u8]]) -> String {
        let numbers: Vec<u8> = numbers
            .iter()
            .flat_map(|number| [&[2, u8::try_from(number.len()).expect("short")], *number].concat())
            .collect();
        STANDARD.encode([&[0x30, u8::try_from(numbers.len()).expect("short")], &numbers[..]].concat())
    }

    #[test]
    fn numbers_of_a_signature_have_32_bytes_each() {
        let long = [&[0][..], &[0xff; 32]].concat();
        let read = signature(&der(&[&long, &[1]])).expect("a signature");
        assert_eq!(read[..32], [0xff; 32]);
        assert_eq!((&read[32..63], read[63]), (&[0; 31][..], 1));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let too_long = [1; 33];
        let good = der(&[&[1], &[2]]);
        let mut more = STANDARD.decode(&good).expect("base64");
        more.push(0);
        for text in [
            String::new(),
            "?".to_owned(),
            der(&[&[1]]),
            der(&[&[1], &[2], &[3]]),
            der(&[&[1], &too_long]),
            der(&[&[1], &[0xff]]),
            STANDARD.encode(more),
            good[..8].to_owned(),
        ] {
            assert_eq!(signature(&text), None, "{text}");
        }
        assert!(signature(&good).is_some());
    }

    #[test]
    fn a_point_is_that_of_a_public_key_on_the_curve_alone() {
        let key = |prefix: &[u8], point: &[u8]| STANDARD.encode([prefix, point].concat());
        let uncompressed = [&[4][..], &[7; 64]].concat();
        assert_eq!(point(&key(&BEFORE_POINT, &uncompressed)).map(Vec::from), Some(uncompressed.clone()));
        let mut other_curve = BEFORE_POINT;
        other_curve[22] = 4;
        for text in [
            key(&other_curve, &uncompressed),
            key(&BEFORE_POINT, &[2; 65]),
            key(&BEFORE_POINT, &uncompressed[..64]),
            "?".to_owned(),
        ] {
            assert_eq!(point(&text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_named_by_its_arn_and_not_by_an_alias() {
        let key = |arn: &str| KmsKey::deferred(AwsSdk::new(TlsRoots::Amazon, None), arn, Clock::system());
        let id = "0f0e0d0c-0b0a-0908-0706-050403020100";
        let known = key(&format!("arn:aws-cn:kms:cn-north-1:123456789012:key/{id}")).expect("a key");
        assert_eq!((known.id(), known.place.region.as_str()), (id, "cn-north-1"));
        for wrong in ["", id, "arn:aws:kms:eu-north-1:123456789012:alias/login", "arn:aws:s3:::key/a"] {
            key(wrong).expect_err(wrong);
        }
    }
}

//! Secrets of AWS Secrets Manager, read while the server runs.
//!
//! `GetSecretValue` is a signed request and not a call of `aws-sdk-secretsmanager`: docs/performance.md has the figures.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use mcp_lambda_core::{
    http::BoxError,
    keys::{Secret, SecretStage, SecretValue},
    time::Clock,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    sdk::AwsSdk,
    signed::{Place, Service, SignedClient, service_error, text},
};

const SERVICE: Service = Service { id: "Secrets Manager", name: "secretsmanager" };

/// A secret of Secrets Manager. It is read when a version of it is asked for.
pub struct ManagedSecret {
    client: SignedClient,
    arn: String,
    place: Place,
}

/// A response of `GetSecretValue`.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html> (read 2026-11-28).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    version_id: String,
    secret_string: Option<String>,
}

impl ManagedSecret {
    /// The secret with an ARN. Nothing is sent before it is read.
    ///
    /// # Errors
    ///
    /// If the text is no ARN of a secret.
    pub fn deferred(aws: AwsSdk, arn: &str, clock: Clock) -> Result<Self, BoxError> {
        let mut parts = arn.split(':');
        let (
            Some("arn"),
            Some(partition),
            Some("secretsmanager"),
            Some(region),
            Some(_),
            Some("secret"),
            Some(_),
        ) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        )
        else {
            return Err("it is no ARN of a secret".into());
        };
        let place = Place { partition: partition.to_owned(), region: region.to_owned() };
        Ok(Self { client: SignedClient::new(aws, clock, SERVICE), arn: arn.to_owned(), place })
    }

    fn failed(error: &BoxError) -> BoxError {
        let hint = match service_error(error).map(|error| error.code.as_str()) {
            Some("AccessDeniedException") => {
                " (the IAM role may not do this: grant it secretsmanager:GetSecretValue, and kms:Decrypt if the secret has a key of its own)"
            }
            Some("ResourceNotFoundException") => " (there is no such secret: check the ARN and the region)",
            _ => "",
        };
        format!("secretsmanager:GetSecretValue failed{hint}: {}", text(error)).into()
    }
}

impl fmt::Debug for ManagedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedSecret").field("arn", &self.arn).finish_non_exhaustive()
    }
}

#[async_trait]
impl Secret for ManagedSecret {
    fn name(&self) -> &str {
        &self.arn
    }

    async fn read(&self, stage: SecretStage) -> Result<Option<SecretValue>, BoxError> {
        let label = match stage {
            SecretStage::Current => "AWSCURRENT",
            SecretStage::Previous => "AWSPREVIOUS",
        };
        let url = self.client.endpoint(&self.place).await.map_err(|error| Self::failed(&error))?;
        let body = json!({ "SecretId": self.arn, "VersionStage": label }).to_string();
        let request = Request::post(format!("{url}/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .body(Bytes::from(body))?;
        let body = match self.client.send("GetSecretValue", &self.place, request).await {
            Ok(body) => body,
            // Before its first rotation a secret has no previous version.
            Err(error) if stage == SecretStage::Previous && is_missing(&error) => return Ok(None),
            Err(error) => return Err(Self::failed(&error)),
        };
        // The error of the parser would quote the secret.
        let response: Response = serde_json::from_slice(&body)
            .map_err(|_| "the response of secretsmanager:GetSecretValue is malformed")?;
        let text = response.secret_string.ok_or("the secret is binary: expected a text")?;
        Ok(Some(SecretValue { version: response.version_id, text }))
    }
}

fn is_missing(error: &BoxError) -> bool {
    service_error(error).is_some_and(|error| error.code == "ResourceNotFoundException")
}

//! Sends calls, and reads what AWS answers.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::TryStreamExt;
use http::StatusCode;
use serde_json::Value;

use super::{
    call::{Call, Service},
    xml,
};
use crate::{
    Error,
    sender::{AwsOptions, HttpSender, ResponseBody, Sender, SigV4, region_of},
};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a response is read.
const LARGEST: usize = 8 << 20;

/// Why a call has no answer.
#[derive(Debug, Clone)]
pub(crate) enum ApiError {
    /// AWS refused the call.
    Refused {
        /// AWS's name of the error, such as `ResourceNotFoundException`.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// AWS was not reached, or what came is no response of AWS.
    Failed(String),
}

impl ApiError {
    /// Whether the caller may not make this call.
    pub(crate) fn is_denied(&self) -> bool {
        let denied = ["AccessDenied", "AuthorizationError", "UnauthorizedOperation", "Unauthorized"];
        matches!(self, Self::Refused { code, .. } if denied.iter().any(|word| code.starts_with(word)))
    }

    /// Whether what the call asks for does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        let missing =
            ["ResourceNotFound", "NotFound", "NoSuchEntity", "QueueDoesNotExist", "NonExistentQueue"];
        let is_word = |code: &str| missing.iter().any(|word| code.contains(word));
        match self {
            Self::Refused { code, message } => {
                // CloudFormation has no code of its own for a stack that does not exist.
                is_word(code) || (code == "ValidationError" && message.contains("does not exist"))
            }
            Self::Failed(_) => false,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message } => write!(f, "{code}: {message}"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Failed(crate::error::chain(&error))
    }
}

/// The APIs of AWS in one region, for one caller.
#[derive(Debug)]
pub(crate) struct Api {
    region: String,
    endpoint: Option<String>,
    signer: SigV4,
    senders: Mutex<BTreeMap<Service, Arc<HttpSender>>>,
}

impl Api {
    /// Loads the credentials, and finds out the region: the given one, or that of the profile.
    pub(crate) async fn open(options: AwsOptions, endpoint: Option<&str>) -> Result<Self, Error> {
        let signer = SigV4::of("sts".to_owned(), options.region.clone(), options.clone());
        let loaded = signer.loaded().await?;
        let region = match options.region {
            Some(region) => region,
            None => region_of(&loaded)?,
        };
        let endpoint = endpoint.or(loaded.config.endpoint_url()).map(str::to_owned);
        Ok(Self { region, endpoint, signer, senders: Mutex::default() })
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Makes one call.
    pub(crate) async fn call(&self, call: &Call) -> Result<Value, ApiError> {
        let limit = || Error::TimedOut { address: call.service.name().to_owned(), limit: TIMEOUT };
        match tokio::time::timeout(TIMEOUT, self.send(call)).await {
            Err(_) => Err(limit().into()),
            Ok(answer) => answer,
        }
    }

    async fn send(&self, call: &Call) -> Result<Value, ApiError> {
        let sender = self.sender(call.service)?;
        let request = call.request(sender.url()).map_err(|error| ApiError::Failed(error.to_string()))?;
        let (head, body) = sender.send(request).await?.into_parts();
        let bytes = read(body).await?;
        let text = String::from_utf8_lossy(&bytes);
        let read = if call.service.answers_in_xml() {
            xml::read(&text)
        } else {
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())
        };
        match (head.status.is_success(), read) {
            (true, Ok(value)) => Ok(result(call, value)),
            (true, Err(why)) => Err(ApiError::Failed(format!("{call}: the response cannot be read: {why}"))),
            (false, read) => {
                let kind = head.headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
                Err(refusal(head.status, kind, &read.unwrap_or_default(), &text))
            }
        }
    }

    /// The sender to a service. All have the credentials and the connections of one.
    fn sender(&self, service: Service) -> Result<Arc<HttpSender>, Error> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(&service) {
            return Ok(Arc::clone(sender));
        }
        let (url, region) = service.place(&self.region);
        let url = self.endpoint.clone().unwrap_or(url);
        let signer = Arc::new(self.signer.for_service(service.name(), region));
        let sender = match senders.values().next() {
            Some(other) => other.to(url.clone(), url, signer),
            None => HttpSender::new(url.clone(), url, signer, TIMEOUT)?,
        };
        let sender = Arc::new(sender);
        senders.insert(service, Arc::clone(&sender));
        Ok(sender)
    }
}

async fn read(mut body: ResponseBody) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(Error::TooLarge { what: "a response of AWS", limit: LARGEST });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The output in a response. In XML it is in an element of its own.
fn result(call: &Call, mut value: Value) -> Value {
    let name = format!("{}Result", call.operation);
    if call.service.answers_in_xml()
        && let Some(result) = value.get_mut(&name)
    {
        return result.take();
    }
    value
}

fn refusal(status: StatusCode, kind: Option<&str>, body: &Value, text: &str) -> ApiError {
    let error = if body["Error"].is_object() { &body["Error"] } else { body };
    let first = |names: &[&str]| names.iter().find_map(|name| error[*name].as_str());
    let code = first(&["Code", "__type", "code"]).or(kind).unwrap_or_default();
    // In JSON the name may have a namespace before it, in a header a URL behind it.
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let code = if code.is_empty() { format!("HTTP {}", status.as_u16()) } else { code.to_owned() };
    let shown: String = text.chars().take(256).collect();
    let message = first(&["Message", "message"]).map_or(shown, str::to_owned);
    ApiError::Refused { code, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(kind: Option<&str>, body: &Value) -> ApiError {
        refusal(StatusCode::BAD_REQUEST, kind, body, &body.to_string())
    }

    #[test]
    fn errors_of_each_protocol_are_read() {
        let name = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
        let json = refused(None, &json!({ "__type": name, "message": "no table" }));
        assert_eq!(json.to_string(), "ResourceNotFoundException: no table");
        assert!(json.is_missing() && !json.is_denied());
        let query = refused(None, &json!({ "Error": { "Code": "AccessDenied", "Message": "not you" } }));
        assert!(query.is_denied(), "{query}");
        let rest = refused(Some("ResourceNotFoundException:http://x"), &json!({ "Message": "no function" }));
        assert_eq!(rest.to_string(), "ResourceNotFoundException: no function");
        let stack =
            json!({ "Error": { "Code": "ValidationError", "Message": "Stack with id x does not exist" } });
        assert!(refused(None, &stack).is_missing());
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, None, &Value::Null, "oh").to_string(), "HTTP 502: oh");
    }
}

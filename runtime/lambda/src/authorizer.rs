//! The Lambda authorizer of an API Gateway: it checks tokens by the rules of the server, before the server is invoked.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html> (read 2026-11-20)

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    classify::{Named, Text},
    error::InvocationError,
};
use mcp_lambda_core::{
    auth::{AuthError, Authenticator, Principal},
    time::Deadline,
};

/// The request of an API Gateway to authorize a caller.
#[derive(Debug)]
pub(super) struct AuthorizerRequest {
    /// The `Authorization` headers of the caller's request.
    headers: HeaderMap,
    response_format: AuthorizerResponseFormat,
}

/// The format of the response that the API Gateway expects.
#[derive(Debug)]
enum AuthorizerResponseFormat {
    /// An IAM policy for every method of this stage.
    Policy { stage: String },
    /// The simple response of an HTTP API: `isAuthorized`.
    Simple,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event<'a> {
    #[serde(borrow)]
    method_arn: Option<Text<'a>>,
    #[serde(borrow)]
    authorization_token: Option<Text<'a>>,
    #[serde(borrow)]
    headers: Option<Named<'a, Text<'a>>>,
    #[serde(borrow)]
    multi_value_headers: Option<Named<'a, Vec<Text<'a>>>>,
}

impl AuthorizerRequest {
    pub(super) fn read(event: &str) -> Result<Self, InvocationError> {
        let invalid = |message| InvocationError { kind: "InvalidEvent", message };
        let event: Event<'_> = serde_json::from_str(event)
            .map_err(|error| invalid(format!("the authorizer's event cannot be read: {error}")))?;
        let response_format = match &event.method_arn {
            Some(arn) => AuthorizerResponseFormat::Policy {
                stage: stage_arn(arn)
                    .ok_or_else(|| invalid("methodArn is not the ARN of a method".to_owned()))?,
            },
            None => AuthorizerResponseFormat::Simple,
        };
        Ok(Self { headers: event.authorization(), response_format })
    }

    /// Checks the token. The response depends on nothing but the token, so API Gateway may cache it for the whole stage.
    pub(super) async fn answer(
        self,
        authenticator: &Authenticator,
        deadline: Deadline,
    ) -> Result<Bytes, InvocationError> {
        let authorized = authenticator.authorize_token(&self.headers, deadline).await;
        if let Err(error) = &authorized {
            tracing::warn!(reason = %error, "the authorizer rejected a caller");
        }
        let response = match authorized {
            Ok(principal) => self.response_format.allow(&principal),
            Err(AuthError::InsufficientScope(_)) => self.response_format.deny(),
            // API Gateway turns exactly this error message into its 401 response.
            Err(AuthError::Missing | AuthError::Malformed(_) | AuthError::InvalidToken(_)) => {
                return Err(InvocationError { kind: "Unauthorized", message: "Unauthorized".to_owned() });
            }
            // An error, not a denial: API Gateway would cache a denial, and reject callers when the issuer is back.
            Err(error @ AuthError::Unavailable) => {
                return Err(InvocationError { kind: "Unavailable", message: error.to_string() });
            }
        };
        Ok(response.to_string().into())
    }
}

impl Event<'_> {
    fn authorization(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            if name.eq_ignore_ascii_case("authorization")
                && let Ok(value) = HeaderValue::from_str(value)
            {
                headers.append(header::AUTHORIZATION, value);
            }
        };
        if let Some(token) = &self.authorization_token {
            add("authorization", token);
        } else if let Some(all) = &self.multi_value_headers {
            for (name, values) in all {
                values.iter().for_each(|value| add(name, value));
            }
        } else {
            for (name, value) in self.headers.iter().flatten() {
                add(name, value);
            }
        }
        headers
    }
}

/// The ARN of every method and path of the stage of `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`:
/// API Gateway applies a cached policy to all of them.
fn stage_arn(arn: &str) -> Option<String> {
    let (api, rest) = arn.strip_prefix("arn:")?.split_once('/')?;
    let (stage, _) = rest.split_once('/')?;
    (!api.is_empty() && !stage.is_empty()).then(|| format!("arn:{api}/{stage}/*"))
}

impl AuthorizerResponseFormat {
    fn allow(&self, principal: &Principal) -> Value {
        let context = context(principal);
        match self {
            Self::Policy { stage } => {
                let mut response = policy("Allow", stage);
                response["principalId"] = context.get("sub").cloned().unwrap_or_default();
                response["context"] = context.into();
                response
            }
            Self::Simple => json!({ "isAuthorized": true, "context": context }),
        }
    }

    fn deny(&self) -> Value {
        match self {
            Self::Policy { stage } => policy("Deny", stage),
            Self::Simple => json!({ "isAuthorized": false }),
        }
    }
}

fn policy(effect: &str, stage: &str) -> Value {
    json!({
        "principalId": "nobody",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": stage }],
        },
    })
}

/// The longest claim that goes into the context, in bytes: API Gateway accepts a context of a few kilobytes.
const LONGEST_CLAIM: usize = 512;

/// The context from which the server reads the principal: the scalar claims, since API Gateway passes on no others, and
/// the scopes as one space-separated text.
fn context(principal: &Principal) -> Map<String, Value> {
    let is_forwarded = |name: &str, value: &Value| match value {
        Value::String(text) => text.len() <= LONGEST_CLAIM || matches!(name, "iss" | "sub"),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    let claims = principal.attributes().iter().filter(|(name, value)| is_forwarded(name, value));
    let mut context: Map<_, _> = claims.map(|(name, value)| (name.clone(), value.clone())).collect();
    context.insert("scope".to_owned(), principal.scopes().join(" ").into());
    context
}

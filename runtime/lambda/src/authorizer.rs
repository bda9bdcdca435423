//! The authorizer of an API Gateway: the same rules about tokens, asked before the function that serves.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html> (read 2026-11-20)

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    classify::{Named, Text},
    runtime_api::InvocationError,
};
use mcp_lambda_core::{
    auth::{AuthError, Authenticator, Principal},
    time::Deadline,
};

/// What an API Gateway wants to know.
#[derive(Debug)]
pub(super) struct AuthorizerRequest {
    /// The request's headers, as far as they tell who calls.
    headers: HeaderMap,
    form: ResponseFormat,
}

/// How it wants to be told.
#[derive(Debug)]
enum ResponseFormat {
    /// As a policy, for all of this stage.
    Policy { stage: String },
    /// As a yes or a no.
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
        let form = match &event.method_arn {
            Some(arn) => ResponseFormat::Policy {
                stage: whole_stage(arn)
                    .ok_or_else(|| invalid("methodArn is not that of a method".to_owned()))?,
            },
            None => ResponseFormat::Simple,
        };
        Ok(Self { headers: event.authorization(), form })
    }

    /// Judges the token. What is answered depends on nothing else, so that one answer may be kept for the whole stage.
    pub(super) async fn answer(
        self,
        authenticator: &Authenticator,
        deadline: Deadline,
    ) -> Result<Bytes, InvocationError> {
        let judged = authenticator.authorize_token(&self.headers, deadline).await;
        if let Err(denied) = &judged {
            tracing::warn!(reason = %denied, "a caller was not let in");
        }
        let answer = match judged {
            Ok(principal) => self.form.yes(&principal),
            Err(AuthError::InsufficientScope(_)) => self.form.no(),
            // Exactly this word makes a 401 of it, for which API Gateway has a response of its own.
            Err(AuthError::Missing | AuthError::Malformed(_) | AuthError::InvalidToken(_)) => {
                return Err(InvocationError { kind: "Unauthorized", message: "Unauthorized".to_owned() });
            }
            // An error and not a no: API Gateway would keep that, and keep people out when the issuer is back.
            Err(denied @ AuthError::Unavailable) => {
                return Err(InvocationError { kind: "Unavailable", message: denied.to_string() });
            }
        };
        Ok(answer.to_string().into())
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

/// `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>` for every method and path: an answer that is kept
/// counts for all of them.
fn whole_stage(arn: &str) -> Option<String> {
    let (api, rest) = arn.strip_prefix("arn:")?.split_once('/')?;
    let (stage, _) = rest.split_once('/')?;
    (!api.is_empty() && !stage.is_empty()).then(|| format!("arn:{api}/{stage}/*"))
}

impl ResponseFormat {
    fn yes(&self, principal: &Principal) -> Value {
        let context = context(principal);
        match self {
            Self::Policy { stage } => {
                let mut answer = policy("Allow", stage);
                answer["principalId"] = context.get("sub").cloned().unwrap_or_default();
                answer["context"] = context.into();
                answer
            }
            Self::Simple => json!({ "isAuthorized": true, "context": context }),
        }
    }

    fn no(&self) -> Value {
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

/// A longer claim is left out: API Gateway takes a few kilobytes altogether.
const LONGEST: usize = 512;

/// The claims that are scalars, which is all that API Gateway passes on; scopes always in one text. From these the
/// function behind it knows the caller again.
fn context(principal: &Principal) -> Map<String, Value> {
    let passes = |name: &str, value: &Value| match value {
        Value::String(text) => text.len() <= LONGEST || matches!(name, "iss" | "sub"),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    let claims = principal.attributes().iter().filter(|(name, value)| passes(name, value));
    let mut context: Map<_, _> = claims.map(|(name, value)| (name.clone(), value.clone())).collect();
    context.insert("scope".to_owned(), principal.scopes().join(" ").into());
    context
}

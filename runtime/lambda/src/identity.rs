//! The identity of the caller that a gateway has authenticated, from the `requestContext` of its event.
//!
//! | gateway | field | authenticated by |
//! |---|---|---|
//! | REST API | `authorizer`: scalars beside `principalId` | a Lambda authorizer |
//! | REST API | `authorizer.claims` | Cognito |
//! | REST API | `identity` with a `caller` | IAM |
//! | HTTP API | `authorizer.lambda` | a Lambda authorizer |
//! | HTTP API | `authorizer.jwt` | the gateway, which verifies the issuer's token |
//! | HTTP API, Function URL | `authorizer.iam` | IAM |
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> (read 2026-11-20)

use mcp_lambda_core::{
    auth::{AuthenticatedBy, GatewayIdentity, Principal, scopes_of},
    time::Timestamp,
};
use serde_json::{Map, Value};

/// The fields of an authorizer's context that can name the subject, in order of precedence.
const SUBJECT_FIELDS: [&str; 3] = ["sub", "principalId", "userId"];

/// The payload format version of a gateway's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PayloadFormat {
    /// Payload 1.0.
    V1,
    /// Payload 2.0.
    V2,
}

/// Reads the identity from the fields `authorizer` and `identity` of the request context. `None` if the gateway has not
/// authenticated the caller.
pub(super) fn read(
    format: PayloadFormat,
    authorizer: Option<&str>,
    identity: Option<&str>,
) -> Option<GatewayIdentity> {
    let object = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
    let authorizer: Option<Map<String, Value>> = object(authorizer);
    match (format, authorizer) {
        (PayloadFormat::V1, Some(context)) if !context.is_empty() => Some(of_v1(context)),
        (PayloadFormat::V1, _) => of_identity(&object(identity)?),
        (PayloadFormat::V2, Some(context)) => of_v2(context),
        (PayloadFormat::V2, None) => None,
    }
}

fn of_v1(mut context: Map<String, Value>) -> GatewayIdentity {
    // In payload 1.0 the values of a Lambda authorizer are scalars, so an object in one of these fields is a context.
    for nested in ["claims", "lambda"] {
        if let Some(Value::Object(nested)) = context.get_mut(nested) {
            return of_authorizer(std::mem::take(nested));
        }
    }
    of_authorizer(context)
}

fn of_v2(mut context: Map<String, Value>) -> Option<GatewayIdentity> {
    let mut take = |name: &str| match context.remove(name) {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    if let Some(iam) = take("iam") {
        return of_iam(iam);
    }
    if let Some(mut jwt) = take("jwt") {
        let Some(Value::Object(claims)) = jwt.remove("claims") else { return None };
        return Some(of_authorizer(claims));
    }
    take("lambda").map(of_authorizer)
}

/// The identity of an authorizer's context. A context with an issuer describes a token, and its principal is the same as
/// if this server had verified that token. A context without a subject is that of an anonymous caller.
fn of_authorizer(context: Map<String, Value>) -> GatewayIdentity {
    let text = |name: &str| context.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let subject = SUBJECT_FIELDS.into_iter().find_map(text);
    let principal = match (text("iss"), text("sub"), subject) {
        (Some(issuer), Some(subject), _) => Principal::new(issuer, subject),
        (_, _, Some(subject)) => Principal::new("authorizer", subject),
        (_, _, None) => Principal::anonymous(),
    };
    let authenticated_by =
        if subject.is_some() { AuthenticatedBy::Authorizer } else { AuthenticatedBy::Anonymous };
    let principal = principal
        .with_authentication(authenticated_by)
        .with_scopes(scopes_of(&context))
        .with_attributes(context.clone());
    let principal = match expiry(&context) {
        Some(expires_at) => principal.with_expiry(expires_at),
        None => principal,
    };
    GatewayIdentity { principal, context }
}

/// When the token of an authorizer's context expires. API Gateway writes claims as texts; that of a Cognito authorizer is a
/// date in words, which is left to the gateway.
fn expiry(context: &Map<String, Value>) -> Option<Timestamp> {
    let seconds = match context.get("exp")? {
        Value::String(text) => text.parse().ok()?,
        value => value.as_u64()?,
    };
    Some(Timestamp::from_millis(seconds.checked_mul(1000)?))
}

/// The identity of an IAM caller, by its unique id: AWS never assigns an id twice, while the name of a deleted user can be
/// used again. The callers of a Cognito identity pool share a role and its id, so their Cognito identity id is used.
fn of_iam(context: Map<String, Value>) -> Option<GatewayIdentity> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let pool = context.get("cognitoIdentity").and_then(|pool| pool.get("identityId")).and_then(text);
    let principal = match (pool, context.get("userId").and_then(text)) {
        (Some(identity), _) => Principal::new("aws:cognito-identity", &identity),
        (None, Some(caller)) => Principal::new("aws:iam", &caller),
        (None, None) => return None,
    };
    Some(GatewayIdentity {
        principal: principal
            .with_authentication(AuthenticatedBy::Iam)
            .with_attributes(without_credentials(&context)),
        context,
    })
}

fn of_identity(identity: &Map<String, Value>) -> Option<GatewayIdentity> {
    let text = |name: &str| identity.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // Only a signed request has a caller; every request has a source address and a user agent.
    let caller = text("caller")?;
    let principal = match text("cognitoIdentityId") {
        Some(identity) => Principal::new("aws:cognito-identity", identity),
        None => Principal::new("aws:iam", text("user").unwrap_or(caller)),
    };
    let context: Map<_, _> = ["userArn", "accountId", "caller", "user", "principalOrgId"]
        .into_iter()
        .filter_map(|name| text(name).map(|value| (name.to_owned(), value.into())))
        .collect();
    Some(GatewayIdentity {
        principal: principal.with_authentication(AuthenticatedBy::Iam).with_attributes(context.clone()),
        context,
    })
}

fn without_credentials(context: &Map<String, Value>) -> Map<String, Value> {
    context.iter().filter(|(name, _)| *name != "accessKey").map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims are texts behind a JWT authorizer, and may be numbers behind a Lambda authorizer.
    #[test]
    fn the_expiry_of_a_token_that_a_gateway_has_checked_is_that_of_its_principal() {
        let seconds = |authorizer: &str| {
            let identity = read(PayloadFormat::V2, Some(authorizer), None).expect("an identity");
            identity.principal.expires_at().map(Timestamp::epoch_seconds)
        };
        let jwt =
            |exp: &str| format!(r#"{{ "jwt": {{ "claims": {{ "iss": "i", "sub": "s", "exp": {exp} }} }} }}"#);
        assert_eq!(seconds(&jwt(r#""1800000000""#)), Some(1_800_000_000));
        assert_eq!(seconds(&jwt("1800000000")), Some(1_800_000_000));
        for unknown in [r#""Fri Nov 27 01:00:00 UTC 2026""#, "null", "-1", "18446744073709551615"] {
            assert_eq!(seconds(&jwt(unknown)), None, "{unknown}");
        }
        assert_eq!(seconds(r#"{ "lambda": { "sub": "s", "exp": 1800000000 } }"#), Some(1_800_000_000));
    }
}

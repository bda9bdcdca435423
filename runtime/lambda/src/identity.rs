//! What a front of AWS says of the caller it has checked.
//!
//! | front | where | who vouches |
//! |---|---|---|
//! | REST API | `authorizer`: scalars, side by side with `principalId` | an authorizer function |
//! | REST API | `authorizer.claims` | Cognito |
//! | REST API | `identity` with a caller | IAM |
//! | HTTP API | `authorizer.lambda` | an authorizer function |
//! | HTTP API | `authorizer.jwt` | the issuer, checked by the front |
//! | HTTP API, Function URL | `authorizer.iam` | IAM |
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> (read 2026-11-20)

use mcp_lambda_core::auth::{AuthenticatedBy, GatewayIdentity, Principal, scopes_of};
use serde_json::{Map, Value};

/// What an authorizer may call the subject, the first that is there wins.
const SUBJECTS: [&str; 3] = ["sub", "principalId", "userId"];

/// How a front writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Payload 1.0.
    V1,
    /// Payload 2.0.
    V2,
}

/// Reads what stands in an event's request context. `None` when the front has asked nobody.
pub(super) fn read(
    shape: Shape,
    authorizer: Option<&str>,
    identity: Option<&str>,
) -> Option<GatewayIdentity> {
    let object = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
    let authorizer: Option<Map<String, Value>> = object(authorizer);
    match (shape, authorizer) {
        (Shape::V1, Some(context)) if !context.is_empty() => Some(of_v1(context)),
        (Shape::V1, _) => of_identity(&object(identity)?),
        (Shape::V2, Some(context)) => of_v2(context),
        (Shape::V2, None) => None,
    }
}

fn of_v1(mut context: Map<String, Value>) -> GatewayIdentity {
    // An authorizer's own values are scalars here, so an object under one of these names is not one of them.
    for nested in ["claims", "lambda"] {
        if let Some(Value::Object(said)) = context.get_mut(nested) {
            return of_authorizer(std::mem::take(said));
        }
    }
    of_authorizer(context)
}

fn of_v2(mut context: Map<String, Value>) -> Option<GatewayIdentity> {
    let mut take = |name: &str| match context.remove(name) {
        Some(Value::Object(said)) => Some(said),
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

/// An authorizer that names an issuer speaks of the subject of a token, so that it is the same caller wherever that token
/// is verified. One that names nobody lets everybody in alike.
fn of_authorizer(said: Map<String, Value>) -> GatewayIdentity {
    let text = |name: &str| said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let subject = SUBJECTS.into_iter().find_map(text);
    let principal = match (text("iss"), text("sub"), subject) {
        (Some(issuer), Some(subject), _) => Principal::new(issuer, subject),
        (_, _, Some(subject)) => Principal::new("authorizer", subject),
        (_, _, None) => Principal::anonymous(),
    };
    let authenticated_by =
        if subject.is_some() { AuthenticatedBy::Authorizer } else { AuthenticatedBy::Anonymous };
    let principal = principal
        .with_authentication(authenticated_by)
        .with_scopes(scopes_of(&said))
        .with_attributes(said.clone());
    GatewayIdentity { principal, context: said }
}

/// By its id, which AWS never gives to anybody else: a name can be given anew. Callers of one identity pool share a role
/// and so its id; Cognito's id tells them apart.
fn of_iam(said: Map<String, Value>) -> Option<GatewayIdentity> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let pool = said.get("cognitoIdentity").and_then(|pool| pool.get("identityId")).and_then(text);
    let principal = match (pool, said.get("userId").and_then(text)) {
        (Some(identity), _) => Principal::new("aws:cognito-identity", &identity),
        (None, Some(caller)) => Principal::new("aws:iam", &caller),
        (None, None) => return None,
    };
    Some(GatewayIdentity {
        principal: principal
            .with_authentication(AuthenticatedBy::Iam)
            .with_attributes(without_credentials(&said)),
        context: said,
    })
}

fn of_identity(identity: &Map<String, Value>) -> Option<GatewayIdentity> {
    let text = |name: &str| identity.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // Only a signed request has a caller; the address and the user agent are said of everybody.
    let caller = text("caller")?;
    let principal = match text("cognitoIdentityId") {
        Some(identity) => Principal::new("aws:cognito-identity", identity),
        None => Principal::new("aws:iam", text("user").unwrap_or(caller)),
    };
    let said: Map<_, _> = ["userArn", "accountId", "caller", "user", "principalOrgId"]
        .into_iter()
        .filter_map(|name| text(name).map(|value| (name.to_owned(), value.into())))
        .collect();
    Some(GatewayIdentity {
        principal: principal.with_authentication(AuthenticatedBy::Iam).with_attributes(said.clone()),
        context: said,
    })
}

fn without_credentials(said: &Map<String, Value>) -> Map<String, Value> {
    said.iter().filter(|(name, _)| *name != "accessKey").map(|(k, v)| (k.clone(), v.clone())).collect()
}

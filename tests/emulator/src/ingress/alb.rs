//! The event of an Application Load Balancer.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html> (read 2026-11-20)

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::event::{Arrived, last};
use crate::function::ACCOUNT;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    request_context: RequestContext,
    http_method: &'a str,
    path: &'a str,
    #[serde(flatten)]
    values: Values<'a>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
struct RequestContext {
    elb: Elb,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Elb {
    target_group_arn: String,
}

/// Query and headers, as the target group's `lambda.multi_value_headers.enabled` says.
#[derive(Serialize)]
#[serde(untagged)]
enum Values<'a> {
    #[serde(rename_all = "camelCase")]
    Single { query_string_parameters: BTreeMap<&'a str, &'a str>, headers: BTreeMap<&'a str, Cow<'a, str>> },
    #[serde(rename_all = "camelCase")]
    Multi {
        multi_value_query_string_parameters: BTreeMap<&'a str, Vec<&'a str>>,
        multi_value_headers: BTreeMap<&'a str, Vec<Cow<'a, str>>>,
    },
}

/// The event for one request. Nothing of the URL is decoded.
pub(crate) fn event(arrived: &Arrived, multi_value: bool, region: &str) -> serde_json::Result<Vec<u8>> {
    let values = if multi_value {
        Values::Multi {
            multi_value_query_string_parameters: arrived.written_query(),
            multi_value_headers: arrived.all_headers(),
        }
    } else {
        Values::Single {
            query_string_parameters: last(&arrived.written_query()),
            headers: arrived.last_headers(),
        }
    };
    let (body, is_base64_encoded) = arrived.body();
    let target_group_arn =
        format!("arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:targetgroup/emulator/0123456789abcdef");
    serde_json::to_vec(&Event {
        request_context: RequestContext { elb: Elb { target_group_arn } },
        http_method: arrived.method.as_str(),
        path: &arrived.path,
        values,
        body: body.unwrap_or_default(),
        is_base64_encoded,
    })
}

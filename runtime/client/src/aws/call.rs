//! One call: the service, the operation, its input, and how the protocol of the service writes them.

use std::fmt;

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    CloudFormation,
    CloudWatch,
    DynamoDb,
    Iam,
    Lambda,
    Logs,
    Sns,
    Sqs,
}

/// How a service wants its input.
enum Protocol {
    /// A form, with this version of the API; the response is XML.
    Query(&'static str),
    /// JSON in this version of AWS's protocol, with this prefix in `X-Amz-Target`.
    Json(&'static str, &'static str),
    /// Paths: Lambda.
    Rest,
}

impl Service {
    /// Its name in hosts and in signatures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CloudFormation => "cloudformation",
            Self::CloudWatch => "monitoring",
            Self::DynamoDb => "dynamodb",
            Self::Iam => "iam",
            Self::Lambda => "lambda",
            Self::Logs => "logs",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
        }
    }

    /// Its name in the actions of IAM.
    fn prefix(self) -> &'static str {
        if self == Self::CloudWatch { "cloudwatch" } else { self.name() }
    }

    fn protocol(self) -> Protocol {
        match self {
            Self::CloudFormation => Protocol::Query("2010-05-15"),
            Self::CloudWatch => Protocol::Query("2010-08-01"),
            Self::Iam => Protocol::Query("2010-05-08"),
            Self::Sns => Protocol::Query("2010-03-31"),
            Self::DynamoDb => Protocol::Json("1.0", "DynamoDB_20120810"),
            Self::Logs => Protocol::Json("1.1", "Logs_20140328"),
            Self::Sqs => Protocol::Json("1.0", "AmazonSQS"),
            Self::Lambda => Protocol::Rest,
        }
    }

    /// Whether its responses are XML.
    pub(super) fn answers_in_xml(self) -> bool {
        matches!(self.protocol(), Protocol::Query(_))
    }

    /// Its URL, and the region in its signatures. IAM is one for all regions of a partition.
    pub(super) fn place(self, region: &str) -> (String, String) {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let home = match region {
            _ if self != Self::Iam => {
                return (format!("https://{}.{region}.{suffix}", self.name()), region.to_owned());
            }
            region if region.starts_with("cn-") => {
                return ("https://iam.cn-north-1.amazonaws.com.cn".to_owned(), "cn-north-1".to_owned());
            }
            region if region.starts_with("us-gov-") => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        (format!("https://{}", home.0), home.1.to_owned())
    }
}

/// A call. Two calls with the same text have the same answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: &'static str,
    /// An object: the parameters of the operation, by AWS's names.
    pub(crate) input: Value,
}

impl Call {
    pub(crate) fn new(service: Service, operation: &'static str, input: Value) -> Self {
        Self { service, operation, input }
    }

    /// The permission that it takes, as IAM names it.
    pub(crate) fn action(&self) -> String {
        format!("{}:{}", self.service.prefix(), self.operation)
    }

    /// The request, without what proves the caller.
    pub(super) fn request(&self, endpoint: &str) -> Result<Request<Bytes>, http::Error> {
        let endpoint = endpoint.trim_end_matches('/');
        let request = Request::builder();
        match self.service.protocol() {
            Protocol::Query(version) => request
                .method(Method::POST)
                .uri(format!("{endpoint}/"))
                .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
                .body(Bytes::from(self.form(version))),
            Protocol::Json(version, target) => request
                .method(Method::POST)
                .uri(format!("{endpoint}/"))
                .header("content-type", format!("application/x-amz-json-{version}"))
                .header("x-amz-target", format!("{target}.{}", self.operation))
                .body(Bytes::from(self.input.to_string())),
            Protocol::Rest => {
                request.method(Method::GET).uri(format!("{endpoint}{}", self.path())).body(Bytes::new())
            }
        }
    }

    fn form(&self, version: &str) -> String {
        let mut pairs = vec![("Action".to_owned(), self.operation.to_owned())];
        pairs.push(("Version".to_owned(), version.to_owned()));
        flatten(String::new(), &self.input, &mut pairs);
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| pair(name, value)).collect();
        pairs.join("&")
    }

    /// The path of an operation of Lambda. What the path does not name is in the query.
    fn path(&self) -> String {
        let function = encode(text(&self.input["FunctionName"]).as_str());
        let (path, in_path) = match self.operation {
            "GetFunctionConfiguration" => {
                (format!("/2015-03-31/functions/{function}/configuration"), "FunctionName")
            }
            "GetFunctionUrlConfig" => (format!("/2021-10-31/functions/{function}/url"), "FunctionName"),
            "GetFunctionEventInvokeConfig" => {
                (format!("/2019-09-25/functions/{function}/event-invoke-config"), "FunctionName")
            }
            "ListEventSourceMappings" => ("/2015-03-31/event-source-mappings".to_owned(), ""),
            // GetFunction
            _ => (format!("/2015-03-31/functions/{function}"), "FunctionName"),
        };
        let others = self.input.as_object().into_iter().flatten().filter(|(name, _)| *name != in_path);
        let query: Vec<String> = others.map(|(name, value)| pair(name, &text(value))).collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.service.name(), self.operation, self.input)
    }
}

/// The fields of a form: lists and objects have the names of their members in their own.
fn flatten(name: String, value: &Value, pairs: &mut Vec<(String, String)>) {
    let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| flatten(format!("{prefix}{field}"), value, pairs));
        }
        Value::Array(members) => {
            for (at, member) in members.iter().enumerate() {
                flatten(format!("{prefix}member.{}", at + 1), member, pairs);
            }
        }
        value => pairs.push((name, text(value))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn pair(name: &str, value: &str) -> String {
    format!("{}={}", encode(name), encode(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(call: &Call) -> (String, String) {
        let request = call.request("https://aws.example/").expect("a request");
        (request.uri().to_string(), String::from_utf8(request.body().to_vec()).expect("text"))
    }

    #[test]
    fn a_form_names_the_members_of_lists_and_objects() {
        let call = Call::new(
            Service::Sns,
            "Publish",
            json!({ "TopicArn": "a:b", "MessageAttributes": { "entry.1": { "Name": "n" } }, "Names": ["x", "y"] }),
        );
        let (url, form) = sent(&call);
        assert_eq!(url, "https://aws.example/");
        let mut pairs: Vec<&str> = form.split('&').collect();
        pairs.sort_unstable();
        let expected = [
            "Action=Publish",
            "MessageAttributes%2Eentry%2E1%2EName=n",
            "Names%2Emember%2E1=x",
            "Names%2Emember%2E2=y",
            "TopicArn=a%3Ab",
            "Version=2010%2D03%2D31",
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn an_operation_of_lambda_is_a_path_and_a_query() {
        let input = json!({ "FunctionName": "arn:f", "Qualifier": "live" });
        let (url, body) = sent(&Call::new(Service::Lambda, "GetFunctionUrlConfig", input));
        assert_eq!(url, "https://aws.example/2021-10-31/functions/arn%3Af/url?Qualifier=live");
        assert_eq!(body, "");
    }

    #[test]
    fn json_names_the_operation_in_a_header() {
        let call = Call::new(Service::DynamoDb, "DescribeTable", json!({ "TableName": "t" }));
        let request = call.request("https://aws.example").expect("a request");
        assert_eq!(request.headers()["x-amz-target"], "DynamoDB_20120810.DescribeTable");
        assert_eq!(call.action(), "dynamodb:DescribeTable");
    }

    #[test]
    fn iam_has_one_place_in_each_partition() {
        assert_eq!(
            Service::Iam.place("eu-north-1"),
            ("https://iam.amazonaws.com".into(), "us-east-1".into())
        );
        assert_eq!(Service::Iam.place("us-gov-east-1").1, "us-gov-west-1");
        let china = Service::Sqs.place("cn-north-1");
        assert_eq!(china, ("https://sqs.cn-north-1.amazonaws.com.cn".into(), "cn-north-1".into()));
    }
}

//! The response of each ingress when the function gives none to pass on.

use http::{Response, StatusCode};

use super::Ingress;
use crate::body::{self, Body};

/// Why there is no answer to pass on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The request is larger than the ingress, or Lambda behind it, accepts.
    TooLarge,
    /// All environments are busy.
    Throttled,
    /// The function failed, or its answer is malformed.
    BadFunction,
    /// The ingress has timed out.
    TimedOut,
    /// The emulator shuts down.
    Stopped,
}

impl Refusal {
    /// The ingress's own text. Where AWS documents none, it is the one observed.
    pub(crate) fn response(self, ingress: Ingress) -> Response<Body> {
        match ingress {
            Ingress::FunctionUrl | Ingress::FunctionUrlBuffered => self.of_function_url(),
            Ingress::Rest | Ingress::RestStream => {
                self.of_api_gateway(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out")
            }
            Ingress::HttpApi => self.of_api_gateway(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ingress::Alb | Ingress::AlbMultiValue => self.of_load_balancer(),
        }
    }

    fn of_function_url(self) -> Response<Body> {
        let json = "application/json";
        match self {
            Refusal::TooLarge => {
                body::whole(StatusCode::PAYLOAD_TOO_LARGE, json, r#"{"Message":"Request Entity Too Large"}"#)
            }
            Refusal::Throttled => {
                let text = r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","Message":"Rate Exceeded."}"#;
                let mut response = body::whole(StatusCode::TOO_MANY_REQUESTS, json, text);
                body::set(&mut response, "x-amzn-errortype", "TooManyRequestsException");
                response
            }
            Refusal::BadFunction | Refusal::TimedOut => {
                body::whole(StatusCode::BAD_GATEWAY, json, "Internal Server Error")
            }
            Refusal::Stopped => body::whole(StatusCode::SERVICE_UNAVAILABLE, json, "Service Unavailable"),
        }
    }

    /// REST and HTTP APIs differ in the status of a failed function and of a timeout, and in a capital letter.
    fn of_api_gateway(self, timed_out: StatusCode, timed_out_text: &str) -> Response<Body> {
        let rest = timed_out == StatusCode::GATEWAY_TIMEOUT;
        let (status, text) = match self {
            Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Refusal::Throttled if rest => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Refusal::Throttled => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Refusal::BadFunction if rest => (StatusCode::BAD_GATEWAY, "Internal server error"),
            Refusal::BadFunction => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Refusal::TimedOut => (timed_out, timed_out_text),
            Refusal::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        body::json(status, &serde_json::json!({ "message": text }))
    }

    fn of_load_balancer(self) -> Response<Body> {
        let status = match self {
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Throttled | Refusal::BadFunction => StatusCode::BAD_GATEWAY,
            Refusal::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        };
        let page = format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        body::whole(status, "text/html", page)
    }
}

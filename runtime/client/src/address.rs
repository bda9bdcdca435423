//! The address of a server: a URL, or a Lambda function.

use std::fmt;

use url::Url;

use crate::Error;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A server that speaks streamable HTTP.
    Url(Url),
    /// A Lambda function, reached with the Invoke API.
    Function {
        /// The name or ARN, without a qualifier.
        name: String,
        /// A version or an alias.
        qualifier: Option<String>,
        /// The region in the ARN.
        region: Option<String>,
    },
}

/// What a signature is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningScope {
    /// The signing name of the service, such as `lambda`.
    pub service: String,
    /// The region, such as `eu-north-1`.
    pub region: String,
}

const EXPECTED: &str = "the URL of a server (https://...), or the name or ARN of a Lambda function";

impl Address {
    /// Reads an address. Text with `://` is a URL; anything else is a function: `name`, `name:alias`, or an ARN.
    ///
    /// ```
    /// use mcp_lambda::Address;
    ///
    /// let address = Address::parse("arn:aws:lambda:eu-north-1:123456789012:function:tools:live")?;
    /// let Address::Function { qualifier, region, .. } = address else { panic!("a function") };
    /// assert_eq!((qualifier.as_deref(), region.as_deref()), (Some("live"), Some("eu-north-1")));
    /// # Ok::<(), mcp_lambda::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the text is neither.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = || Error::Argument { name: "the server", found: text.to_owned(), expected: EXPECTED };
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_| refused())?;
            let usable = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
            return if usable { Ok(Self::Url(url)) } else { Err(refused()) };
        }
        let word = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$');
            !part.is_empty() && part.chars().all(allowed)
        };
        let parts: Vec<&str> = text.split(':').collect();
        if !parts.iter().all(|part| word(part)) {
            return Err(refused());
        }
        let (region, arn, rest) = match parts.as_slice() {
            ["arn", _, "lambda", region, _, "function", _, rest @ ..] => {
                (Some((*region).to_owned()), parts[..7].join(":"), rest)
            }
            ["arn", ..] => return Err(refused()),
            [name, rest @ ..] => (None, (*name).to_owned(), rest),
            [] => return Err(refused()),
        };
        let qualifier = match rest {
            [] => None,
            [qualifier] => Some((*qualifier).to_owned()),
            _ => return Err(refused()),
        };
        Ok(Self::Function { name: arn, qualifier, region })
    }

    /// The scope that AWS expects in a signature, worked out from the host of a URL. `None` if the host is not one of AWS's.
    ///
    /// ```
    /// let address = mcp_lambda::Address::parse("https://abc.lambda-url.eu-north-1.on.aws/mcp")?;
    /// let scope = address.signing_scope().expect("a Function URL");
    /// assert_eq!((scope.service.as_str(), scope.region.as_str()), ("lambda", "eu-north-1"));
    /// # Ok::<(), mcp_lambda::Error>(())
    /// ```
    #[must_use]
    pub fn signing_scope(&self) -> Option<SigningScope> {
        let Self::Url(url) = self else { return None };
        let labels: Vec<&str> = url.host_str()?.split('.').collect();
        let (service, region) = match labels.as_slice() {
            [_, "lambda-url", region, "on", "aws"] => ("lambda", region),
            [_, "execute-api", region, "amazonaws", "com" | "com.cn"]
            | [_, "execute-api", region, "amazonaws", "com", "cn"]
            | [_, "execute-api", region, "vpce", "amazonaws", "com"] => ("execute-api", region),
            ["bedrock-agentcore", region, "amazonaws", "com"]
            | [_, "gateway", "bedrock-agentcore", region, "amazonaws", "com"] => {
                ("bedrock-agentcore", region)
            }
            _ => return None,
        };
        Some(SigningScope { service: service.to_owned(), region: (*region).to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A query may have a secret in it, and user information is one.
            Self::Url(url) => write!(f, "{}{}", url.origin().ascii_serialization(), url.path()),
            Self::Function { name, qualifier: None, .. } => f.write_str(name),
            Self::Function { name, qualifier: Some(qualifier), .. } => write!(f, "{name}:{qualifier}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(url: &str) -> Option<(String, String)> {
        let scope = Address::parse(url).expect("a URL").signing_scope()?;
        Some((scope.service, scope.region))
    }

    #[test]
    fn service_and_region_are_those_of_the_host() {
        for (url, service, region) in [
            ("https://a1.lambda-url.eu-north-1.on.aws/mcp", "lambda", "eu-north-1"),
            ("https://a1.execute-api.us-east-1.amazonaws.com/prod/mcp", "execute-api", "us-east-1"),
            ("https://a1.execute-api.cn-north-1.amazonaws.com.cn/mcp", "execute-api", "cn-north-1"),
            ("https://a1-vpce-1.execute-api.eu-west-1.vpce.amazonaws.com/p/mcp", "execute-api", "eu-west-1"),
            (
                "https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/x/invocations",
                "bedrock-agentcore",
                "us-west-2",
            ),
            (
                "https://g1.gateway.bedrock-agentcore.us-west-2.amazonaws.com/mcp",
                "bedrock-agentcore",
                "us-west-2",
            ),
        ] {
            assert_eq!(scope(url), Some((service.to_owned(), region.to_owned())), "{url}");
        }
    }

    /// A look-alike must not receive a signature without being asked for.
    #[test]
    fn a_host_that_only_looks_like_aws_has_no_scope() {
        for url in [
            "https://mcp.example.com/mcp",
            "https://a1.lambda-url.eu-north-1.on.aws.example.com/mcp",
            "https://lambda-url.eu-north-1.on.aws/mcp",
            "http://127.0.0.1:9000/mcp",
            "https://bedrock-agentcore.us-west-2.amazonaws.com.evil.example/mcp",
        ] {
            assert_eq!(scope(url), None, "{url}");
        }
    }

    #[test]
    fn a_function_is_a_name_or_an_arn_with_or_without_a_qualifier() {
        let function = |name: &str, qualifier: Option<&str>, region: Option<&str>| Address::Function {
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
            region: region.map(str::to_owned),
        };
        let arn = "arn:aws:lambda:eu-north-1:123456789012:function:tools";
        for (text, expected) in [
            ("tools", function("tools", None, None)),
            ("tools:live", function("tools", Some("live"), None)),
            ("tools:$LATEST", function("tools", Some("$LATEST"), None)),
            (arn, function(arn, None, Some("eu-north-1"))),
            (&format!("{arn}:7"), function(arn, Some("7"), Some("eu-north-1"))),
        ] {
            assert_eq!(Address::parse(text).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_neither_a_url_nor_a_function_is_refused_with_what_was_expected() {
        for text in ["", "ftp://host/x", "http://", "a b", "tools:a:b", "arn:aws:s3:::bucket", "a/b", "::"] {
            let error = Address::parse(text).expect_err(text).to_string();
            assert!(error.contains("the name or ARN of a Lambda function"), "{error}");
        }
    }

    #[test]
    fn the_text_of_an_address_has_no_query_and_no_password() {
        let address = Address::parse("https://user:secret@host/mcp?key=secret").expect("a URL");
        assert_eq!(address.to_string(), "https://host/mcp");
    }
}

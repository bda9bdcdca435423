//! Where a server is, and how its caller proves who it is.

use std::{sync::Arc, time::Duration};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    Address, Connection, Error, Limits, SigningScope,
    invoke::{Function, InvokeMode, InvokeSender},
    oauth::{OAuth, OAuthConfig},
    sender::{
        Anonymous, Authorize, AwsOptions, Bearer, HttpSender, Sender, SigV4, SignedOrOAuth, Watched, Watcher,
        Wire,
    },
};

/// How a caller proves who it is to a server with a URL. Functions are invoked with SigV4 always.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// SigV4 for hosts of AWS, and OAuth when the server asks for a bearer token.
    #[default]
    Auto,
    /// Nothing.
    Anonymous,
    /// SigV4, also for hosts that are not AWS's: [`Remote::signing_scope`] then names the service and the region.
    SigV4,
    /// This bearer token.
    Bearer(String),
    /// OAuth 2.1 in a browser.
    OAuth(OAuthConfig),
}

/// A server, and how its caller proves who it is. [`connect`](Self::connect) sends nothing yet.
///
/// ```
/// use mcp_lambda::{Auth, Remote};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mcp_lambda::Error> {
/// let remote = Remote::new("https://mcp.example.com/mcp")?
///     .auth(Auth::Bearer("a token".to_owned()))
///     .header("x-tenant", "blue")?;
/// let transport = remote.connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a remote does nothing until it is connected"]
pub struct Remote {
    address: Address,
    auth: Auth,
    oauth: OAuthConfig,
    aws: AwsOptions,
    service: Option<String>,
    headers: HeaderMap,
    limits: Limits,
    timeout: Duration,
    mode: InvokeMode,
    path: String,
    endpoint: Option<String>,
    session: Option<HeaderValue>,
    wire: Option<Wire>,
}

impl Remote {
    /// A server at a URL, or in a function: see [`Address::parse`].
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the address is neither.
    pub fn new(address: &str) -> Result<Self, Error> {
        Ok(Self {
            address: Address::parse(address)?,
            auth: Auth::default(),
            oauth: OAuthConfig::default(),
            aws: AwsOptions::default(),
            service: None,
            headers: HeaderMap::new(),
            limits: Limits::default(),
            timeout: Duration::from_secs(900),
            mode: InvokeMode::default(),
            path: "/mcp".to_owned(),
            endpoint: None,
            session: None,
            wire: None,
        })
    }

    /// How the caller proves who it is. Default: [`Auth::Auto`].
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// How a person signs in, where [`Auth::Auto`] goes over to OAuth.
    pub fn oauth(mut self, config: OAuthConfig) -> Self {
        self.oauth = config;
        self
    }

    /// The profile of AWS credentials. Default: `AWS_PROFILE`, or `default`.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.aws.profile = Some(profile.into());
        self
    }

    /// The credentials that requests are signed with. Default: those of the SDK's chain.
    pub fn credentials_provider(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.aws.credentials = Some(SharedCredentialsProvider::new(provider));
        self
    }

    /// The region. Default: that of the URL or ARN, or of the profile.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.aws.region = Some(region.into());
        self
    }

    /// The service that signatures are made for. Default: that of the host in the URL.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// A header of each request.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if HTTP does not allow it, or if the transport sets it itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        const OWN: [&str; 6] =
            ["accept", "content-type", "content-length", "host", "last-event-id", "mcp-session-id"];
        let refused = |expected| Error::Argument { name: "the header", found: name.to_owned(), expected };
        let key = HeaderName::try_from(name).map_err(|_| refused("a name that HTTP allows"))?;
        if OWN.contains(&key.as_str()) {
            return Err(refused("one that the transport leaves to its user"));
        }
        let value = HeaderValue::try_from(value).map_err(|_| refused("a header whose value HTTP allows"))?;
        self.headers.append(key, value);
        Ok(self)
    }

    /// What the connection holds at most, and how long it tries.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The time limit of the head of a response. A call with a response in one piece must end in it. Default: 900 s, the
    /// longest that a function runs.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How a function is invoked. Default: [`InvokeMode::Stream`].
    pub fn invoke_mode(mut self, mode: InvokeMode) -> Self {
        self.mode = mode;
        self
    }

    /// The path at which a function serves MCP. Default: `/mcp`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The URL of Lambda's Invoke API. Default: that of the region, or `AWS_ENDPOINT_URL`.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Goes on in a session of 2025-11-25 that another connection has opened: `initialize` is not sent, and the session is not
    /// ended with the connection. Default: none.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the id has other characters than visible ASCII.
    pub fn session(mut self, id: &str) -> Result<Self, Error> {
        let is_visible = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
        let id = HeaderValue::from_str(id).ok().filter(|_| is_visible).ok_or_else(|| Error::Argument {
            name: "the session id",
            found: id.to_owned(),
            expected: "visible ASCII characters",
        })?;
        self.session = Some(id);
        Ok(self)
    }

    /// Gives `watcher` a text for each HTTP request, each head of a response, and each part of a body as it arrives. Values of
    /// headers that prove the caller are left out. Default: none.
    pub fn watch(mut self, watcher: impl Fn(String) + Send + Sync + 'static) -> Self {
        let watcher: Watcher = Arc::new(watcher);
        self.wire = Some(Wire::new(watcher));
        self
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What signatures are made for: of what is set, and otherwise of the host in the URL.
    #[must_use]
    pub fn signing_scope(&self) -> Option<SigningScope> {
        let found = self.address.signing_scope();
        let (service, region) = found.map_or((None, None), |scope| (Some(scope.service), Some(scope.region)));
        let service = self.service.clone().or(service)?;
        let region = self.aws.region.clone().or(region)?;
        Some(SigningScope { service, region })
    }

    /// Opens a connection. The first message opens a socket.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if something is missing for the signature, if the token is no token, or outside of a tokio runtime.
    pub fn connect(self) -> Result<Connection, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            let found = "called outside of one".to_owned();
            return Err(Error::Argument { name: "the tokio runtime", found, expected: "running" });
        }
        let (headers, limits, session) = (self.headers.clone(), self.limits, self.session.clone());
        Ok(Connection::open(self.sender()?, headers, limits, session))
    }

    /// A way to send single requests with what proves the caller, for checks and measurements. Sends nothing yet.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "checks")]
    pub fn http(self) -> Result<crate::check::RemoteHttp, Error> {
        let headers = self.headers.clone();
        Ok(crate::check::RemoteHttp::new(self.sender()?, headers))
    }

    /// The stack of the server, for the checks of its resources: the one with this name, or the one that the server's function
    /// or URL belongs to.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or no such stack.
    #[cfg(feature = "checks")]
    pub async fn stack(&self, name: Option<&str>) -> Result<crate::check::Stack, Error> {
        let found = match &self.address {
            Address::Function { region, .. } => region.clone(),
            Address::Url(_) => self.address.signing_scope().map(|scope| scope.region),
        };
        let region = self.aws.region.clone().or(found);
        let api = self.aws_api(region.as_deref()).await?;
        crate::check::find_stack(api, name, &self.address).await
    }

    /// The APIs of AWS in a region, or in that of the profile, for the same caller.
    #[cfg(feature = "checks")]
    pub(crate) async fn aws_api(&self, region: Option<&str>) -> Result<crate::aws::Api, Error> {
        let options = AwsOptions { region: region.map(str::to_owned), ..self.aws.clone() };
        crate::aws::Api::open(options, self.endpoint.as_deref()).await
    }

    fn sender(self) -> Result<Arc<dyn Sender>, Error> {
        let address = self.address.to_string();
        match &self.address {
            Address::Url(url) => {
                let url = url.clone();
                let authorize = self.authorize(&url)?;
                let sender = HttpSender::new(url.into(), address, authorize, self.timeout)?;
                Ok(Arc::new(sender.watched(self.wire)))
            }
            Address::Function { name, qualifier, region } => {
                let region = self.aws.region.clone().or_else(|| region.clone());
                let signer = SigV4::of("lambda".to_owned(), region.clone(), self.aws.clone());
                let function = Function {
                    name: name.clone(),
                    qualifier: qualifier.clone(),
                    region,
                    path: self.path,
                    endpoint: self.endpoint,
                };
                let sender = InvokeSender::new(function, self.mode, signer, self.timeout);
                Ok(match self.wire {
                    Some(wire) => Arc::new(Watched::new(sender, wire)),
                    None => Arc::new(sender),
                })
            }
        }
    }

    fn authorize(&self, url: &url::Url) -> Result<Arc<dyn Authorize>, Error> {
        let scope = self.signing_scope();
        Ok(match &self.auth {
            Auth::Anonymous => Arc::new(Anonymous),
            Auth::Bearer(token) => Arc::new(Bearer::new(token)?),
            Auth::OAuth(config) => Arc::new(OAuth::new(url.clone(), config.clone())),
            Auth::SigV4 => {
                let scope = scope.ok_or_else(|| Error::Argument {
                    name: "the service and region",
                    found: url.host_str().unwrap_or_default().to_owned(),
                    expected: "a host of AWS, so both have to be given: --service and --region",
                })?;
                Arc::new(SigV4::new(scope, self.aws.clone()))
            }
            Auth::Auto => {
                let signer = scope.map(|scope| SigV4::new(scope, self.aws.clone()));
                Arc::new(SignedOrOAuth::new(signer, OAuth::new(url.clone(), self.oauth.clone())))
            }
        })
    }
}

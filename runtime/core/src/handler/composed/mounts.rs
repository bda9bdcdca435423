//! The handlers of a composition.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::future::join_all;
use rmcp::{
    ErrorData,
    model::{ErrorCode, Implementation, ServerCapabilities},
};

use super::{owners::Owners, prefix::Prefix};
use crate::handler::{Handler, HandlerError, HandlerResult, Request, Results, layers::repaired_among};

/// How long one handler may take for its part of a list. The lists of the others do not wait longer for it.
pub(super) const LIST_TIME: Duration = Duration::from_secs(10);

/// Several handlers behind one endpoint, each under a prefix: rmcp handlers, stdio servers, or both.
///
/// Tools and prompts are named `<prefix>_<name>`. Resources keep their URIs, and are asked of the handler that lists them or has
/// a template for them. Lists are one list, in the order in which the handlers were mounted: a handler that fails, or does not
/// answer within ten seconds, is left out of it, with a warning in the log. Everything else a client sends reaches the
/// handler that it concerns, and notifications reach all of them.
///
/// ```no_run
/// use mcp_lambda_server::{Composed, McpLambdaServer, rmcp};
///
/// #[derive(Clone)]
/// struct Orders;
/// impl rmcp::ServerHandler for Orders {}
///
/// #[derive(Clone)]
/// struct Customers;
/// impl rmcp::ServerHandler for Customers {}
///
/// fn main() -> Result<(), mcp_lambda_server::Error> {
///     let shop = Composed::new("shop", "1.0.0").mount("orders", Orders).mount("customers", Customers);
///     McpLambdaServer::run(shop)
/// }
/// ```
pub struct Composed {
    pub(super) server_info: Implementation,
    pub(super) mounts: Vec<Mount>,
    pub(super) owners: Owners,
}

/// One handler and its prefix.
pub(super) struct Mount {
    pub(super) prefix: Prefix,
    pub(super) own: Arc<dyn Handler>,
    /// The handler with the layers that the whole has none of.
    repaired: OnceLock<Arc<dyn Handler>>,
}

impl Composed {
    /// Begins a server with this name and version, which has no handlers yet.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            server_info: Implementation::new(name, version),
            mounts: Vec::new(),
            owners: Owners::default(),
        }
    }

    /// Adds a handler under a prefix of 1 to 32 letters, digits, hyphens and underscores. A prefix that is another one, or begins
    /// with another one and an underscore, is refused when the server is built, since names would have two meanings.
    #[must_use]
    pub fn mount(mut self, prefix: &str, handler: impl Handler) -> Self {
        let own: Arc<dyn Handler> = Arc::new(handler);
        self.mounts.push(Mount { prefix: Prefix::new(prefix), own, repaired: OnceLock::new() });
        self
    }

    /// The handler of a mount. Where another one's results are passed on as they are, no layer around the whole repairs them,
    /// so those of an rmcp handler are repaired here.
    pub(super) fn handler<'m>(&self, mount: &'m Mount) -> &'m Arc<dyn Handler> {
        if self.whose_results() == Results::Own || mount.own.results() == Results::Passed {
            return &mount.own;
        }
        mount.repaired.get_or_init(|| repaired_among(Arc::clone(&mount.own)))
    }

    /// Whose results the whole returns: passed on as they are, if those of one handler are.
    pub(super) fn whose_results(&self) -> Results {
        let is_passed = self.mounts.iter().any(|mount| mount.own.results() == Results::Passed);
        if is_passed { Results::Passed } else { Results::Own }
    }

    /// The handlers that declare what a request needs.
    pub(super) fn with(&self, declares: impl Fn(&ServerCapabilities) -> bool) -> Vec<&Mount> {
        self.mounts.iter().filter(|mount| declares(&mount.own.info().capabilities)).collect()
    }

    /// Asks one handler after the other, until one does not answer that it knows nothing of it.
    pub(super) async fn first_that_knows(&self, mounts: Vec<&Mount>, request: Request) -> HandlerResult {
        let mut unknown = None;
        for mount in mounts {
            match self.handler(mount).request(request.clone()).await {
                Err(HandlerError::Handler(error)) if is_unknown(&error) => {
                    unknown.get_or_insert(error);
                }
                decided => return decided,
            }
        }
        let nobody = || ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.typed.method().to_owned(), None);
        Err(unknown.unwrap_or_else(nobody).into())
    }

    /// Passes a request to all handlers, and succeeds if one does.
    pub(super) async fn all(&self, mounts: Vec<&Mount>, request: Request) -> HandlerResult {
        let asked = mounts.iter().map(|mount| self.handler(mount).request(request.clone()));
        let mut outcome = None;
        for result in join_all(asked).await {
            if result.is_ok() || outcome.is_none() {
                outcome = Some(result);
            }
        }
        let nobody = || {
            Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.typed.method().to_owned(), None).into())
        };
        outcome.unwrap_or_else(nobody)
    }
}

/// Whether an error says that the handler knows nothing of what it was asked for.
fn is_unknown(error: &ErrorData) -> bool {
    [ErrorCode::METHOD_NOT_FOUND, ErrorCode::RESOURCE_NOT_FOUND, ErrorCode::INVALID_PARAMS]
        .contains(&error.code)
}

impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<_> = self.mounts.iter().map(|mount| &mount.prefix).collect();
        f.debug_struct("Composed").field("name", &self.server_info.name).field("prefixes", &prefixes).finish()
    }
}

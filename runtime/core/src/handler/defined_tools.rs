//! Tools as a file defines them: other names and texts, scopes, timeouts, limits of rate.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use http::request::Parts;
use rmcp::model::{CallToolResult, ClientRequest, ContentBlock, ServerResult};

use super::{Handler, HandlerError, HandlerResult, Layer, Request, page};
use crate::{
    config::{Meant, RateLimit, ToolDefinition},
    ingress::Ingress,
    limits::CallerKey,
    protocol::Fault,
    time::{Clock, Timestamp},
    tool_definitions::Definitions,
};

/// The most callers whose calls are counted at a time, for each process.
const CALLERS: usize = 10_000;

/// The layer: clients see the tools of the file, and the layers inside see those of the program.
pub(super) struct DefinedTools {
    inner: Arc<dyn Handler>,
    definitions: Definitions,
    clock: Clock,
    rates: Mutex<Rates>,
}

impl DefinedTools {
    pub(super) fn new(inner: Arc<dyn Handler>, definitions: Definitions, clock: Clock) -> Self {
        Self { inner, definitions, clock, rates: Mutex::default() }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, mut request: Request, name: String) -> HandlerResult {
        let definitions = self.definitions.current().await;
        let (own, tool) = match definitions.meant(&name) {
            Meant::Same => return self.inner.request(request).await,
            Meant::None => {
                return Err(HandlerError::Refused(Fault::invalid_params(format!("unknown tool: {name}"))));
            }
            Meant::Defined(own, tool) => (own, tool),
        };
        let needed: Vec<_> =
            tool.scopes.iter().filter(|scope| !request.principal.has_scope(scope)).cloned().collect();
        if !needed.is_empty() {
            return Err(HandlerError::Refused(Fault::InsufficientScope { needed: tool.scopes.clone() }));
        }
        if let Some(limit) = tool.rate_limit {
            let key = (caller(&request), own.to_owned());
            if let Err(wait) = self.rates().take(key, limit, self.clock.now()) {
                return Ok(too_many(&name, limit, wait));
            }
        }
        if let ClientRequest::CallToolRequest(call) = &mut request.typed {
            call.params.name = own.to_owned().into();
        }
        let Some(timeout) = tool.timeout else { return self.inner.request(request).await };
        let called = self.inner.request(request);
        tokio::time::timeout(timeout, called).await.unwrap_or_else(|_| Ok(too_slow(&name, timeout)))
    }

    async fn list(&self, request: Request) -> HandlerResult {
        let definitions = self.definitions.current().await;
        let principal = request.principal.clone();
        let mut result = self.inner.request(request).await?;
        let is_allowed = |tool: &ToolDefinition| tool.scopes.iter().all(|scope| principal.has_scope(scope));
        page::retain_tools(&mut result, |name| {
            definitions.of(name).is_none_or(|tool| tool.enabled && is_allowed(tool))
        });
        page::define_tools(&mut result, |name| {
            let tool = definitions.of(name)?;
            Some(page::Definition {
                name: tool.name.as_deref(),
                title: tool.title.as_deref(),
                description: tool.description.as_deref(),
            })
        });
        if definitions.has_scopes() {
            // The list is the caller's own.
            page::make_private(&mut result);
        }
        Ok(result)
    }
}

impl Layer for DefinedTools {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match &request.typed {
            ClientRequest::CallToolRequest(call) => {
                let name = call.params.name.to_string();
                Box::pin(self.call(request, name))
            }
            ClientRequest::ListToolsRequest(_) => Box::pin(self.list(request)),
            _ => self.inner.request(request),
        }
    }
}

/// Who counts as one caller. A call that did not come over HTTP is its principal's.
fn caller(request: &Request) -> CallerKey {
    match request.context.extensions.get::<Parts>() {
        Some(parts) => {
            let client = parts.extensions.get::<Ingress>().and_then(|ingress| ingress.client);
            CallerKey::new(&request.principal, client, &parts.headers)
        }
        None => CallerKey::new(&request.principal, None, &http::HeaderMap::new()),
    }
}

fn too_slow(name: &str, timeout: Duration) -> ServerResult {
    failed(format!("{name} was stopped: it took longer than {} s", timeout.as_secs()))
}

fn too_many(name: &str, limit: RateLimit, wait: Duration) -> ServerResult {
    let RateLimit { calls, per } = limit;
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    failed(format!(
        "{name} was not called: {calls} calls in {} s are allowed; call it again in {seconds} s",
        per.as_secs()
    ))
}

fn failed(text: String) -> ServerResult {
    ServerResult::CallToolResult(CallToolResult::error(vec![ContentBlock::text(text)]))
}

/// The calls of the last time, as one timestamp for each caller and tool: when all of them will be over, at the rate of the limit. It is the
/// generic cell rate algorithm: <https://www.itu.int/rec/T-REC-I.371> (read 2026-11-28).
#[derive(Default)]
struct Rates(HashMap<(CallerKey, String), Timestamp>);

impl Rates {
    /// Counts a call. The error is how long the caller has to wait.
    fn take(&mut self, key: (CallerKey, String), limit: RateLimit, now: Timestamp) -> Result<(), Duration> {
        if self.0.len() >= CALLERS && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let until = self.0.get(&key).copied().filter(|until| *until > now).unwrap_or(now);
        let next = until.plus(limit.per / limit.calls.max(1));
        let latest = now.plus(limit.per);
        if next > latest {
            return Err(next.since(latest));
        }
        self.0.insert(key, next);
        Ok(())
    }

    /// Forgets the callers whose calls are over, else the one whose calls are over first.
    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() >= CALLERS
            && let Some(first) = self.0.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone())
        {
            self.0.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Principal;

    const LIMIT: RateLimit = RateLimit { calls: 3, per: Duration::from_secs(60) };

    fn key(name: &str) -> (CallerKey, String) {
        (CallerKey::new(&Principal::from_key(name), None, &http::HeaderMap::new()), "echo".to_owned())
    }

    #[test]
    fn so_many_calls_are_allowed_at_once_and_then_one_after_the_other() {
        let mut rates = Rates::default();
        let start = Timestamp::from_millis(1_000_000);
        for _ in 0..3 {
            assert_eq!(rates.take(key("a"), LIMIT, start), Ok(()));
        }
        assert_eq!(rates.take(key("a"), LIMIT, start), Err(Duration::from_secs(20)));
        assert_eq!(rates.take(key("b"), LIMIT, start), Ok(()), "another caller");
        let later = start.plus(Duration::from_secs(20));
        assert_eq!(rates.take(key("a"), LIMIT, later), Ok(()));
        assert_eq!(rates.take(key("a"), LIMIT, later), Err(Duration::from_secs(20)));
        let much_later = later.plus(Duration::from_secs(600));
        for _ in 0..3 {
            assert_eq!(rates.take(key("a"), LIMIT, much_later), Ok(()));
        }
    }

    #[test]
    fn callers_are_counted_up_to_a_limit() {
        let mut rates = Rates::default();
        let start = Timestamp::from_millis(1_000_000);
        for number in 0..CALLERS + 5 {
            let at = start.plus(Duration::from_millis(number as u64));
            assert_eq!(rates.take(key(&number.to_string()), LIMIT, at), Ok(()));
        }
        assert_eq!(rates.0.len(), CALLERS);
        assert!(!rates.0.contains_key(&key("0")), "the one whose calls are over first");
        let later = start.plus(Duration::from_secs(3600));
        assert_eq!(rates.take(key("new"), LIMIT, later), Ok(()));
        assert_eq!(rates.0.len(), 1);
    }
}

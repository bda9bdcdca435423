//! The places that rules come from. The specification of MCP was read on [`crate::check::READ`].

macro_rules! specification {
    ($path:literal) => {
        concat!("https://modelcontextprotocol.io/specification/", $path)
    };
}

pub(crate) const ERRORS: &str = specification!("2026-07-28/basic#error-codes");
pub(crate) const REQUESTS: &str = specification!("2026-07-28/basic#requests");
pub(crate) const RESPONSES: &str = specification!("2026-07-28/basic#responses");
pub(crate) const RESULTS: &str = specification!("2026-07-28/basic#results");
pub(crate) const BASIC: &str = specification!("2026-07-28/basic");
pub(crate) const HTTP: &str = specification!("2026-07-28/basic/transports/streamable-http");
pub(crate) const RECEIVING: &str =
    specification!("2026-07-28/basic/transports/streamable-http#receiving-messages");
pub(crate) const METADATA: &str =
    specification!("2026-07-28/basic/transports/streamable-http#request-metadata");
pub(crate) const ORIGIN: &str =
    specification!("2026-07-28/basic/transports/streamable-http#security-warning");
pub(crate) const VERSIONING: &str = specification!("2026-07-28/basic/versioning");
pub(crate) const CHANGES: &str = specification!("2026-07-28/changelog");
pub(crate) const DISCOVER: &str = specification!("2026-07-28/server/discover");
pub(crate) const CACHING: &str = specification!("2026-07-28/server/utilities/caching");
pub(crate) const PAGES: &str = specification!("2026-07-28/server/utilities/pagination");
pub(crate) const PROGRESS: &str = specification!("2026-07-28/basic/patterns/progress");
pub(crate) const SUBSCRIPTIONS: &str = specification!("2026-07-28/basic/patterns/subscriptions");
pub(crate) const TOOLS: &str = specification!("2026-07-28/server/tools");
pub(crate) const RESOURCES: &str = specification!("2026-07-28/server/resources");
pub(crate) const AUTHORIZATION: &str = specification!("2026-07-28/basic/authorization");
pub(crate) const TOKENS: &str = specification!("2026-07-28/basic/authorization#token-handling");
pub(crate) const NEGOTIATION: &str = specification!("2025-11-25/basic/lifecycle#version-negotiation");
pub(crate) const SESSIONS: &str = specification!("2025-11-25/basic/transports#session-management");
pub(crate) const VERSION_HEADER: &str = specification!("2025-11-25/basic/transports#protocol-version-header");
pub(crate) const SENDING: &str = specification!("2025-11-25/basic/transports#sending-messages-to-the-server");
pub(crate) const LISTENING: &str =
    specification!("2025-11-25/basic/transports#listening-for-messages-from-the-server");
pub(crate) const RESUMING: &str = specification!("2025-11-25/basic/transports#resumability-and-redelivery");
pub(crate) const STREAMS: &str = specification!("2025-11-25/basic/transports#multiple-connections");
pub(crate) const HIJACKING: &str =
    specification!("2025-11-25/basic/security_best_practices#session-hijacking");
pub(crate) const PING: &str = specification!("2025-11-25/basic/utilities/ping");
pub(crate) const TASKS: &str =
    "https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md";
pub(crate) const EVENT_STREAMS: &str =
    "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation";
pub(crate) const VARY: &str = "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches";
pub(crate) const CACHE_CONTROL: &str = "https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.4";
pub(crate) const JSON_SCHEMA: &str = "https://json-schema.org/draft/2020-12/json-schema-core#section-4.3";
pub(crate) const PROTECTED_RESOURCE: &str = "https://www.rfc-editor.org/rfc/rfc9728#section-3.3";
pub(crate) const EMPTY_SUBSCRIPTION: &str =
    "https://github.com/modelcontextprotocol/typescript-sdk/issues/2650";

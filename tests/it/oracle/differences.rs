//! Where we mean to differ from rmcp's HTTP service, case by case, and why.

/// The status and the code of an answer; status 0 is no answer.
pub(crate) type Gist = (u16, Option<i64>);

/// One intended difference.
pub(crate) struct Difference {
    pub(crate) case: &'static str,
    pub(crate) ours: Gist,
    pub(crate) theirs: Gist,
    /// Why ours. Shown when the difference is gone.
    pub(crate) why: &'static str,
}

const fn differs(case: &'static str, ours: Gist, theirs: Gist, why: &'static str) -> Difference {
    Difference { case, ours, theirs, why }
}

const UNREADABLE: &str =
    "what is not JSON-RPC is 400 with the code that says why; rmcp calls it a media type";
const JSON_ONLY: &str =
    "a client that reads only JSON is answered with JSON; nothing it asked for needs a stream";
const PARAMS: &str =
    "wrong parameters are -32602 with a reason; rmcp's untagged union takes them for another method";
const PANIC: &str =
    "a panic is the tool's error; rmcp's request then never ends, and is billed until the timeout";

/// Differences of 2026-07-28.
pub(crate) const STATELESS: &[Difference] = &[
    differs(
        "server/discover",
        (200, None),
        (200, None),
        "2024-11-05 has another transport, so it is not offered; the others are listed newest first",
    ),
    differs(
        "a method of the handler's own",
        (200, None),
        (200, None),
        "every result has a resultType, MUST; rmcp leaves custom results as they are",
    ),
    differs("a tool name of the wrong type", (200, Some(-32602)), (404, Some(-32601)), PARAMS),
    differs(
        "resources/subscribe",
        (404, Some(-32601)),
        (400, Some(-32020)),
        "the method is gone, and the table of Mcp-Name does not have it; rmcp asks for the header first",
    ),
    differs("a panic", (200, Some(-32603)), (0, None), PANIC),
    differs(
        "a bad log level",
        (200, Some(-32602)),
        (200, None),
        "an unknown level is -32602, SHOULD; rmcp reads it as none",
    ),
    differs(
        "an Mcp-Name with spaces around",
        (200, None),
        (400, Some(-32020)),
        "optional white space is no part of a header's value (RFC 9110 5.5)",
    ),
    differs(
        "an Mcp-Param equal as a number",
        (200, None),
        (400, Some(-32020)),
        "integers are compared as numbers, SHOULD",
    ),
    differs(
        "two version headers",
        (400, Some(-32020)),
        (200, None),
        "of two headers two readers could each believe another one",
    ),
    differs(
        "a notification",
        (202, None),
        (400, Some(-32020)),
        "header rules for notifications are undefined, and real clients send this one without Mcp-Method",
    ),
    differs("an id that is null", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("an id that is a fraction", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("no jsonrpc", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("a batch", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("unparsable JSON", (400, Some(-32700)), (415, None), UNREADABLE),
    differs("no UTF-8", (400, Some(-32700)), (415, None), UNREADABLE),
    differs("no object", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("no Accept", (200, None), (406, None), "no Accept means anything (RFC 9110 12.5.1)"),
    differs("Accept: application/json", (200, None), (406, None), JSON_ONLY),
    differs(
        "a foreign origin",
        (403, Some(-32600)),
        (200, None),
        "an origin that is there and not allowed is 403, MUST; rmcp checks it only when configured",
    ),
];

/// Differences of every session revision.
pub(crate) const SESSION: &[Difference] = &[
    differs(
        "initialize 2024-11-05",
        (200, None),
        (200, None),
        "2024-11-05 has another transport: over this one we offer the newest revision that has it",
    ),
    differs("initialize without params", (200, Some(-32602)), (400, None), PARAMS),
    differs(
        "logging/setLevel",
        (200, None),
        (200, Some(-32601)),
        "the level is kept and applied by the runtime",
    ),
    differs(
        "resources/subscribe",
        (200, None),
        (200, Some(-32601)),
        "the subscription is kept by the runtime",
    ),
    differs(
        "resources/unsubscribe",
        (200, None),
        (200, Some(-32601)),
        "the subscription is kept by the runtime",
    ),
    differs("a tool name of the wrong type", (200, Some(-32602)), (200, Some(-32601)), PARAMS),
    differs("a bad log level", (200, Some(-32602)), (200, Some(-32601)), PARAMS),
    differs(
        "a stateless code of a tool",
        (200, Some(-32600)),
        (200, Some(-32021)),
        "a client that sees a code of 2026-07-28 takes this server for one that has no sessions",
    ),
    differs("a panic", (200, Some(-32603)), (200, None), PANIC),
    differs("unparsable JSON", (400, Some(-32700)), (415, None), UNREADABLE),
    differs("an id that is null", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("no jsonrpc", (400, Some(-32600)), (415, None), UNREADABLE),
    differs("Accept: application/json", (200, None), (406, None), JSON_ONLY),
    differs(
        "GET without a session",
        (405, Some(-32600)),
        (400, None),
        "clients take only 405 for \"no such stream\" and go on without (python-sdk#3104)",
    ),
    differs(
        "GET from an unknown event",
        (405, Some(-32000)),
        (200, None),
        "a client that cannot be given what it missed must know; rmcp opens a fresh stream",
    ),
    differs(
        "DELETE of an unknown session",
        (404, Some(-32001)),
        (202, None),
        "an unknown session is 404, MUST, whatever is asked of it",
    ),
    differs("DELETE", (204, None), (202, None), "the session has ended, not will end"),
];

/// What 2025-03-26 has and the others have not.
pub(crate) const BATCH_TAKEN: Difference =
    differs("a batch", (200, None), (415, None), "2025-03-26 servers MUST take batches");
pub(crate) const BATCH_REFUSED: Difference = differs("a batch", (400, Some(-32600)), (415, None), UNREADABLE);

//! From one era of MCP to the other: what a client sends as a child reads it, and back.
//!
//! * [`params`]: the parameters of a request. [`result`](mod@result): results.
//! * [`asks`]: requests of a child for the client of a call.

pub(crate) mod asks;
pub(crate) mod params;
pub(crate) mod result;

/// Metadata that each request of 2026-07-28 has, and no other one.
const STATELESS_META: [&str; 4] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    LOG_LEVEL,
];
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

//! What clients send, as they send it: checked once, forgiven where nothing reads it, refused in words of JSON.

mod arguments;
mod completions;
mod cursors;
mod forgiven;
mod refusals;
mod refused_by_server;
mod refused_callers;

mod hooks;
mod invocation;
mod runtime_api;
mod snapshots;

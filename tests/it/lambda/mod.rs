mod hooks;
mod invocation;
mod login;
mod runtime_api;
mod snapshots;

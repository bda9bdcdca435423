mod invocation;
mod runtime_api;

//! The server as its users and its operators meet it: real requests, real stores, several environments at once.
//!
//! All of it is one program, because each program of this size costs a hundred megabytes and its own link time. A test
//! that needs a process of its own has one: [server_log](server_log/main.rs).

mod auth;
mod config;
mod conformance;
mod environments;
mod events;
mod handler;
mod http;
mod input;
mod keys;
mod lambda;
mod large_results;
mod login;
mod mutated;
mod oracle;
mod protocol;
mod session;
mod stateless;
mod stores;
mod tasks;
mod telemetry;

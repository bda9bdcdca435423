mod auth;
mod otel;
mod variables;

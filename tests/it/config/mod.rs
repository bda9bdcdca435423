mod auth;
mod files;
mod otel;
mod variables;

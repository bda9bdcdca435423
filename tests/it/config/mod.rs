mod auth;
mod variables;

mod keys;
mod server_isolation;
mod tokens;

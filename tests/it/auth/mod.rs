mod isolation;
mod keys;
mod tokens;

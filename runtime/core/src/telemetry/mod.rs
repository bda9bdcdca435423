//! The log of the server.

mod lazy;
mod logs;

pub use logs::init as init_logs;

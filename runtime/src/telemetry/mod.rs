//! What operators see.

mod logs;

pub use logs::init as init_logs;

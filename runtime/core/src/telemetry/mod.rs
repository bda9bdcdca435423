//! What operators see.

mod lazy;
mod logs;

pub(crate) use logs::filter;
pub use logs::init as init_logs;

//! What operators see.

mod logs;
mod quiet;

pub(crate) use logs::filter;
pub use logs::init as init_logs;

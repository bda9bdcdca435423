//! What a process logs, taken by a test.
//!
//! * [`warnings`]: lines at `warn` and above, kept for each test on its own.
//! * [`everything`]: every line, span and field of every crate, for a program with one test.

pub mod everything;
pub mod warnings;

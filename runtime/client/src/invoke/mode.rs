//! How a function is invoked.

/// How a function is invoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InvokeMode {
    /// With `InvokeWithResponseStream`: messages arrive while the function runs.
    #[default]
    Stream,
    /// With `Invoke`: all messages arrive at the end.
    Buffered,
}

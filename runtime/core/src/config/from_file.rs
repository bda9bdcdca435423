//! A setting that a file has.

/// A setting of a file.
#[cfg_attr(not(feature = "config-files"), allow(dead_code, reason = "no file is read"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FromFile {
    pub(super) value: String,
    /// The file.
    pub(super) file: String,
    /// The name of the setting as it is written there.
    pub(super) key: String,
}

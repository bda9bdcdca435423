//! Files of this program in the operating system's folders, which only their owner can read.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use etcetera::{AppStrategy, AppStrategyArgs, HomeDirError, choose_app_strategy};

/// A folder for data of this program.
pub(crate) fn data_folder(name: &str) -> Result<PathBuf, HomeDirError> {
    Ok(strategy()?.in_data_dir(name))
}

/// A file for state of this program, such as a history; with its data where the system has no folder for state. `None` without
/// a home.
#[cfg(feature = "cli")]
pub(crate) fn state_file(name: &str) -> Option<PathBuf> {
    let strategy = strategy().ok()?;
    Some(strategy.in_state_dir(name).unwrap_or_else(|| strategy.in_data_dir(name)))
}

fn strategy() -> Result<impl AppStrategy, HomeDirError> {
    choose_app_strategy(AppStrategyArgs {
        top_level_domain: "io.github".to_owned(),
        author: "mcp-lambda".to_owned(),
        app_name: "mcp-lambda".to_owned(),
    })
}

/// Creates a folder, and those above it.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Creates a file, or empties it.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

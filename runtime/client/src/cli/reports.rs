//! Files of reports: their kind is in the ending of their name.

use std::path::Path;

use super::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Junit,
    Json,
    Html,
}

/// Writes a report of the kind that the file's name asks for.
pub(super) fn write(file: &Path, text: &dyn Fn(Kind) -> Result<String, Failure>) -> Result<(), Failure> {
    let kind = kind(file)?;
    std::fs::write(file, text(kind)?)
        .map_err(|error| Failure::refused(format!("{}: {error}", file.display())))
}

fn kind(file: &Path) -> Result<Kind, Failure> {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("xml") => Ok(Kind::Junit),
        Some("json") => Ok(Kind::Json),
        Some("html" | "htm") => Ok(Kind::Html),
        _ => Err(Failure::usage(format!(
            "--report {}: expected a name that ends in .xml, .json or .html",
            file.display()
        ))),
    }
}

/// Refuses names of files before anything has run.
pub(super) fn check(files: &[std::path::PathBuf]) -> Result<(), Failure> {
    files.iter().try_for_each(|file| kind(file).map(|_| ()))
}

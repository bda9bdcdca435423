//! The options of `mcp-lambda connect`.

use clap::Args;

use crate::cli::args::{FormArgs, RemoteArgs};

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
    #[command(flatten)]
    pub(super) form: FormArgs,
    /// Goes on in a session of 2025-11-25 that is open, and leaves it open
    #[arg(long, value_name = "ID")]
    pub(super) session_id: Option<String>,
    /// Shows each message in both directions with its headers, without what proves the caller
    #[arg(long)]
    pub(super) debug: bool,
}

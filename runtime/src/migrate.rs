//! The command `migrate` of a program: it makes the tables of a database, or brings them to the version of the program.

use std::io::{self, Write, stdout};

use mcp_lambda_core::{
    config::{Config, StoreChoice},
    error::{ConfigError, Error},
};
use mcp_lambda_postgres::migrate;

use crate::backends::unusable_database;

/// Migrates the database of the configuration, and prints what was done.
pub(crate) async fn run(config: &Config) -> Result<(), Error> {
    let StoreChoice::Postgres(url) = &config.store else {
        let expected = "the URL of a database, such as postgres://mcp@db.example/mcp: other stores have nothing to migrate";
        return Err(ConfigError::new("MCP_STORE", "", expected).into());
    };
    let migrated = migrate(url).await.map_err(|error| unusable_database(url, &error))?;
    let line = match migrated.from {
        from if from == migrated.to => format!("{url}: the tables have version {from} already"),
        0 => format!("{url}: the tables of version {} were made", migrated.to),
        from => format!("{url}: the tables have version {} now, instead of {from}", migrated.to),
    };
    write(&line).map_err(Error::Output)
}

fn write(line: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

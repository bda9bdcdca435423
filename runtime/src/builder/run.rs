//! The whole life of a process: it builds the server, and serves.

use mcp_lambda_core::{
    config::{Config, ProcessRole, StoreChoice},
    error::Error,
    handler::Handler,
};

use super::Builder;
use crate::{
    backends,
    command_line::{self, Command},
    server::Host,
    settings::{self, OfProgram},
    traces,
};

impl<H: Handler> Builder<H> {
    /// Builds the server and serves until the process is asked to stop, on a tokio runtime of its own. With the arguments
    /// `schema --agentcore` the process prints its tools instead ([`schema_command`](Self::schema_command)), with `config` its
    /// settings ([`config_command`](Self::config_command)), and with `migrate` it makes the tables of a database
    /// ([`migrate_command`](Self::migrate_command)).
    ///
    /// A program with the feature `sqlite` keeps its state outside Lambda in a file, unless its configuration or the argument
    /// `--memory` says otherwise.
    ///
    /// # Errors
    ///
    /// As [`McpLambdaServer::run`](crate::McpLambdaServer::run).
    pub fn run(mut self) -> Result<(), Error> {
        let command = command_line::command(std::env::args_os().skip(1));
        if let (true, Some(command @ (Command::Config | Command::ConfigJson))) =
            (self.config_command, command)
        {
            let of_program = OfProgram {
                sessions: self.sessions,
                receives_events: self.receive_events,
                argument_checks: self.argument_checks,
                has_config: self.config.is_some(),
            };
            return settings::print(&of_program, command == Command::ConfigJson);
        }
        let mut config = self.configured()?;
        let on_lambda = config.runtime_api.is_some();
        if self.schema_command && !on_lambda && command == Some(Command::Schema) {
            config.role = ProcessRole::AgentCoreSchema;
        }
        #[cfg(feature = "postgres")]
        if self.migrate_command && command == Some(Command::Migrate) {
            let runtime = runtime(&config, true).map_err(Error::Runtime)?;
            return runtime.block_on(crate::migrate::run(&config));
        }
        if command == Some(Command::Memory) && !on_lambda {
            config.store = StoreChoice::Memory;
        }
        let runtime = runtime(&config, self.one_thread).map_err(Error::Runtime)?;
        self.config = Some(config);
        runtime.block_on(self.build_and_serve())
    }

    async fn build_and_serve(mut self) -> Result<(), Error> {
        let mut config = self.configured()?;
        if config.role == ProcessRole::AgentCoreSchema {
            // Standard error has what the schema cannot express.
            config.log_filter = "error".parse().unwrap_or(config.log_filter);
        }
        // Before the build: the connection to the Runtime API is made meanwhile.
        let host = Host::of(&config, &self.hooks).await?;
        let tracing = traces::of(&config, &self.handler, &self.clock, self.sdk.as_ref())?;
        let logs = traces::init_logs(&config, tracing.as_ref());
        if self.stores.is_none() {
            let name = self.handler.info().server_info.name;
            config.store = backends::default_file(&name, &config).unwrap_or(config.store);
        }
        let in_memory = self.stores.is_none() && config.tables.is_none();
        if config.events.enabled.unwrap_or(self.receive_events) && host.is_lambda() && in_memory {
            tracing::warn!(
                "events are kept in the memory of this execution environment and reach no other one: set EVENT_TABLE_NAME"
            );
        }
        self.config = Some(config);
        self.tracing = tracing;
        let server = self.build().await?;
        server.serve_on(host, logs).await
    }
}

#[inline(never)]
fn runtime(config: &Config, one_thread: bool) -> std::io::Result<tokio::runtime::Runtime> {
    // One request at a time leaves nothing for a second thread to do but to be woken.
    let is_alone = config.runtime_api.is_some() && config.max_concurrency <= 1;
    let mut builder = if one_thread || is_alone {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

//! How the settings are read: each from its variable, with the default where it is not set.

use super::*;

impl Config {
    /// Reads the configuration from the environment of the process, and from a file ([`Settings::of_process`]).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a setting has an invalid value, or is missing beside another one, or if the file cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_settings(&Settings::of_process()?)
    }

    /// Reads the configuration from settings.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        Self::from_lookup(|name| settings.get(name)).map_err(|error| settings.located(error))
    }

    /// The file in which a server of this name keeps its state if nothing else was chosen. `None`: the user has no home
    /// directory.
    #[doc(hidden)]
    #[must_use]
    pub fn default_store(&self, name: &str) -> Option<PathBuf> {
        let home = || Some(std::env::home_dir()?.join(".local").join("state"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).take(100).collect();
        Some(self.state_home.clone().or_else(home)?.join("mcp-lambda-server").join(format!("{name}.db")))
    }

    /// Reads the configuration with a function that returns the value of a variable.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(&lookup);
        let default = Self::default();
        let cors = CorsConfig {
            origins: env.list(&CORS_ORIGINS, "*, or origins such as https://app.example.com", is_origin)?,
            credentials: env.switch(&CORS_CREDENTIALS, default.cors.credentials)?,
            max_age: env.seconds(&CORS_MAX_AGE, default.cors.max_age, 0)?,
        };
        if cors.credentials && cors.origins == AllowList::Any {
            return Err(invalid_value(
                &CORS_CREDENTIALS,
                "true",
                "false, or a list of origins in MCP_CORS_ORIGINS: browsers refuse * with credentials",
            ));
        }
        let store = env.store()?;
        let uses_tables = matches!(store, StoreChoice::Auto | StoreChoice::DynamoDb);
        let tables = env.tables()?.filter(|_| uses_tables);
        Ok(Self {
            role: env.role()?,
            listen: env.listen(default.listen)?,
            path: env.path(&PATH, default.path)?,
            response_mode: env.response_mode()?,
            streams: StreamConfig {
                enabled: env.switch(&STREAMS, default.streams.enabled)?,
                lifetime: env.optional(&STREAM_SECONDS, 1)?.map(Duration::from_secs),
                per_principal: env.count(&STREAMS_PER_PRINCIPAL, default.streams.per_principal)?,
                per_process: env.count(&STREAMS_PER_PROCESS, default.streams.per_process)?,
                keep_alive: env.seconds(&KEEP_ALIVE_SECONDS, default.streams.keep_alive, 1)?,
                retry: env.optional(&RETRY_MS, 1)?.map_or(default.streams.retry, Duration::from_millis),
            },
            request_timeout: env.seconds(&REQUEST_SECONDS, default.request_timeout, 1)?,
            connections: ConnectionConfig {
                limit: env.count(&CONNECTIONS, default.connections.limit)?,
                idle: env.seconds(&CONNECTION_IDLE_SECONDS, default.connections.idle, 1)?,
                write_time: env.seconds(&WRITE_SECONDS, default.connections.write_time, 1)?,
                stop_time: env.seconds(&STOP_SECONDS, default.connections.stop_time, 1)?,
                trusted_proxies: env.addresses(&TRUSTED_PROXIES)?,
            },
            tool_check_interval: env.seconds(&TOOL_CHECK, default.tool_check_interval, 0)?,
            tool_definitions: env.tool_definitions()?,
            sessions: SessionConfig {
                mode: env.session_mode()?,
                per_principal: env.count(&SESSIONS_PER_PRINCIPAL, default.sessions.per_principal)?,
                subscriptions: env.count(&SUBSCRIPTIONS_PER_SESSION, default.sessions.subscriptions)?,
            },
            memory: env.optional(&MEMORY_MB, 1)?.map_or(default.memory, mebibytes),
            session_ttl: env
                .optional(&SESSION_TTL_MINUTES, 1)?
                .map_or(default.session_ttl, |minutes| Duration::from_secs(minutes * 60)),
            state_keys: env.state_keys()?,
            state_keys_secret: env.state_keys_secret()?,
            state_ttl: env.seconds(&STATE_TTL_SECONDS, default.state_ttl, 1)?,
            max_body: env.count(&MAX_BODY_BYTES, default.max_body)?,
            max_response: env.optional(&MAX_RESPONSE_SIZE_MB, 1)?.map_or(default.max_response, mebibytes),
            large_results: env.large_results(default.large_results)?,
            limits: Limits {
                depth: env.count(&MAX_JSON_DEPTH, default.limits.depth)?,
                values: env.count(&MAX_JSON_VALUES, default.limits.values)?,
                batch: env.count(&MAX_BATCH, default.limits.batch)?,
            },
            requests: RequestLimits {
                headers: env.count(&MAX_HEADERS, default.requests.headers)?,
                header_bytes: env.count(&MAX_HEADER_BYTES, default.requests.header_bytes)?,
                body_time: env.seconds(&BODY_SECONDS, default.requests.body_time, 1)?,
                per_principal: env.count(&REQUESTS_PER_PRINCIPAL, default.requests.per_principal)?,
                per_process: env.count(&REQUESTS_PER_PROCESS, default.requests.per_process)?,
                body_bytes_per_principal: env
                    .count(&BODY_BYTES_PER_PRINCIPAL, default.requests.body_bytes_per_principal)?,
                body_bytes_per_process: env
                    .count(&BODY_BYTES_PER_PROCESS, default.requests.body_bytes_per_process)?,
            },
            store,
            store_bytes: env.optional(&STORE_MB, 1)?.map_or(default.store_bytes, mebibytes),
            store_connections: env.store_connections(default.store_connections)?,
            state_home: env.get(&STATE_HOME).map(PathBuf::from).filter(|folder| folder.is_absolute()),
            tables,
            events: EventConfig {
                enabled: env.get(&EVENTS).map(|_| env.switch(&EVENTS, false)).transpose()?,
                ttl: env
                    .optional(&EVENT_TTL_MINUTES, 1)?
                    .map_or(default.events.ttl, |minutes| Duration::from_secs(minutes * 60)),
                replicas: env.count(&EVENT_REPLICAS, default.events.replicas)?,
                topic_arn: env.topic_arn()?,
            },
            tasks: env.tasks(&default.tasks)?,
            tool_resources: ToolResourceConfig::read(&env)?,
            stdio: env.stdio()?,
            tls_roots: env.tls_roots()?,
            start_page: env.get(&START_PAGE).map(|_| env.switch(&START_PAGE, false)).transpose()?,
            hosts: env.list(&ALLOWED_HOSTS, "*, or host names such as mcp.example.com", is_host)?,
            cors,
            auth: auth::read(&env)?,
            #[cfg(feature = "login")]
            login: LoginConfig::read(&env)?,
            #[cfg(feature = "login")]
            upstream_tokens: UpstreamTokenConfig::read(&env)?,
            argument_checks: env.switch(&ARGUMENT_CHECKS, default.argument_checks)?,
            compression: env.switch(&COMPRESSION, default.compression)?,
            runtime_api: env.get(&RUNTIME_API),
            max_concurrency: env.count(&MAX_CONCURRENCY, default.max_concurrency)?,
            eager_init: env.get(&INITIALIZATION_TYPE).is_some_and(|kind| kind != "on-demand"),
            snap_start: env.get(&INITIALIZATION_TYPE).is_some_and(|kind| kind == "snap-start"),
            metrics_address: env.metrics_address()?,
            #[cfg(feature = "metrics")]
            metrics_level: env.metrics_level(),
            #[cfg(feature = "otel")]
            otel: OtelConfig::read(&env)?,
            function_name: env.get(&FUNCTION_NAME),
            log_filter: env.log_filter()?,
            log_payloads: env.log_payloads()?,
            log_format: env.log_format()?,
        })
    }
}

/// A number of MiB, in bytes.
fn mebibytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(1024 * 1024)
}

/// Whether a text is an origin as browsers send it: scheme and host, without a path.
fn is_origin(text: &str) -> bool {
    text == "null"
        || text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', '?', '#', '@'])
        })
}

fn is_host(text: &str) -> bool {
    !text.contains(['/', '*', '?', '#', '@', ' '])
}

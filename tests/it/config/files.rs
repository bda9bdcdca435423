//! Settings in a file: its names, its place among the other sources, and what is wrong with one.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use mcp_lambda_server::{
    Config,
    auth::ScopeTable,
    config::{AllowList, SessionMode, Settings, Source, VARIABLES, Variable},
    error::ConfigError,
};

/// A folder that is removed with its files.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mcp-settings-{test}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(test: &str, name: &str, text: &str) -> Self {
        let folder = Self::new(test);
        fs::write(folder.0.join(name), text).unwrap();
        folder
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn settings(&self, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment: HashMap<_, _> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::new(move |name| environment.get(name).cloned(), std::slice::from_ref(&self.0))
    }

    fn config(&self, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_settings(&self.settings(environment)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn variable(name: &str) -> &'static Variable {
    VARIABLES.iter().find(|variable| variable.name == name).unwrap()
}

const TOML: &str = r#"
sessions = "required"
stream_seconds = 45
cors_origins = ["https://a.example", "https://b.example"]
argument_checks = false

[jwt]
issuer = "https://issuer.example.com"
audience = "mcp"

[tool_scopes]
"publish_*" = ["events:write", "audit"]
reset = "admin"
"#;

const JSON: &str = r#"{
    "sessions": "required",
    "stream": { "seconds": 45 },
    "cors": { "origins": ["https://a.example", "https://b.example"] },
    "argument-checks": false,
    "mcp": { "jwt": { "issuer": "https://issuer.example.com", "audience": "mcp" } },
    "tool_scopes": { "publish_*": ["events:write", "audit"], "reset": "admin" }
}"#;

#[test]
fn a_file_in_toml_or_json_sets_what_variables_set() {
    for (name, text) in [("mcp_config.toml", TOML), ("mcp_config.json", JSON)] {
        let config = Folder::with("formats", name, text).config(&[]).expect(name);
        assert_eq!(config.sessions.mode, Some(SessionMode::Required));
        assert_eq!(config.streams.lifetime, Some(Duration::from_secs(45)));
        let origins = ["https://a.example", "https://b.example"].map(str::to_owned);
        assert_eq!(config.cors.origins, AllowList::List(origins.to_vec()));
        assert!(!config.argument_checks);
        assert_eq!(config.auth.jwt.expect("tokens").issuer, "https://issuer.example.com");
        let mut scopes = ScopeTable::default();
        scopes.add("publish_*", ["events:write", "audit"]);
        scopes.add("reset", ["admin"]);
        assert_eq!(config.auth.tools, scopes);
    }
}

#[test]
fn the_environment_has_precedence_over_the_file_and_the_file_over_the_default() {
    let folder = Folder::with("order", "mcp_config.toml", "path = '/file'\nkeep_alive_seconds = 5\n");
    let config = folder.config(&[("MCP_PATH", "/environment")]).unwrap();
    assert_eq!(config.path, "/environment");
    assert_eq!(config.streams.keep_alive, Duration::from_secs(5));
    assert_eq!(config.request_timeout, Config::default().request_timeout);
    // A variable that is empty is not set, as everywhere.
    assert_eq!(folder.config(&[("MCP_PATH", " ")]).unwrap().path, "/file");
    let settings = folder.settings(&[("MCP_PATH", "/environment")]).unwrap();
    assert_eq!(settings.source(variable("MCP_PATH")), Source::Environment { name: "MCP_PATH" });
    let file = folder.file("mcp_config.toml");
    let of_file = Source::File { file, key: "keep_alive_seconds".into() };
    assert_eq!(settings.source(variable("MCP_KEEP_ALIVE_SECONDS")), of_file);
    assert_eq!(settings.source(variable("MCP_RETRY_MS")), Source::Default);
}

#[test]
fn an_alias_in_the_environment_has_precedence_over_the_file() {
    let folder = Folder::with("alias", "mcp_config.toml", "cors_origins = 'https://file.example'\n");
    let origins = |environment: &[(&str, &str)]| folder.config(environment).unwrap().cors.origins;
    let list = |origin: &str| AllowList::List(vec![origin.to_owned()]);
    assert_eq!(origins(&[("ALLOWED_ORIGINS", "https://alias.example")]), list("https://alias.example"));
    assert_eq!(origins(&[]), list("https://file.example"));
    let alias = Folder::with("alias2", "mcp_config.json", r#"{"allowed_origins": "https://file.example"}"#);
    assert_eq!(alias.config(&[]).unwrap().cors.origins, list("https://file.example"));
}

#[test]
fn what_lambda_sets_comes_last_and_is_no_setting_of_a_file() {
    let folder = Folder::with("lambda", "mcp_config.toml", "log_format = 'text'\n");
    let lambda = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"), ("AWS_LAMBDA_FUNCTION_NAME", "shop")];
    let settings = folder.settings(&lambda).unwrap();
    assert_eq!(settings.source(variable("AWS_LAMBDA_FUNCTION_NAME")), Source::Lambda);
    assert_eq!(Config::from_settings(&settings).unwrap().function_name.as_deref(), Some("shop"));
    for (text, name) in [
        ("aws_lambda_runtime_api = 'h:1'", "AWS_LAMBDA_RUNTIME_API"),
        ("config_file = 'x'", "MCP_CONFIG_FILE"),
    ] {
        let error = Folder::with("lambda2", "mcp_config.toml", text).config(&[]).expect_err(name);
        assert!(error.to_string().contains(&format!("in the environment alone ({name})")), "{error}");
    }
}

#[test]
fn a_file_that_is_named_is_read_instead_of_the_one_beside_the_program() {
    let beside = Folder::with("beside", "mcp_config.toml", "path = '/beside'\n");
    let named = Folder::with("named", "other.json", r#"{"path": "/named"}"#);
    let file = named.file("other.json");
    assert_eq!(beside.config(&[("MCP_CONFIG_FILE", &file)]).unwrap().path, "/named");
    assert_eq!(beside.config(&[("MCP_CONFIG_FILE", "")]).unwrap().path, "/beside");
    // The first folder with a file is the deployment package, the second the program's.
    let empty = Folder::new("empty");
    let folders = [empty.0.clone(), named.0.clone(), beside.0.clone()];
    let settings = Settings::new(|_| None, &folders).unwrap();
    assert_eq!(settings.get("MCP_PATH").as_deref(), Some("/beside"));
    assert_eq!(Settings::new(|_| None, &[]).unwrap().get("MCP_PATH"), None);
}

/// The text of an error about a file.
fn error(name: &str, text: &str) -> String {
    let folder = Folder::with("errors", name, text);
    let error = folder.config(&[]).expect_err(text).to_string();
    let file = folder.file(name);
    error.strip_prefix(&file).unwrap_or_else(|| panic!("{error} does not begin with {file}")).to_owned()
}

#[test]
fn an_unknown_setting_is_an_error_with_the_nearest_name() {
    for (text, expected) in [
        ("stream_secnds = 5", ": stream_secnds is an unknown setting: did you mean stream_seconds?"),
        ("[jwt]\nisuer = 'x'", ": jwt.isuer is an unknown setting: did you mean jwt_issuer?"),
        ("MCP_PATHS = '/x'", ": MCP_PATHS is an unknown setting: did you mean path?"),
        (
            "zzzzzzzzzzzzzzz = 1",
            ": zzzzzzzzzzzzzzz is an unknown setting: the command `config` of the program lists all settings",
        ),
        // Those of the file of lambda-turul-mcp-server.
        (
            "[session_config]\ndefault_ttl_seconds = 1800",
            ": session_config.default_ttl_seconds is an unknown setting: here it is session_ttl_minutes, in minutes",
        ),
        (
            "[server_info]\nname = 'x'",
            ": server_info.name is an unknown setting: here it is the program: its handler has the name and the version",
        ),
    ] {
        assert_eq!(error("mcp_config.toml", text), expected);
    }
}

#[test]
fn a_wrong_value_names_the_file_the_setting_and_the_variable() {
    let text = error("mcp_config.toml", "[stream]\nseconds = 'long'\n");
    assert_eq!(
        text,
        ": stream.seconds (MCP_STREAM_SECONDS) is \"long\": expected a whole number from 1 to 4294967295"
    );
    let text = error("mcp_config.json", r#"{"path": {"to": "x"}}"#);
    assert!(text.starts_with(": path"), "{text}");
    let text = error("mcp_config.json", r#"{"cors_origins": [["x"]]}"#);
    assert_eq!(text, ": cors_origins: expected a text, a number, true or false, or a list of them");
    let text = error("mcp_config.json", r#"{"path": "/a", "mcp_path": "/b"}"#);
    assert_eq!(text, ": sets MCP_PATH twice, as mcp_path and as path");
}

#[test]
fn a_file_that_is_none_is_named() {
    for (name, text) in
        [("mcp_config.toml", "path = "), ("mcp_config.json", "{\"path\": "), ("mcp_config.json", "[1]")]
    {
        let text = error(name, text);
        assert!(text.starts_with(": cannot be read: "), "{text}");
    }
    let folder = Folder::new("missing");
    let file = folder.file("no.toml");
    let missing = folder.config(&[("MCP_CONFIG_FILE", &file)]).expect_err("no file").to_string();
    assert!(missing.starts_with(&file) && missing.contains("cannot be read"), "{missing}");
    let yaml = folder.config(&[("MCP_CONFIG_FILE", "x.yaml")]).expect_err("another format").to_string();
    assert_eq!(yaml, "MCP_CONFIG_FILE is \"x.yaml\": expected a file that ends in .toml or .json");
    fs::write(folder.0.join("mcp_config.toml"), "").unwrap();
    fs::write(folder.0.join("mcp_config.json"), "{}").unwrap();
    let two = folder.config(&[]).expect_err("two files").to_string();
    assert!(two.ends_with(": has mcp_config.toml and mcp_config.json: expected one of them"), "{two}");
}

/// Every setting that a file can have is read by the name of its variable.
#[test]
fn each_variable_has_a_name_in_a_file() {
    for variable in VARIABLES {
        let name = variable.name.to_ascii_lowercase();
        let folder = Folder::with("each", "mcp_config.toml", &format!("{name} = 'value'\n"));
        match folder.settings(&[]) {
            Ok(settings) => assert_eq!(settings.get(variable.name).as_deref(), Some("value"), "{name}"),
            Err(error) => assert!(error.to_string().contains("in the environment alone"), "{error}"),
        }
    }
}

//! Every variable: its default, a value, its alias, and what a wrong value says.

use std::collections::HashMap;

use mcp_lambda_server::{
    Config,
    config::{AllowList, VARIABLES},
    error::ConfigError,
};
use serde_json::{Value, json};

mod row;
mod rows;

use self::{
    row::Row,
    rows::{KEY, rows},
};

/// Reads a configuration from these variables alone.
fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

/// Two that mean something only together, and so have a test of their own.
const TABLES: [&str; 2] = ["SESSION_TABLE_NAME", "EVENT_TABLE_NAME"];

#[test]
fn every_variable_has_a_row_here() {
    let tested: Vec<_> = rows().iter().map(|row| row.name).collect();
    let known = VARIABLES.iter().map(|variable| variable.name);
    // These have a file of their own each.
    let is_elsewhere = |name: &str| {
        ["MCP_JWT_", "MCP_LOGIN_", "OTEL_"].iter().any(|prefix| name.starts_with(prefix))
            || name == "MCP_CONFIG_FILE"
            || name == "MCP_TOOL_DEFINITIONS"
    };
    let known: Vec<_> = known.filter(|name| !TABLES.contains(name) && !is_elsewhere(name)).collect();
    assert_eq!(tested, known);
}

#[test]
fn without_a_variable_its_default_holds() {
    let config = with(&[]).expect("nothing has to be set");
    for Row { name, default, .. } in rows() {
        assert!(default(&config), "{name}");
    }
}

/// What templates write when a parameter is left out.
#[test]
fn an_empty_variable_is_not_set() {
    for Row { name, default, .. } in rows() {
        for empty in ["", "  ", "\n"] {
            assert!(default(&with(&[(name, empty)]).expect(name)), "{name}");
        }
    }
}

#[test]
fn a_variable_that_is_set_holds_with_blanks_around_it_or_without() {
    for Row { name, default, value, holds, .. } in rows() {
        for value in [value.clone(), format!(" {value}\n")] {
            let config = with(&[(name, &value)]).expect(name);
            assert!(holds(&config) && !default(&config), "{name}={value}");
        }
    }
}

#[test]
fn a_wrong_value_stops_with_the_name_and_what_was_expected() {
    for Row { name, wrong, expected, .. } in rows() {
        for value in wrong {
            let error = with(&[(name, value)]).expect_err(&format!("{name}={value}"));
            assert_eq!(error.variable(), name);
            assert!(error.expected().contains(expected), "{error}");
            let text = error.to_string();
            assert!(text.starts_with(name) && text.contains("expected"), "{text}");
        }
    }
}

#[test]
fn an_alias_works_and_the_name_wins_over_it() {
    for variable in VARIABLES {
        let row = rows().into_iter().find(|row| row.name == variable.name);
        let (Some(alias), Some(Row { default, value, holds, wrong, .. })) = (variable.alias, row) else {
            continue;
        };
        assert!(holds(&with(&[(alias, &value)]).expect(alias)), "{alias}");
        assert!(holds(&with(&[(alias, wrong[0]), (variable.name, &value)]).expect(alias)), "{alias} loses");
        assert!(
            holds(&with(&[(alias, &value), (variable.name, "")]).expect(alias)),
            "an empty name does not win"
        );
        assert!(default(&with(&[(alias, "")]).expect(alias)));
    }
}

#[test]
fn tables_are_named_together_by_name_or_alias() {
    assert_eq!(with(&[]).expect("nothing has to be set").tables, None);
    for names in [TABLES, ["MCP_SESSION_TABLE", "MCP_SESSION_EVENT_TABLE"]] {
        let tables =
            with(&[(names[0], "state"), (names[1], "events")]).expect("both").tables.expect("tables");
        assert_eq!((tables.state.as_str(), tables.events.as_str()), ("state", "events"));
        for (alone, missing) in [(names[0], TABLES[1]), (names[1], TABLES[0])] {
            assert_eq!(with(&[(alone, "table")]).expect_err("one alone").variable(), missing);
        }
    }
}

#[test]
fn a_chosen_store_has_precedence_over_the_tables_dynamodb_needs_them_and_lambda_has_no_file() {
    let tables = [(TABLES[0], "state"), (TABLES[1], "events")];
    for (store, uses_tables) in [("dynamodb", true), ("memory", false), ("sqlite:a.db", false)] {
        let config = with(&[tables[0], tables[1], ("MCP_STORE", store)]).expect(store);
        assert_eq!(config.tables.is_some(), uses_tables, "{store}");
    }
    let on_lambda = [("MCP_STORE", "sqlite:/tmp/a.db"), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")];
    assert_eq!(
        with(&on_lambda).expect_err("no file there").to_string(),
        "MCP_STORE is \"sqlite:/tmp/a.db\": expected memory, dynamodb or postgres://…: the execution environments of Lambda share no file"
    );
    let in_a_database = ("MCP_STORE", "postgres://mcp:hush@db.example/mcp?sslmode=require");
    let config = with(&[tables[0], tables[1], in_a_database, on_lambda[1]]).expect("a database");
    assert_eq!((config.tables.is_some(), config.store_connections), (false, 2));
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    let queue = ("TASK_QUEUE_URL", "database");
    let config = with(&[in_a_database, queue]).expect("a queue in the database");
    assert_eq!(config.tasks.queue_url.as_deref(), Some("database"));
    for (others, problem) in [
        (&[queue][..], "unless MCP_STORE is the URL of a database"),
        (&[queue, in_a_database, on_lambda[1]], "Lambda polls no queue of a database"),
    ] {
        let refused = with(others).expect_err(problem).to_string();
        assert!(
            refused.starts_with("TASK_QUEUE_URL is \"database\": expected the URL of a queue of SQS"),
            "{refused}"
        );
        assert!(refused.contains(problem), "{refused}");
    }
    let mistyped = with(&[("MCP_STORE", "postgres:/mcp:hush@db.example/mcp")]).expect_err("no URL");
    assert!(!mistyped.to_string().contains("hush"), "{mistyped}");
    let error = with(&[("MCP_STORE", "dynamodb")]).expect_err("no tables");
    assert_eq!(
        error.to_string(),
        "SESSION_TABLE_NAME is \"\": expected the name of a table, since MCP_STORE is dynamodb"
    );
}

#[test]
fn the_default_file_has_the_name_of_its_server() {
    let config = with(&[("XDG_STATE_HOME", "/state")]).expect("a folder");
    let of = |name| config.default_store(name).expect("a folder is named");
    assert_eq!(of("my-server"), std::path::Path::new("/state/mcp-lambda-server/my-server.db"));
    assert_eq!(of("../a b/ü"), std::path::Path::new("/state/mcp-lambda-server/---a-b--.db"));
    // A relative folder is none: https://specifications.freedesktop.org/basedir-spec/latest (read 2026-11-28).
    assert_eq!(with(&[("XDG_STATE_HOME", "state")]).expect("ignored").state_home, None);
}

#[test]
fn switches_take_the_usual_words() {
    for (words, expected) in [(["on", "TRUE", "1", "yes"], true), (["off", "False", "0", "no"], false)] {
        for word in words {
            assert_eq!(with(&[("MCP_STREAMS", word)]).expect(word).streams.enabled, expected, "{word}");
        }
    }
}

#[test]
fn cors_credentials_are_refused_with_any_origin() {
    let error = with(&[("MCP_CORS_CREDENTIALS", "on"), ("MCP_CORS_ORIGINS", "*")]).expect_err("refused");
    assert_eq!(error.variable(), "MCP_CORS_CREDENTIALS");
    assert!(error.expected().contains("MCP_CORS_ORIGINS"));
}

#[test]
fn a_star_allows_every_origin_and_an_empty_list_none() {
    let all = with(&[("MCP_CORS_ORIGINS", "*"), ("MCP_ALLOWED_HOSTS", "*")]).expect("a configuration");
    assert_eq!((all.cors.origins, all.hosts), (AllowList::Any, AllowList::Any));
    let none = with(&[("MCP_ALLOWED_HOSTS", ",")]).expect("a configuration");
    assert_eq!(none.hosts, AllowList::List(Vec::new()));
}

#[test]
fn keys_are_a_list_and_the_first_signs() {
    let second = KEY.replace("one", "two");
    let config = with(&[("MCP_STATE_KEYS", &format!("{second}, {KEY}"))]).expect("two keys");
    let ids: Vec<_> = config.state_keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["two", "one"]);
}

#[test]
fn keys_are_given_or_in_a_secret_and_not_both() {
    let secret = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:mcp-keys-AbCdEf";
    let error =
        with(&[("MCP_STATE_KEYS", KEY), ("MCP_STATE_KEYS_SECRET", secret)]).expect_err("both are refused");
    assert_eq!(error.variable(), "MCP_STATE_KEYS_SECRET");
    assert!(error.expected().contains("MCP_STATE_KEYS is set"), "{error}");
}

/// A log that shows a configuration or its error shows no key.
#[test]
fn a_secret_is_never_shown() {
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ";
    for value in [
        format!("one:{secret}"),
        secret.to_owned(),
        format!("{KEY},{secret}"),
        format!("{KEY},one:{secret}{secret}"),
    ] {
        let error = with(&[("MCP_STATE_KEYS", &value)]).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    let config = with(&[("MCP_STATE_KEYS", KEY)]).expect("a key");
    assert!(
        !format!("{config:?}").contains("AAAA") && !format!("{config:?}").contains("[0, 0"),
        "{config:?}"
    );
}

/// The contract with the construct that deploys this server: both languages assert the same file.
#[test]
fn the_contract_lists_exactly_these_variables() {
    let contract: Value =
        serde_json::from_str(include_str!("../../contract/environment.json")).expect("JSON");
    let ours: Vec<Value> = VARIABLES
        .iter()
        .map(|variable| {
            json!({
                "name": variable.name, "alias": variable.alias, "default": variable.default, "meaning": variable.meaning,
            })
        })
        .collect();
    let ours = Value::from(ours);
    assert!(
        contract == ours,
        "tests/contract/environment.json is not what config says. If that change is meant, make it:\n{}",
        serde_json::to_string_pretty(&ours).expect("JSON")
    );
}

/// The README has a row for each variable that a deployment sets, with the default and the meaning of `VARIABLES`; a row
/// may add to the meaning. Lambda itself sets the variables that begin with `AWS_LAMBDA_`.
#[test]
fn the_readme_lists_each_variable_with_its_default_and_meaning() {
    let readme = include_str!("../../../README.md").replace('`', "");
    let documented = mcp_lambda_server::config::VARIABLES
        .iter()
        .filter(|variable| !variable.name.starts_with("AWS_LAMBDA_"));
    for variable in documented {
        let alias = variable.alias.map(|alias| format!(" ({alias})")).unwrap_or_default();
        let row = format!("| {}{alias} | {} | {}", variable.name, variable.default, variable.meaning);
        assert!(readme.lines().any(|line| line.starts_with(&row)), "no row of README.md begins with: {row}");
    }
}

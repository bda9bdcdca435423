//! `mcp-lambda install`: enters the proxy of a server into the configuration of an MCP client, and keeps all else in the file,
//! comments too.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstRootNode},
};
use similar::TextDiff;

use super::{
    args::{AuthArg, InstallArgs, InvokeArg, McpClient, RemoteArgs},
    failure::Failure,
    output,
};
use crate::Address;

/// Shows what changes, and writes it.
pub(super) fn run(args: &InstallArgs) -> Result<(), Failure> {
    let address = Address::parse(&args.remote.server)?;
    let path = match &args.file {
        Some(path) => path.clone(),
        None => file_of(args.client)?,
    };
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::refused(format!("{}: {error}", path.display()))),
    };
    let name = args.name.clone().unwrap_or_else(|| name_of(&address));
    let program = std::env::current_exe().map_err(|error| Failure::refused(error.to_string()))?;
    let command = program.to_string_lossy().into_owned();
    let after = changed(&before, args.client, &name, &command, &proxy_arguments(&args.remote))
        .map_err(|problem| Failure::refused(format!("{}: {problem}", path.display())))?;
    output::line(&difference(&path, &before, &after))?;
    if before == after || args.dry_run {
        return Ok(());
    }
    write(&path, &after).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
}

fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    if before == after {
        return format!("{name} has the server already: nothing changes.");
    }
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(&name, &name).to_string().trim_end().to_owned()
}

/// Writes another file and renames it: a client that reads at this moment sees one or the other.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // A link stays a link, and the file that it names changes.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let next = path.with_extension(format!("{}.next", std::process::id()));
    let mut file = fs::File::create(&next)?;
    if let Ok(metadata) = fs::metadata(&path) {
        fs::set_permissions(&next, metadata.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, &path)
}

/// The configuration with the server in it.
fn changed(
    text: &str,
    client: McpClient,
    name: &str,
    command: &str,
    arguments: &[String],
) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root =
        CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| format!("not JSON: {error}"))?;
    let key = if client == McpClient::Vscode { "servers" } else { "mcpServers" };
    let refused =
        |what: &str| format!("{what} is not a JSON object: expected the configuration of an MCP client");
    let object = root.object_value().ok_or_else(|| refused("the file"))?;
    let servers = match object.get(key) {
        None => object.object_value_or_set(key),
        Some(_) => object.object_value(key).ok_or_else(|| refused(key))?,
    };
    let strings = arguments.iter().cloned().map(CstInputValue::String).collect();
    let mut entry = vec![
        ("command".to_owned(), CstInputValue::String(command.to_owned())),
        ("args".to_owned(), CstInputValue::Array(strings)),
    ];
    if matches!(client, McpClient::Vscode | McpClient::ClaudeCode) {
        entry.insert(0, ("type".to_owned(), CstInputValue::String("stdio".to_owned())));
    }
    let entry = CstInputValue::Object(entry);
    match servers.get(name) {
        Some(existing) => existing.set_value(entry),
        None => {
            servers.append(name, entry);
        }
    }
    Ok(root.to_string())
}

/// The arguments of the proxy: those of this command that say how to reach the server. Secrets are not among them.
fn proxy_arguments(args: &RemoteArgs) -> Vec<String> {
    let options = &args.options;
    let mut all = vec!["proxy".to_owned(), args.server.clone()];
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            all.extend([format!("--{name}"), value.to_owned()]);
        }
    };
    let auth = match options.auth {
        AuthArg::Auto => None,
        AuthArg::None => Some("none"),
        AuthArg::Sigv4 => Some("sigv4"),
        AuthArg::Bearer => Some("bearer"),
        AuthArg::Oauth => Some("oauth"),
    };
    add("auth", auth);
    add("profile", options.profile.as_deref());
    add("region", options.region.as_deref());
    add("service", options.service.as_deref());
    for header in &options.header {
        add("header", Some(header));
    }
    add("invoke-mode", (options.invoke_mode == InvokeArg::Buffered).then_some("buffered"));
    add("path", Some(options.path.as_str()).filter(|path| *path != "/mcp"));
    add("endpoint-url", options.endpoint_url.as_deref());
    add("client-id", options.oauth.client_id.as_deref());
    add("client-metadata-url", options.oauth.client_metadata_url.as_deref());
    for scope in &options.oauth.scope {
        add("scope", Some(scope));
    }
    all
}

/// A name from the address: the function, or the first label of the host that is no part of AWS's.
fn name_of(address: &Address) -> String {
    match address {
        Address::Function { name, .. } => name.rsplit(':').next().unwrap_or(name).to_owned(),
        Address::Url(url) => {
            let host = url.host_str().unwrap_or("server");
            if host.parse::<std::net::IpAddr>().is_ok() {
                return "local".to_owned();
            }
            host.split('.').next().unwrap_or(host).to_owned()
        }
    }
}

/// Where a client keeps its configuration.
fn file_of(client: McpClient) -> Result<PathBuf, Failure> {
    let unknown =
        |error| Failure::refused(format!("there is no home folder: {error}; --file names the file"));
    let base = etcetera::base_strategy::choose_native_strategy().map_err(unknown)?;
    let (home, config) = (base.home_dir(), base.config_dir());
    // On macOS programs keep their configuration among their data.
    let programs = if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { config };
    Ok(match client {
        McpClient::Claude => programs.join("Claude/claude_desktop_config.json"),
        McpClient::ClaudeCode => home.join(".claude.json"),
        McpClient::Cursor => home.join(".cursor/mcp.json"),
        McpClient::Vscode => programs.join("Code/User/mcp.json"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str, client: McpClient) -> Result<String, String> {
        let arguments = ["proxy".to_owned(), "https://a.example/mcp".to_owned()];
        changed(text, client, "tools", "/bin/mcp-lambda", &arguments)
    }

    #[test]
    fn a_new_file_has_the_server_alone() {
        let after = change("", McpClient::Claude).expect("changed");
        let value: serde_json::Value = serde_json::from_str(&after).expect("JSON");
        let entry =
            serde_json::json!({ "command": "/bin/mcp-lambda", "args": ["proxy", "https://a.example/mcp"] });
        assert_eq!(value, serde_json::json!({ "mcpServers": { "tools": entry } }));
    }

    #[test]
    fn comments_and_other_settings_stay_as_they_are() {
        let before = "// mine\n{\n\t\"inputs\": [], // none\n\t\"servers\": {\n\t\t/* old */\n\t\t\"other\": { \"url\": \"https://b.example\" },\n\t},\n}\n";
        let after = change(before, McpClient::Vscode).expect("changed");
        for kept in ["// mine", "// none", "/* old */", "\"other\": { \"url\": \"https://b.example\" }"] {
            assert!(after.contains(kept), "{kept} is missing in {after}");
        }
        assert!(after.contains("\"type\": \"stdio\""), "{after}");
        assert_eq!(
            change(&after, McpClient::Vscode).expect("changed"),
            after,
            "the second time changes nothing"
        );
    }

    #[test]
    fn a_file_that_is_no_configuration_is_left_alone() {
        for text in ["[]", "{\"mcpServers\": 7}", "{", "nothing"] {
            assert!(change(text, McpClient::Cursor).is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_is_that_of_the_function_or_of_the_host() {
        let name = |text: &str| name_of(&Address::parse(text).expect(text));
        assert_eq!(name("arn:aws:lambda:eu-north-1:123456789012:function:tools:live"), "tools");
        assert_eq!(name("https://mcp.example.com/mcp"), "mcp");
        assert_eq!(name("http://127.0.0.1:9000/mcp"), "local");
    }
}

//! A function, or a local server, that runs a server of the stdio transport:
//! `stdio-function [--per server|session|principal|invocation] [--roots] [--first-use] -- COMMAND [ARG...]`
//!
//! A function has no arguments: `STDIO_FUNCTION_ARGS` has them as a JSON array.

use mcp_lambda_server::{
    McpLambdaServer,
    stdio::{Start, StdioServer},
};

#[expect(clippy::disallowed_methods, reason = "it is no part of the server")]
fn arguments() -> Result<Vec<String>, serde_json::Error> {
    match std::env::var("STDIO_FUNCTION_ARGS") {
        Ok(args) => serde_json::from_str(&args),
        Err(_) => Ok(std::env::args().skip(1).collect()),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = arguments()?.into_iter();
    let (mut per, mut roots, mut start) = (None, false, Start::AtInit);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--per" => per = args.next(),
            "--roots" => roots = true,
            "--first-use" => start = Start::FirstUse,
            "--" => break,
            other => return Err(format!("{other} is no option of stdio-function").into()),
        }
    }
    let command = args.next().ok_or("a command follows --")?;
    let server = StdioServer::new(command).args(args).start(start).pass_roots(roots).pass_identity(true);
    let server = match per {
        Some(per) => server.child_per(per.parse()?),
        None => server,
    };
    McpLambdaServer::run(server)?;
    Ok(())
}

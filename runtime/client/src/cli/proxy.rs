//! `mcp-lambda proxy`: an MCP server on stdin and stdout, which passes messages to a remote server unchanged.

use bytes::Bytes;

use super::{args::ProxyArgs, client, failure::Failure, signals::Signals, stdio};
use crate::Limits;

/// Passes messages on until stdin ends, stdout is closed, or a signal comes.
pub(super) async fn run(args: ProxyArgs) -> Result<(), Failure> {
    let mut input = stdio::input().map_err(|error| Failure::refused(format!("stdin: {error}")))?;
    let output = stdio::output();
    let mut connection = client::connection(&args.remote, Limits::default())?;
    let mut signals = Signals::new()?;
    loop {
        tokio::select! {
            line = input.recv() => match line {
                Some(line) => pass(&connection, &output, line).await?,
                None => break,
            },
            message = connection.receive() => match message {
                Some(message) => {
                    if !output.send(message).await {
                        break;
                    }
                }
                None => break,
            },
            () = signals.next() => break,
        }
    }
    let write = async |message| {
        output.send(message).await;
    };
    connection.drain(write).await;
    output.finish().await;
    Ok(())
}

async fn pass(
    connection: &crate::Connection,
    output: &stdio::OutputLines,
    line: stdio::InputLine,
) -> Result<(), Failure> {
    match line {
        stdio::InputLine::Message(message) => {
            connection.send(message).await.map_err(|error| Failure::unreachable(error.to_string()))
        }
        stdio::InputLine::TooLong => {
            let text = format!(
                r#"{{"jsonrpc":"2.0","error":{{"code":-32600,"message":"the line is longer than {} bytes, the limit of this client"}}}}"#,
                stdio::LONGEST_LINE
            );
            output.send(Bytes::from(text)).await;
            Ok(())
        }
    }
}

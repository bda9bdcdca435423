//! `mcp-lambda connect`: commands of a person, one after another, on one connection.
//!
//! ```text
//! thread "terminal" or "stdin" -> Input -> Repl -> rmcp's client -> Connection
//! thread "screen"              <- Screen <- Repl, Talk (what the server says and asks), the wire view
//! ```

mod args;
mod command;
mod completion;
mod input;
mod known;
mod listening;
mod lists;
mod repl;
mod requests;
mod screen;
mod settings;
mod talk;
mod template;
mod terminal;
mod words;

use std::{io::IsTerminal, time::Duration};

use rmcp::{RoleClient, service::RunningService};
use serde_json::Value;
use tokio::sync::mpsc;

pub(crate) use self::args::ConnectArgs;
use self::{
    input::Input,
    known::Known,
    listening::Listening,
    repl::Repl,
    screen::Screen,
    talk::{Asker, QUESTIONS, Talk},
    terminal::Terminal,
};
use super::{args::EraArg, client, failure::Failure};
use crate::{Limits, SessionHandle};

/// How long the lists may take that completions are made of.
const LISTS: Duration = Duration::from_secs(10);

/// Connects, and carries out commands until there are no more. Fails as the last command did.
pub(super) async fn run(args: ConnectArgs) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let known = Known::default();
    let (ask_values, completions) = mpsc::channel(1);
    let mut terminal = if is_terminal { Some(Terminal::open(known.clone(), ask_values)?) } else { None };
    let no_thread = |error: std::io::Error| Failure::refused(format!("no thread: {error}"));
    let screen = Screen::start(terminal.as_mut().and_then(Terminal::above)).map_err(no_thread)?;
    let (asker, questions) = mpsc::channel(QUESTIONS);
    let talk = Talk { screen: screen.clone(), asker: Asker(asker), known };
    let (client, session) = connect(&args, talk.clone()).await?;
    greet(&client, &talk, is_terminal).await;
    let (input, reader) = Input::new(screen.clone(), is_terminal);
    let _thread = match terminal {
        Some(terminal) => terminal.read(reader),
        None => input::read_stdin(reader),
    }
    .map_err(no_thread)?;
    let mut repl = Repl {
        client,
        session,
        talk,
        input,
        questions,
        waiting: Vec::new(),
        completions,
        listening: Listening::default(),
        level: None,
        output: args.form.output,
    };
    let result = repl.run().await;
    repl.listening.close_all();
    let _ = repl.client.cancel().await;
    screen.flush().await;
    result
}

/// Opens a connection: a new one, or one that goes on in a session.
async fn connect(
    args: &ConnectArgs,
    talk: Talk,
) -> Result<(RunningService<RoleClient, Talk>, SessionHandle), Failure> {
    let limits = Limits { retry_for: client::RETRY, ..Limits::default() };
    let mut remote = client::remote(&args.remote.server, &args.remote.options)?.limits(limits);
    if args.debug {
        let screen = talk.screen.clone();
        remote = remote.watch(move |text| screen.line(&text));
    }
    let Some(id) = &args.session_id else {
        let connection = remote.connect()?;
        let session = connection.session();
        return Ok((client::serve(talk, connection, args.form.era).await?, session));
    };
    if args.form.era == EraArg::Stateless {
        return Err(Failure::usage(
            "--session-id: 2026-07-28 has no sessions, so --era stateless cannot go with it",
        ));
    }
    let connection = remote.session(id)?.connect()?;
    let session = connection.session();
    let client = rmcp::service::serve_directly::<RoleClient, _, _, _, _>(talk, connection, None);
    // A session that the server does not know is refused here and not at the first command.
    client.send_request(rmcp::model::ClientRequest::PingRequest(rmcp::model::PingRequest::default())).await?;
    Ok((client, session))
}

/// Says where the person is, and reads the lists that completions are made of.
async fn greet(client: &RunningService<RoleClient, Talk>, talk: &Talk, is_terminal: bool) {
    let what = match client.peer_info() {
        Some(info) => {
            let server = info.server_info.as_ref();
            let name =
                server.map_or_else(|| "a server".to_owned(), |one| format!("{} {}", one.name, one.version));
            format!("connected to {name} ({})", info.protocol_version)
        }
        None => "connected to a session that was open before".to_owned(),
    };
    talk.screen.line(&format!("{what}; `help` lists the commands"));
    if !is_terminal {
        return;
    }
    let read = tokio::time::timeout(LISTS, lists::refresh(client.peer(), &talk.known)).await;
    if let Ok(Err(failure)) = read {
        talk.screen.problem(&format!("error: {}", failure.text()));
    }
    let lists = talk.known.lists();
    let count =
        |list: &[Value], one: &str| format!("{} {one}{}", list.len(), if list.len() == 1 { "" } else { "s" });
    let counts =
        [count(&lists.tools, "tool"), count(&lists.prompts, "prompt"), count(&lists.resources, "resource")];
    talk.screen.line(&counts.join(", "));
}

//! A mix of requests for some time: calls, lists, sessions that open and end, and requests that are refused. Memory must
//! not grow, and every request must be answered as it should be.

use std::{error::Error, io, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    Server,
    connection::{Connection, Response},
};

const CONNECTIONS: usize = 32;
/// The memory that may be added after the first tenth of the time, in MB.
const GROWTH_MB: f64 = 8.0;

#[derive(Default)]
struct Seen {
    requests: u64,
    errors: Vec<String>,
}

pub(crate) async fn run(server: &Server, time: Duration) -> Result<bool, Box<dyn Error>> {
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(client(server.clone(), end));
    }
    tokio::time::sleep(time / 10).await;
    let early = server.resident().ok_or("the server has ended")?;
    let mut seen = Seen::default();
    while let Some(client) = clients.join_next().await {
        let client = client?;
        seen.requests += client.requests;
        seen.errors.extend(client.errors);
    }
    let late = server.resident().ok_or("the server has ended")?;
    println!(
        "soak: {} s, {} requests ({:.0} per second), {} errors, RSS {early:.1} MB after a tenth of the time, {late:.1} MB \
         at the end",
        time.as_secs(),
        seen.requests,
        seen.requests as f64 / time.as_secs_f64(),
        seen.errors.len(),
    );
    for error in seen.errors.iter().take(10) {
        println!("    {error}");
    }
    Ok(seen.errors.is_empty() && late - early <= GROWTH_MB)
}

async fn client(server: Server, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        if let Err(error) = round(&server, &mut seen).await {
            seen.errors.push(error.to_string());
        }
    }
    seen
}

/// One connection, with a session and some requests without one.
async fn round(server: &Server, seen: &mut Seen) -> io::Result<()> {
    let mut connection = Connection::open(server.address).await?;
    let endpoint = &server.endpoint;
    let opened = expect(seen, "initialize", connection.call(&endpoint.initialize()).await?, 200);
    let session = opened.session.unwrap_or_default();
    for _ in 0..10 {
        expect(seen, "echo", connection.call(&endpoint.echo(true)).await?, 200);
        expect(seen, "echo in a session", connection.call(&endpoint.in_session(&session)).await?, 200);
    }
    expect(seen, "tools/list", connection.call(&endpoint.list()).await?, 200);
    expect(seen, "an unknown tool", connection.call(&endpoint.unknown_tool()).await?, 200);
    expect(seen, "DELETE", connection.call(&endpoint.delete(&session)).await?, 204);
    // Last: a server may close the connection after it.
    expect(seen, "a wrong content type", connection.call(&endpoint.wrong_type()).await?, 415);
    Ok(())
}

fn expect(seen: &mut Seen, name: &str, response: Response, status: u16) -> Response {
    seen.requests += 1;
    if response.status != status {
        let body = String::from_utf8_lossy(&response.body);
        seen.errors.push(format!("{name}: status {} instead of {status}: {body:.200}", response.status));
    }
    response
}

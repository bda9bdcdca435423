//! Calls per second of `echo`: each server in turn, with each number of connections.

use std::{error::Error, io, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use crate::{Server, connection::Connection};

/// What the clients of one measurement saw.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    errors: usize,
}

/// One row of the table: a server with a number of connections.
#[derive(Default)]
struct Row {
    per_second: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    errors: usize,
    resident: f64,
}

pub(crate) async fn run(
    servers: &[Server],
    connections: &[usize],
    time: Duration,
    rounds: usize,
) -> Result<bool, Box<dyn Error>> {
    println!("| connections | server | calls/s | x | p50 ms | p99 ms | errors | RSS MB |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut is_clean = true;
    for &count in connections {
        let mut rows: Vec<Row> = servers.iter().map(|_| Row::default()).collect();
        for _ in 0..rounds {
            for (server, row) in servers.iter().zip(&mut rows) {
                row.add(measure(server, count, time).await?, time);
                row.resident = server.resident().unwrap_or(f64::NAN);
            }
        }
        let first = median(&mut rows[0].per_second);
        for (server, row) in servers.iter().zip(&mut rows) {
            let per_second = median(&mut row.per_second);
            println!(
                "| {count} | {} | {per_second:.0} | {:.2} | {:.2} | {:.2} | {} | {:.1} |",
                server.label,
                per_second / first,
                median(&mut row.p50),
                median(&mut row.p99),
                row.errors,
                row.resident
            );
            is_clean &= row.errors == 0;
        }
    }
    Ok(is_clean)
}

impl Row {
    fn add(&mut self, mut seen: Seen, time: Duration) {
        seen.latencies.sort_unstable();
        let at = |share: f64| {
            let index = (seen.latencies.len() as f64 * share) as usize;
            seen.latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
        };
        self.per_second.push(seen.latencies.len() as f64 / time.as_secs_f64());
        self.p50.push(at(0.5));
        self.p99.push(at(0.99));
        self.errors += seen.errors;
    }
}

async fn measure(server: &Server, connections: usize, time: Duration) -> io::Result<Seen> {
    let request: std::sync::Arc<[u8]> = server.endpoint.echo(server.is_stateless).into();
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(server.address).await?);
    }
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for mut connection in open {
        let request = request.clone();
        clients.spawn(async move {
            let mut seen = Seen::default();
            while Instant::now() < end {
                let began = Instant::now();
                match connection.call(&request).await {
                    Ok(response)
                        if response.status == 200
                            && memchr::memmem::find(&response.body, b"hello, world").is_some() =>
                    {
                        seen.latencies.push(began.elapsed());
                    }
                    Ok(_) => seen.errors += 1,
                    Err(_) => {
                        seen.errors += 1;
                        break;
                    }
                }
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = clients.join_next().await {
        let seen = seen.map_err(io::Error::other)?;
        all.errors += seen.errors;
        all.latencies.extend(seen.latencies);
    }
    Ok(all)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

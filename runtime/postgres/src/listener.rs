//! Notifications of other servers: a connection on which the database tells what they have written.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use mcp_lambda_core::{random, store::WakeUp};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Config, Error as PostgresError};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    columns::{Text, params},
    database::{Database, LONGEST_WAIT, Statements},
    error::Failure,
};

/// The channel of the tables: servers with tables in another schema of the database have another one.
pub(crate) const CHANNEL: &str = "'mcp_' || md5(current_schema())";
/// The pauses before a lost connection is made anew.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the first notification may take, which a server sends to itself.
const PROBE: Duration = Duration::from_secs(3);

/// What was written.
pub(crate) enum Written<'a> {
    /// An event.
    Event,
    /// A client message for this session.
    Message(&'a str),
    /// Nothing: it is tried whether notifications arrive.
    Probe,
}

impl Written<'_> {
    /// The text of the notification.
    pub(crate) fn payload(&self, database: &Database) -> String {
        let from = &database.process;
        match self {
            Self::Event => format!("{from} event"),
            Self::Message(session) => format!("{from} message {session}"),
            Self::Probe => format!("{from} probe"),
        }
    }
}

/// What is woken.
#[derive(Debug, Clone, Default)]
pub(crate) struct WakeUps {
    pub(crate) events: WakeUp,
    pub(crate) messages: WakeUp,
}

/// A task that listens until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    _task: JoinSet<()>,
}

impl Listener {
    pub(crate) fn start(database: Arc<Database>, wake_ups: WakeUps) -> Self {
        let mut task = JoinSet::new();
        task.spawn(run(database, wake_ups));
        Self { _task: task }
    }
}

/// Why listening has ended.
enum End {
    /// The connection is lost, or could not be made.
    Lost(String),
    /// Notifications do not arrive.
    Unheard,
}

impl From<PostgresError> for End {
    fn from(error: PostgresError) -> Self {
        match error.code().is_some_and(|code| *code == tokio_postgres::error::SqlState::FEATURE_NOT_SUPPORTED)
        {
            true => Self::Unheard,
            false => Self::Lost(Failure::Postgres(error).text()),
        }
    }
}

async fn run(database: Arc<Database>, wake_ups: WakeUps) {
    let mut pause = FIRST_PAUSE;
    loop {
        match listen(&database, &wake_ups, &mut pause).await {
            End::Unheard => {
                tracing::info!(
                    database = database.shown(),
                    "notifications do not arrive, as behind a pooler in transaction mode: what other servers write is polled"
                );
                return;
            }
            End::Lost(error) => tracing::debug!(error, "notifications are not heard; trying again"),
        }
        sleep(random::jitter(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn listen(database: &Database, wake_ups: &WakeUps, pause: &mut Duration) -> End {
    match heard(database, wake_ups, pause).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

/// Listens on one connection until it is lost.
async fn heard(
    database: &Database,
    wake_ups: &WakeUps,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, End> {
    let silent = || End::Lost(Failure::Silent(LONGEST_WAIT).text());
    let (config, tls): &(Config, MakeRustlsConnect) = &database.address;
    let (client, mut connection) =
        timeout(LONGEST_WAIT, config.connect(tls.clone())).await.map_err(|_| silent())??;
    let mut incoming = stream::poll_fn(move |context| connection.poll_message(context));
    let begin = async {
        let channel = client.query_typed_one(&format!("SELECT {CHANNEL}"), &[]).await?;
        client.batch_execute(&format!("LISTEN {}", channel.get::<_, String>(0))).await?;
        // Over another connection: a pooler may pass on what a connection has sent to itself.
        let probed = database.notify(Written::Probe).await;
        probed.map_err(|failure| End::Lost(failure.text()))
    };
    let probe = Written::Probe.payload(database);
    let mut is_heard = false;
    {
        let mut begin = std::pin::pin!(timeout(LONGEST_WAIT, begin));
        let mut has_begun = false;
        while !has_begun {
            tokio::select! {
                begun = &mut begin => {
                    begun.map_err(|_| silent())??;
                    has_begun = true;
                }
                message = incoming.next() => is_heard |= hear(message, database, wake_ups, &probe)?,
            }
        }
    }
    while !is_heard {
        let message = timeout(PROBE, incoming.next()).await.map_err(|_| End::Unheard)?;
        is_heard = hear(message, database, wake_ups, &probe)?;
    }
    // What was written before, while nothing was heard.
    *pause = FIRST_PAUSE;
    wake_ups.events.wake("");
    loop {
        hear(incoming.next().await, database, wake_ups, &probe)?;
    }
}

/// Wakes what a notification is about. `true`: it is the probe.
fn hear(
    message: Option<Result<AsyncMessage, PostgresError>>,
    database: &Database,
    wake_ups: &WakeUps,
    probe: &str,
) -> Result<bool, End> {
    let message = message.ok_or_else(|| End::Lost("the connection was closed".to_owned()))??;
    let AsyncMessage::Notification(notification) = message else { return Ok(false) };
    if notification.payload() == probe {
        return Ok(true);
    }
    match notification.payload().split_once(' ') {
        // A server hears of its own writes without the database.
        Some((from, _)) if from == database.process => {}
        Some((_, "event")) => wake_ups.events.wake(""),
        Some((_, written)) => {
            if let Some(session) = written.strip_prefix("message ") {
                wake_ups.messages.wake(session);
            }
        }
        None => {}
    }
    Ok(false)
}

impl Database {
    /// Tells other servers what was written.
    async fn notify(&self, written: Written<'_>) -> Result<(), Failure> {
        let connection = self.connection().await?;
        let statement = format!("SELECT pg_notify({CHANNEL}, $1)");
        connection.rows(&statement, params![Text(&written.payload(self))]).await.map(drop)
    }
}

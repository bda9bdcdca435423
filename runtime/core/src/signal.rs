//! The signals that ask a process to stop.

/// Returns when the process is asked to stop.
///
/// It uses a socket pair and not `tokio::signal`: where that is compiled in, every tokio runtime prepares for every
/// signal, which costs each cold start four system calls and seven pages.
#[cfg(unix)]
pub async fn stop_requested() {
    match signals() {
        Ok(received) => drop(received.readable().await),
        Err(error) => {
            tracing::warn!(%error, "SIGTERM and SIGINT cannot be received: the process ends without a graceful shutdown");
            std::future::pending::<()>().await;
        }
    }
}

/// A socket that is readable once SIGTERM or SIGINT has been received.
#[cfg(unix)]
fn signals() -> std::io::Result<tokio::net::UnixStream> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        low_level::pipe,
    };

    let (received, sender) = std::os::unix::net::UnixStream::pair()?;
    received.set_nonblocking(true)?;
    pipe::register(SIGTERM, sender.try_clone()?)?;
    pipe::register(SIGINT, sender)?;
    tokio::net::UnixStream::from_std(received)
}

/// Returns when the process is asked to stop.
#[cfg(not(unix))]
pub async fn stop_requested() {
    let _ = tokio::signal::ctrl_c().await;
}

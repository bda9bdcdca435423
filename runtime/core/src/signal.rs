//! The signals that ask a process to stop.

/// Returns when the process is asked to stop.
///
/// A socket pair of our own and not `tokio::signal`: where that is compiled in, every tokio runtime makes ready for
/// every signal there is, which costs each cold start four system calls and seven pages.
#[cfg(unix)]
pub async fn stop_requested() {
    match signals() {
        Ok(told) => drop(told.readable().await),
        Err(error) => {
            tracing::warn!(%error, "SIGTERM and SIGINT cannot be heard: the end will come without notice");
            std::future::pending::<()>().await;
        }
    }
}

/// What can be read from once SIGTERM or SIGINT came.
#[cfg(unix)]
fn signals() -> std::io::Result<tokio::net::UnixStream> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        low_level::pipe,
    };

    let (told, tell) = std::os::unix::net::UnixStream::pair()?;
    told.set_nonblocking(true)?;
    pipe::register(SIGTERM, tell.try_clone()?)?;
    pipe::register(SIGINT, tell)?;
    tokio::net::UnixStream::from_std(told)
}

/// Returns when the process is asked to stop.
#[cfg(not(unix))]
pub async fn stop_requested() {
    let _ = tokio::signal::ctrl_c().await;
}

//! The signals that ask the program to stop.

/// Resolves at the first SIGINT or SIGTERM.
///
/// # Errors
/// When signals cannot be watched.
#[cfg(unix)]
pub(crate) async fn stop_asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Resolves at the first Ctrl-C.
///
/// # Errors
/// When signals cannot be watched.
#[cfg(not(unix))]
pub(crate) async fn stop_asked() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

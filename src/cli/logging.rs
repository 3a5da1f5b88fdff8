//! Logs go to stderr, so that stdout carries results alone.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Starts logging with `filter`, a level or `target=level` directives.
///
/// # Errors
/// When `filter` cannot be read.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log `{filter}` is not a filter: give a level such as `info`, or `target=level`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

//! Logs go to stderr, so that stdout carries results alone.

use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

/// The WebRTC stack warns about what every ordinary connection goes through, and the HTTP server
/// calls each unreadable request an error of ours: any remote could fill the log. The targets can
/// be named on the command line to hear them: the last directive for a target holds.
const QUIET: &str =
    "webrtc=error,rtc=error,rtc_ice=error,rtc_dtls=error,rtc_sctp=error,actix_http=off";

/// Starts logging with `filter`, a level or `target=level` directives.
///
/// # Errors
/// When `filter` cannot be read.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| {
        // The error tells its source, too.
        anyhow!("--log `{filter}` is not a filter: give a level such as `info`, or `target=level`: {error}")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .init();
    Ok(())
}

/// Colours are for people: not for files, and not for those who set `NO_COLOR` (no-color.org).
fn is_coloured() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_refused
}

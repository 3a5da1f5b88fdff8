//! What a subcommand says on stdout: lines for people, or one JSON object a line.

use std::io::Write;

use serde::Serialize;

/// Writes `line` and a line break to stdout at once.
///
/// # Errors
/// When stdout cannot be written, a broken pipe among the reasons.
pub(crate) fn line(line: impl std::fmt::Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes `event` to stdout as one line of JSON.
///
/// # Errors
/// When stdout cannot be written, a broken pipe among the reasons.
pub(crate) fn json(event: &impl Serialize) -> std::io::Result<()> {
    line(serde_json::to_string(event)?)
}

//! What is left out of a new torrent, and what is unusual about it.

use std::io::Write;

use metainfo::{Skipped, Warning};

use super::printable::printable;

/// Lines about what was left out; a folder may hold any number.
const MOST_LINES: usize = 20;

/// Says it on stderr.
///
/// # Errors
/// When stderr cannot be written.
pub(crate) fn tell(skipped: &[Skipped], warnings: &[Warning]) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    for skipped in skipped.iter().take(MOST_LINES) {
        let path = skipped.path.display().to_string();
        writeln!(err, "skipped `{}`: {}", printable(&path), skipped.reason)?;
    }
    match skipped.len().saturating_sub(MOST_LINES) {
        0 => {}
        more => writeln!(err, "skipped {more} more")?,
    }
    for warning in warnings {
        writeln!(err, "warning: {}", printable(&warning.to_string()))?;
    }
    Ok(())
}

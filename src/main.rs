//! `shoal`: a WebTorrent tracker and a headless WebTorrent seeder in one binary.
//!
//! `main` has three outcomes: the subcommand's own exit code, success when the
//! reader of our output went away, and a failure told in one sentence.

mod cli;
mod page;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell a reader of stderr who is gone, too.
            let _ = writeln!(std::io::stderr(), "shoal: {error:#}");
            cli::exit::FAILURE
        }
    }
}

/// Tells whether `error` says that whoever read our output has stopped reading.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

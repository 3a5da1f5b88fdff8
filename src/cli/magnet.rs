//! `shoal magnet`.

use std::process::ExitCode;

/// The arguments of `shoal magnet`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal magnet`.
pub(crate) fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

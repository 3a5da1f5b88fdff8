//! `shoal seed`.

use std::process::ExitCode;

/// The arguments of `shoal seed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal seed`.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

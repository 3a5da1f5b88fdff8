//! `shoal share`.

use std::process::ExitCode;

/// The arguments of `shoal share`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal share`.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

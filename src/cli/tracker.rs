//! `shoal tracker`.

use std::process::ExitCode;

/// The arguments of `shoal tracker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal tracker`.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

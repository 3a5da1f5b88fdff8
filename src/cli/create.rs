//! `shoal create`.

use std::process::ExitCode;

/// The arguments of `shoal create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal create`.
pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

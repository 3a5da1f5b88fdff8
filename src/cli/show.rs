//! `shoal show`.

use std::process::ExitCode;

/// The arguments of `shoal show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal show`.
pub(crate) fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

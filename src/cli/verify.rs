//! `shoal verify`.

use std::process::ExitCode;

/// The arguments of `shoal verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs `shoal verify`.
pub(crate) fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}

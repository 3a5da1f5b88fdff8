//! `shoal completions`: completions for a shell, on stdout.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

/// The arguments of `shoal completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to complete for.
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "shoal", &mut script);
    super::report::line(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

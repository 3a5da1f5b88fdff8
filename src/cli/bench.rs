//! `shoal bench`: load for what this program and others serve, with every reply checked.

mod seeder;
mod tracker;

use std::process::ExitCode;

use clap::Subcommand;

/// The arguments of `shoal bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    /// Load a WebTorrent tracker, and check every response, offer and answer.
    Tracker(tracker::Args),
    /// Set scripted leechers on a WebTorrent seeder, and check every block.
    Seeder(seeder::Args),
}

/// Puts the load on and prints what came of it.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.target {
        Target::Tracker(args) => tracker::run(args),
        Target::Seeder(args) => seeder::run(args),
    }
}

//! The command line: one file a subcommand, read in two steps. Parsing touches
//! neither disk nor network; `run` of the subcommand gives the words a meaning.

mod address;
mod bench;
mod completions;
mod conformance;
mod create;
mod doctor;
pub(crate) mod doubts;
pub(crate) mod exit;
pub(crate) mod hashing;
mod logging;
mod magnet;
mod policy;
pub(crate) mod printable;
mod report;
mod seed;
mod serving;
mod share;
mod show;
mod signals;
mod terminal;
pub(crate) mod torrent_file;
mod tracker;
mod transport;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Serve files to browsers, peer to peer: a WebTorrent tracker and seeder.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, max_term_width = 100, after_help = exit::HELP)]
pub(crate) struct Cli {
    /// What to log on stderr: a level, or directives as in `seeder=debug,warn`.
    #[arg(
        long,
        global = true,
        env = "RUST_LOG",
        default_value = "warn",
        value_name = "FILTER",
        display_order = 100
    )]
    log: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Share files: tracker, seeder and a page to open, in one command.
    Share(share::Args),
    /// Run the WebTorrent tracker.
    Tracker(tracker::Args),
    /// Seed torrents or files to browsers.
    Seed(seed::Args),
    /// Make a .torrent file of a file or a folder.
    Create(create::Args),
    /// Show what a .torrent file or a magnet link says.
    Show(show::Args),
    /// Check files against a .torrent file.
    Verify(verify::Args),
    /// Print the magnet link of a .torrent file.
    Magnet(magnet::Args),
    /// Find out what a browser elsewhere would see, and what to do about it.
    Doctor(doctor::Args),
    /// Put load on a tracker and measure it.
    Bench(bench::Args),
    /// Check any WebTorrent tracker against the written protocol.
    Conformance(conformance::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
}

/// Parses the command line and runs what it names.
///
/// # Errors
/// Whatever stopped the subcommand, with the context a user needs.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    logging::start(&cli.log)?;
    match cli.command {
        Command::Share(args) => share::run(args),
        Command::Tracker(args) => tracker::run(args),
        Command::Seed(args) => seed::run(args),
        Command::Create(args) => create::run(args),
        Command::Show(args) => show::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Magnet(args) => magnet::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

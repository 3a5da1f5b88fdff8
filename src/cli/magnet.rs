//! `shoal magnet`.

use std::path::PathBuf;
use std::process::ExitCode;

use metainfo::{Magnet, check_tracker_url};

use super::{report, torrent_file};

/// The arguments of `shoal magnet`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The .torrent file; `-` is stdin.
    torrent: PathBuf,
    /// A tracker to add to those of the file. Browsers need ws:// or wss://.
    #[arg(long, value_name = "URL")]
    tracker: Vec<String>,
}

/// Prints the link.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    for url in &args.tracker {
        check_tracker_url(url)?;
    }
    let metainfo = torrent_file::read(&args.torrent)?;
    report::line(Magnet::from(&metainfo).with_trackers(args.tracker.iter().cloned()))?;
    Ok(ExitCode::SUCCESS)
}

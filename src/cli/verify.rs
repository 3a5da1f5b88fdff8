//! `shoal verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use metainfo::{Metainfo, Report};
use serde::Serialize;

use super::{exit, hashing, printable::printable, report, torrent_file};

/// The arguments of `shoal verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The .torrent file; `-` is stdin.
    torrent: PathBuf,
    /// The content, or the folder that it lies in.
    path: PathBuf,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Checks the content.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let metainfo = torrent_file::read(&args.torrent)?;
    let content = metainfo.locate(&args.path);
    let checked = hashing::watched(|progress, cancel| {
        metainfo::verify(
            &metainfo,
            &content,
            metainfo::Cores::All,
            &|piece| progress(piece.progress),
            cancel,
        )
    })?;
    let Ok(found) = checked else {
        bail!("stopped by a signal before the content was checked");
    };
    if args.json {
        report::json(&Told::new(&metainfo, &found))?;
    } else {
        tell(&metainfo, &found)?;
    }
    Ok(if found.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::MISMATCH)
    })
}

/// The result for scripts.
#[derive(Serialize)]
struct Told {
    complete: bool,
    pieces: u32,
    bad_pieces: Vec<u32>,
    files: Vec<FileTold>,
}

#[derive(Serialize)]
struct FileTold {
    path: String,
    problem: String,
}

impl Told {
    fn new(metainfo: &Metainfo, found: &Report) -> Self {
        let files = problems(metainfo, found);
        Self {
            complete: found.is_complete(),
            pieces: found.pieces,
            bad_pieces: found.bad_pieces.clone(),
            files: files
                .map(|(path, problem)| FileTold { path, problem })
                .collect(),
        }
    }
}

fn tell(metainfo: &Metainfo, found: &Report) -> anyhow::Result<()> {
    for (path, problem) in problems(metainfo, found) {
        report::line(format!("{}: {problem}", printable(&path)))?;
    }
    if !found.bad_pieces.is_empty() {
        report::line(format!("bad pieces: {}", ranges(&found.bad_pieces)))?;
    }
    let bad = u32::try_from(found.bad_pieces.len()).unwrap_or(u32::MAX);
    let good = found.pieces.saturating_sub(bad);
    report::line(format!("{good} of {} pieces match", found.pieces))?;
    Ok(())
}

/// Paths with what is wrong.
fn problems<'a>(
    metainfo: &'a Metainfo,
    found: &'a Report,
) -> impl Iterator<Item = (String, String)> + 'a {
    found.files.iter().filter_map(|problem| {
        let file = metainfo.files().get(problem.file)?;
        Some((file.path.join("/"), problem.problem.to_string()))
    })
}

/// Numbers in order, runs of them as `first-last`.
fn ranges(numbers: &[u32]) -> String {
    numbers
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| Some((run.first()?, run.last()?)))
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

//! `shoal show`.

mod tree;

use std::path::Path;
use std::process::ExitCode;

use indicatif::HumanBytes;
use metainfo::{Magnet, Metainfo};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{printable::printable, report, torrent_file};

/// The arguments of `shoal show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A .torrent file (`-` is stdin) or a magnet link.
    #[arg(value_name = "TORRENT|MAGNET")]
    what: String,
    /// Print it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Shows the torrent or link.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args
        .what
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("magnet:"))
    {
        let magnet = Magnet::parse(&args.what)?;
        if args.json {
            report::json(&MagnetTold::from(&magnet))?;
        } else {
            magnet_lines(&magnet).print()?;
        }
    } else {
        let metainfo = torrent_file::read(Path::new(&args.what))?;
        if args.json {
            report::json(&TorrentTold::from(&metainfo))?;
        } else {
            torrent_lines(&metainfo).print()?;
            report::line(tree::Tree::of(metainfo.files()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn torrent_lines(metainfo: &Metainfo) -> Lines {
    let mut lines = Lines::default();
    lines.add("Name", [metainfo.name()]);
    lines.add("Infohash", [metainfo.info_hash()]);
    lines.add("Magnet", [Magnet::from(metainfo)]);
    let length = metainfo.total_length();
    lines.add("Size", [size(length)]);
    let piece = HumanBytes(metainfo.piece_length().into());
    lines.add("Pieces", [format!("{} of {piece}", metainfo.piece_count())]);
    lines.add(
        "Private",
        [if metainfo.is_private() { "yes" } else { "no" }],
    );
    lines.add("Source", metainfo.source());
    lines.add("Comment", metainfo.comment());
    lines.add("Created by", metainfo.created_by());
    lines.add("Created", metainfo.creation_date().map(date));
    lines.add("Trackers", metainfo.trackers());
    lines.add("Web seeds", metainfo.url_list());
    lines.add("Warnings", metainfo.warnings());
    lines.add("Files", [metainfo.files().len()]);
    lines
}

fn magnet_lines(magnet: &Magnet) -> Lines {
    let mut lines = Lines::default();
    lines.add("Name", magnet.name.as_deref());
    lines.add("Infohash", [magnet.info_hash]);
    lines.add("Size", magnet.length.map(size));
    lines.add("Trackers", &magnet.trackers);
    lines.add("Torrent at", &magnet.exact_sources);
    lines.add("Content at", &magnet.acceptable_sources);
    lines.add("Web seeds", &magnet.web_seeds);
    lines.add("Peers", &magnet.peers);
    lines.add(
        "Files",
        magnet
            .select_only
            .iter()
            .map(|r| format!("{} to {}", r.start(), r.end())),
    );
    lines
}

/// A size people read; above a KiB with its bytes.
fn size(length: u64) -> String {
    match length {
        0..1024 => HumanBytes(length).to_string(),
        _ => format!("{} ({length} bytes)", HumanBytes(length)),
    }
}

/// A date people read, or the number when it is no date.
fn date(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}

/// Titles with values, the values aligned.
#[derive(Default)]
struct Lines(Vec<(&'static str, String)>);

impl Lines {
    /// Adds values under one title; without values, nothing.
    fn add<V: ToString>(&mut self, title: &'static str, values: impl IntoIterator<Item = V>) {
        let mut title = title;
        for value in values {
            let value = printable(&value.to_string()).into_owned();
            self.0.push((title, value));
            title = "";
        }
    }

    fn print(&self) -> std::io::Result<()> {
        for (title, value) in &self.0 {
            report::line(format_args!("{title:<12}{value}"))?;
        }
        Ok(())
    }
}

/// A torrent for scripts.
#[derive(Serialize)]
struct TorrentTold<'a> {
    name: &'a str,
    info_hash: String,
    magnet: String,
    length: u64,
    piece_length: u32,
    pieces: u32,
    private: Option<bool>,
    source: Option<&'a str>,
    comment: Option<&'a str>,
    created_by: Option<&'a str>,
    creation_date: Option<i64>,
    announce_list: &'a [Vec<String>],
    web_seeds: &'a [String],
    files: Vec<FileTold>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct FileTold {
    path: String,
    length: u64,
    offset: u64,
}

impl<'a> From<&'a Metainfo> for TorrentTold<'a> {
    fn from(metainfo: &'a Metainfo) -> Self {
        let file = |file: &metainfo::FileEntry| FileTold {
            path: file.path.join("/"),
            length: file.length,
            offset: file.offset,
        };
        Self {
            name: metainfo.name(),
            info_hash: metainfo.info_hash().to_string(),
            magnet: Magnet::from(metainfo).to_string(),
            length: metainfo.total_length(),
            piece_length: metainfo.piece_length(),
            pieces: metainfo.piece_count(),
            private: metainfo.private_flag(),
            source: metainfo.source(),
            comment: metainfo.comment(),
            created_by: metainfo.created_by(),
            creation_date: metainfo.creation_date(),
            announce_list: metainfo.announce_tiers(),
            web_seeds: metainfo.url_list(),
            files: metainfo.files().iter().map(file).collect(),
            warnings: metainfo
                .warnings()
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

/// A magnet link for scripts.
#[derive(Serialize)]
struct MagnetTold<'a> {
    name: Option<&'a str>,
    info_hash: String,
    length: Option<u64>,
    trackers: &'a [String],
    exact_sources: &'a [String],
    acceptable_sources: &'a [String],
    web_seeds: &'a [String],
    peers: &'a [String],
    select_only: Vec<(u32, u32)>,
}

impl<'a> From<&'a Magnet> for MagnetTold<'a> {
    fn from(magnet: &'a Magnet) -> Self {
        let ends = |range: &std::ops::RangeInclusive<u32>| (*range.start(), *range.end());
        Self {
            name: magnet.name.as_deref(),
            info_hash: magnet.info_hash.to_string(),
            length: magnet.length,
            trackers: &magnet.trackers,
            exact_sources: &magnet.exact_sources,
            acceptable_sources: &magnet.acceptable_sources,
            web_seeds: &magnet.web_seeds,
            peers: &magnet.peers,
            select_only: magnet.select_only.iter().map(ends).collect(),
        }
    }
}

//! `shoal create`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::bail;
use metainfo::{CreateError, CreateOptions, Created, Magnet};
use serde::Serialize;

use super::{doubts, hashing, report, torrent_file};

/// The arguments of `shoal create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file or folder to share.
    path: PathBuf,
    /// Where to write the .torrent file; `-` is stdout [default: NAME.torrent].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A tracker, in order of preference. Browsers need ws:// or wss://.
    #[arg(long, visible_alias = "tracker", value_name = "URL")]
    announce: Vec<String>,
    /// An HTTP server that has the content, too.
    #[arg(long, value_name = "URL")]
    web_seed: Vec<String>,
    /// Bytes of a piece: a power of two from 16384 to 16777216 [default: by size].
    #[arg(long, value_name = "N")]
    piece_length: Option<u32>,
    /// Let peers come from the trackers alone.
    #[arg(long)]
    private: bool,
    /// A comment.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// A source, which makes for another infohash of the same content.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// The torrent's name [default: that of PATH].
    #[arg(long)]
    name: Option<String>,
    /// Leave the date out, so that the same content gives the same bytes.
    #[arg(long)]
    no_date: bool,
    /// Take what symbolic links inside the folder lead to.
    #[arg(long)]
    follow_links: bool,
    /// Write over an existing .torrent file.
    #[arg(long)]
    force: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Makes the .torrent file.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && args.json {
        bail!("`--output -` and `--json` both want stdout; give the .torrent file a name");
    }
    // Before the hashing, which may take long, and again before the writing.
    if let Some(output) = args.output.as_deref().filter(|_| !to_stdout) {
        refuse_existing(output, args.force)?;
    }
    let options = args.options();
    let created = hashing::watched(|progress, cancel| {
        metainfo::create(&args.path, &options, progress, cancel)
    })?;
    let created = match created {
        Err(CreateError::Cancelled) => bail!("stopped by a signal; nothing was written"),
        other => other?,
    };
    doubts::tell(&created.skipped, created.metainfo.warnings())?;
    if to_stdout {
        report::bytes(&created.bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let output = args
        .output
        .unwrap_or_else(|| PathBuf::from(format!("{}.torrent", created.metainfo.name())));
    refuse_existing(&output, args.force)?;
    torrent_file::write(&output, &created.bytes)?;
    tell(&created, &output, args.json)?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn options(&self) -> CreateOptions {
        CreateOptions {
            name: self.name.clone(),
            piece_length: self.piece_length,
            private: self.private,
            source: self.source.clone(),
            comment: self.comment.clone(),
            // No version: the same content gives the same bytes after an upgrade.
            created_by: Some("Shoal".to_owned()),
            creation_date: if self.no_date { None } else { now() },
            announce: self.announce.clone(),
            web_seeds: self.web_seed.clone(),
            follow_links: self.follow_links,
        }
    }
}

/// Seconds since 1970, if the clock is later than that.
fn now() -> Option<i64> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn refuse_existing(output: &Path, force: bool) -> anyhow::Result<()> {
    if !force && output.symlink_metadata().is_ok() && !torrent_file::is_sink(output) {
        bail!(
            "`{}` exists; name another file with --output, or write over it with --force",
            output.display()
        );
    }
    Ok(())
}

/// The result for scripts.
#[derive(Serialize)]
struct Told<'a> {
    torrent: String,
    info_hash: String,
    magnet: String,
    name: &'a str,
    length: u64,
    piece_length: u32,
    pieces: u32,
    files: usize,
    skipped: Vec<String>,
    warnings: Vec<String>,
}

fn tell(created: &Created, output: &Path, json: bool) -> anyhow::Result<()> {
    let metainfo = &created.metainfo;
    let magnet = Magnet::from(metainfo).to_string();
    if !json {
        report::line(format!("Infohash  {}", metainfo.info_hash()))?;
        report::line(format!("Magnet    {magnet}"))?;
        report::line(format!("File      {}", output.display()))?;
        return Ok(());
    }
    let paths = created
        .skipped
        .iter()
        .map(|skipped| skipped.path.display().to_string());
    report::json(&Told {
        torrent: output.display().to_string(),
        info_hash: metainfo.info_hash().to_string(),
        magnet,
        name: metainfo.name(),
        length: metainfo.total_length(),
        piece_length: metainfo.piece_length(),
        pieces: metainfo.piece_count(),
        files: metainfo.files().len(),
        skipped: paths.collect(),
        warnings: metainfo
            .warnings()
            .iter()
            .map(ToString::to_string)
            .collect(),
    })?;
    Ok(())
}

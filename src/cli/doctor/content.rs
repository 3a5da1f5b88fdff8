//! Whether what is to be seeded is there, intact, and hashed by browsers as by us.

use std::path::Path;

use indicatif::HumanBytes;
use metainfo::{Cores, Metainfo};

use super::finding::Finding;
use crate::cli::share::content;
use crate::cli::{hashing, torrent_file};

/// What was found about one path.
pub(super) struct Looked {
    pub(super) findings: Vec<Finding>,
    /// The trackers that the torrent names.
    pub(super) trackers: Vec<String>,
}

/// Looks at a .torrent file and its content, or at something to be shared.
///
/// # Errors
/// When a signal stops the checking.
pub(super) fn look(path: &Path, data: Option<&Path>) -> anyhow::Result<Looked> {
    let is_torrent = path.extension().is_some_and(|kind| kind == "torrent");
    if !is_torrent {
        return Ok(Looked {
            findings: vec![shareable(path)],
            trackers: Vec::new(),
        });
    }
    let metainfo = match torrent_file::read(path) {
        Ok(metainfo) => metainfo,
        Err(error) => {
            return Ok(Looked {
                findings: vec![Finding::fail(
                    "torrent",
                    format!("{error:#}"),
                    "make it anew with `shoal create`",
                )],
                trackers: Vec::new(),
            });
        }
    };
    let mut findings = vec![Finding::ok(
        "torrent",
        format!(
            "{}, {}, {} pieces; browsers see the same infohash {}",
            metainfo.name(),
            HumanBytes(metainfo.total_length()),
            metainfo.piece_count(),
            metainfo.info_hash()
        ),
    )];
    let advice = "see `shoal create --help`; the infohash changes if the torrent is made anew";
    findings.extend(
        (metainfo.warnings().iter())
            .map(|warning| Finding::warn("torrent", warning.to_string(), advice)),
    );
    findings.push(intact(path, data, &metainfo)?);
    Ok(Looked {
        findings,
        trackers: metainfo.trackers().into_iter().map(str::to_owned).collect(),
    })
}

fn shareable(path: &Path) -> Finding {
    match content::prepare(path, None) {
        Ok(content) => Finding::ok(
            "content",
            format!(
                "{}, {}, can be shared as {}",
                content.metainfo.name(),
                HumanBytes(content.metainfo.total_length()),
                content.metainfo.info_hash()
            ),
        ),
        Err(error) => Finding::fail(
            "content",
            format!("{error:#}"),
            "see that the path is right, and that its files can be read",
        ),
    }
}

fn intact(path: &Path, data: Option<&Path>, metainfo: &Metainfo) -> anyhow::Result<Finding> {
    let beside = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let root = metainfo.locate(data.or(beside).unwrap_or(Path::new(".")));
    let checked = hashing::watched(|progress, cancel| {
        metainfo::verify(
            metainfo,
            &root,
            Cores::All,
            &|piece| progress(piece.progress),
            cancel,
        )
    })?;
    let Ok(found) = checked else {
        anyhow::bail!("stopped by a signal before the content was checked");
    };
    if found.is_complete() {
        return Ok(Finding::ok(
            "content",
            format!("`{}` matches the torrent", root.display()),
        ));
    }
    let bad = found.bad_pieces.len();
    let (seen, advice) = if root.exists() {
        (
            format!(
                "{bad} of {} pieces of `{}` do not match",
                found.pieces,
                root.display()
            ),
            "`shoal verify` names them; they are not served until the files are put right",
        )
    } else {
        (
            format!("there is nothing at `{}`", root.display()),
            "say with --data where the content is",
        )
    };
    // Some of it can be served all the same.
    Ok(
        if bad < usize::try_from(found.pieces).unwrap_or(usize::MAX) {
            Finding::warn("content", seen, advice)
        } else {
            Finding::fail("content", seen, advice)
        },
    )
}

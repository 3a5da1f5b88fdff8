//! §4: who is a seed.

use super::announce::expect_counts;
use crate::case::{Case, Outcome};
use crate::lab::{Lab, peer_id, torrent};
use crate::message;

const LEECHER: &str = "counted as a leecher";

pub(super) const CASES: &[Case] = &[
    Case::must(
        "left.zero",
        "`left` of 0",
        &["R-4.7"],
        "counted as a seed",
        |lab| Box::pin(left(lab, "0", true)),
    ),
    Case::must(
        "left.positive",
        "`left` of 12345",
        &["R-4.7"],
        LEECHER,
        |lab| Box::pin(left(lab, "12345", false)),
    ),
    Case::must(
        "left.null",
        "`left` of null (webtorrent.js with a magnet link)",
        &["R-4.7"],
        LEECHER,
        |lab| Box::pin(left(lab, "null", false)),
    ),
    Case::must(
        "left.absent",
        "no `left` (trystero, p2p-media-loader)",
        &["R-4.7"],
        LEECHER,
        |lab| Box::pin(absent(lab)),
    ),
    Case::must(
        "left.negative",
        "`left` of -1 (anacrolix with a magnet link)",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, "-1", false)),
    ),
    Case::must(
        "left.fraction",
        "`left` of 0.5",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, "0.5", false)),
    ),
    Case::must(
        "left.huge",
        "`left` beyond 2^64",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, "36893488147419103232", false)),
    ),
    Case::must(
        "left.maximum",
        "`left` of 2^63 - 1",
        &["R-4.7"],
        LEECHER,
        |lab| Box::pin(left(lab, "9223372036854775807", false)),
    ),
    Case::must(
        "left.text",
        "`left` that is a word",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, r#""much""#, false)),
    ),
    Case::must(
        "left.empty-text",
        "`left` that is an empty string",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, r#""""#, false)),
    ),
    Case::must(
        "left.list",
        "`left` that is an empty list",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, "[]", false)),
    ),
    Case::must(
        "left.false",
        "`left` of false",
        &["R-4.7", "R-4.8"],
        LEECHER,
        |lab| Box::pin(left(lab, "false", false)),
    ),
];

async fn left(lab: &Lab, json: &str, is_seed: bool) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let announce = message::announce(torrent, peer_id());
    socket
        .say_text(message::spliced(announce, "left", json))
        .await?;
    let response = socket.response(torrent).await?;
    expect_counts(&response, is_seed.into(), (!is_seed).into())
}

async fn absent(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let announce = message::without(message::announce(torrent, peer_id()), "left");
    socket.say(&announce).await?;
    expect_counts(&socket.response(torrent).await?, 0, 1)
}

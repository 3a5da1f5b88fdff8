//! §4: what an announce reports.

use super::announce::expect_counts;
use crate::case::{Case, Outcome, differs};
use crate::lab::{Lab, peer_id, torrent};
use crate::message;

const UPDATE: &str = "taken as a periodic announce, never an error";

pub(super) const CASES: &[Case] = &[
    Case::must(
        "event.absent",
        "first announce without an event",
        &["R-4.4"],
        "the peer joins (clients come back like this when their socket was cut)",
        |lab| Box::pin(joins(lab, None)),
    ),
    Case::must("event.null", "`event` of null", &["R-4.3"], UPDATE, |lab| {
        Box::pin(joins(lab, Some("null")))
    }),
    Case::must("event.empty", "empty `event`", &["R-4.4"], UPDATE, |lab| {
        Box::pin(joins(lab, Some(r#""""#)))
    }),
    Case::must(
        "event.word-empty",
        "`event` of `empty`",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some(r#""empty""#))),
    ),
    Case::must(
        "event.update",
        "`event` of `update` (aquatic's load tester)",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some(r#""update""#))),
    ),
    Case::must(
        "event.paused",
        "`event` of `paused` (libtorrent, BEP 21)",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some(r#""paused""#))),
    ),
    Case::must(
        "event.regular",
        "`event` of `<regular>` (anacrolix)",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some(r#""<regular>""#))),
    ),
    Case::must(
        "event.unknown",
        "an event nobody knows",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some(r#""hibernated""#))),
    ),
    Case::must(
        "event.number",
        "`event` that is a number",
        &["R-4.4"],
        UPDATE,
        |lab| Box::pin(joins(lab, Some("1"))),
    ),
    Case::must(
        "event.completed",
        "a leecher completes",
        &["R-4.6"],
        "counted as a seed from then on",
        |lab| Box::pin(completed(lab)),
    ),
    Case::must(
        "event.completed-unknown",
        "`completed` of a peer that never started",
        &["R-4.6"],
        "joins as a seed",
        |lab| Box::pin(completed_unknown(lab)),
    ),
    Case::must(
        "event.completed-twice",
        "`completed` twice",
        &["R-4.6"],
        "still one seed",
        |lab| Box::pin(completed_twice(lab)),
    ),
    Case::should(
        "event.stopped-response",
        "`stopped` is answered",
        &["R-7.1", "R-4.15"],
        "a response",
        |lab| Box::pin(stopped_response(lab)),
    ),
    Case::must(
        "event.stopped",
        "a peer stops",
        &["R-4.15"],
        "no longer counted, and the other one still is",
        |lab| Box::pin(stopped(lab)),
    ),
    Case::must(
        "event.stopped-unknown",
        "`stopped` of a peer that never started",
        &["R-4.15"],
        "nobody is in the swarm afterwards",
        |lab| Box::pin(stopped_unknown(lab)),
    ),
    Case::must(
        "event.return",
        "a stopped peer announces again",
        &["R-4.4"],
        "is back",
        |lab| Box::pin(comes_back(lab)),
    ),
];

async fn joins(lab: &Lab, event: Option<&str>) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let update = message::update(torrent, peer_id());
    let text = match event {
        Some(json) => message::spliced(update, "event", json),
        None => update.to_string(),
    };
    socket.say_text(text).await?;
    expect_counts(&socket.response(torrent).await?, 0, 1)
}

async fn completed(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    let done = message::event(torrent, peer.id, "completed");
    peer.socket.say(&message::with(done, "left", 0)).await?;
    expect_counts(&peer.socket.response(torrent).await?, 1, 0)
}

async fn completed_unknown(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    let done = message::event(torrent, peer_id(), "completed");
    socket.say(&message::with(done, "left", 0)).await?;
    expect_counts(&socket.response(torrent).await?, 1, 0)
}

async fn completed_twice(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    let done = message::event(torrent, peer.id, "completed");
    let done = message::with(done, "left", 0);
    peer.socket.say(&done).await?;
    peer.socket.response(torrent).await?;
    peer.socket.say(&done).await?;
    expect_counts(&peer.socket.response(torrent).await?, 1, 0)
}

async fn stopped_response(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    peer.socket
        .say(&message::event(torrent, peer.id, "stopped"))
        .await?;
    Ok(message::sketch(&peer.socket.response(torrent).await?))
}

async fn stopped(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut stays = lab.peer(torrent, 1000).await?;
    let mut leaves = lab.peer(torrent, 1000).await?;
    leaves
        .socket
        .say(&message::event(torrent, leaves.id, "stopped"))
        .await?;
    leaves.socket.settled().await;
    stays
        .socket
        .say(&message::update(torrent, stays.id))
        .await?;
    expect_counts(&stays.socket.response(torrent).await?, 0, 1)
}

async fn stopped_unknown(lab: &Lab) -> Outcome {
    let (torrent, mut socket) = (torrent(), lab.socket().await?);
    socket
        .say(&message::event(torrent, peer_id(), "stopped"))
        .await?;
    socket.settled().await;
    if let Some(end) = socket.end() {
        return differs(end.to_string());
    }
    let mut other = lab.socket().await?;
    other.say(&message::announce(torrent, peer_id())).await?;
    expect_counts(&other.response(torrent).await?, 0, 1)
}

async fn comes_back(lab: &Lab) -> Outcome {
    let torrent = torrent();
    let mut peer = lab.peer(torrent, 1000).await?;
    peer.socket
        .say(&message::event(torrent, peer.id, "stopped"))
        .await?;
    peer.socket.settled().await;
    peer.socket.say(&message::update(torrent, peer.id)).await?;
    expect_counts(&peer.socket.response(torrent).await?, 0, 1)
}

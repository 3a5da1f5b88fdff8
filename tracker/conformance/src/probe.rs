//! One meeting through a tracker: what a user of it gets.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::lab::{self, Lab};
use crate::{Miss, Options, message};

/// The longest a whole meeting may take, in time-outs of a step.
const STEPS: u32 = 4;

/// What two peers that met through a tracker saw of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// From nothing to an open WebSocket.
    pub connecting: Duration,
    /// From an announce to its response.
    pub announcing: Duration,
    /// From an announce with an offer to the answer of the other peer.
    pub meeting: Duration,
    /// Seconds between two announces, as the tracker wants it.
    pub interval: Option<u64>,
    /// The tracker's clock, as the `Date` of its answer to the upgrade tells it.
    pub date: Option<String>,
}

/// Lets a seed and a leecher that nobody else knows meet through the tracker.
///
/// # Errors
/// What did not come, or came otherwise.
pub async fn meet(options: &Options) -> Result<Meeting, Miss> {
    let lab = Lab {
        url: options.url.clone(),
        timeout: options.timeout,
        settle: options.settle,
    };
    timeout(options.timeout * STEPS, through(&lab))
        .await
        .unwrap_or_else(|_| {
            Err(Miss::Differs(
                "the tracker is too slow to meet through".to_owned(),
            ))
        })
}

async fn through(lab: &Lab) -> Result<Meeting, Miss> {
    let torrent = lab::torrent();
    let start = Instant::now();
    let mut socket = lab.socket().await?;
    let connecting = start.elapsed();
    let date = socket.date().map(str::to_owned);
    let id = lab::peer_id();
    let start = Instant::now();
    let seed = message::with(message::announce(torrent, id), "left", 0);
    socket.say(&seed).await?;
    let response = socket.response(torrent).await?;
    let announcing = start.elapsed();

    let mut leecher = lab.peer(torrent, 1000).await?;
    let start = Instant::now();
    leecher.offer(message::offers(1)).await?;
    let offer = socket.offer(torrent).await?;
    let answer = message::answer(torrent, id, &offer["peer_id"], &offer["offer_id"]);
    socket.say(&answer).await?;
    leecher.socket.answer(torrent).await?;
    let meeting = start.elapsed();
    leecher.socket.close().await;
    socket.close().await;
    Ok(Meeting {
        connecting,
        announcing,
        meeting,
        interval: response.get("interval").and_then(Value::as_u64),
        date,
    })
}

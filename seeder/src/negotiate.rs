//! From an offer or an answer to a running session.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{mpsc, oneshot};
use tracker_protocol::{
    Answer, ClientMessage, Description, DescriptionKind, InfoHash, OfferId, PeerId, RawValue,
};

use crate::choking::Place;
use crate::rtc::{self, Opening};
use crate::session;
use crate::torrent::{Negotiating, Seeded, Shared};

/// How long an offer of ours waits for its answer; webtorrent.js drops its own
/// after the same time.
pub(crate) const OFFER_LIFE: Duration = Duration::from_secs(50);

/// Another peer's offer, from a tracker.
pub(crate) struct IncomingOffer {
    pub(crate) peer_id: PeerId,
    pub(crate) offer_id: OfferId,
    pub(crate) sdp: String,
}

/// The SDP of a description of the expected kind.
pub(crate) fn read_sdp(raw: &RawValue, kind: DescriptionKind) -> Option<String> {
    let description = Description::parse(raw).ok()?;
    (description.kind == kind).then(|| description.sdp.into_owned())
}

/// Answers an offer if there is a place; otherwise it stays unanswered, and the
/// peer tries again with its next announce, or is called back before: returns
/// false then. `replies` takes the answer for the tracker it came from.
pub(crate) fn take_offer(
    shared: &Arc<Shared>,
    seeded: &Arc<Seeded>,
    offer: IncomingOffer,
    replies: mpsc::Sender<String>,
) -> bool {
    if offer.peer_id == shared.peer_id || shared.stopping.is_cancelled() {
        return true;
    }
    let Some(negotiating) = seeded.negotiate(offer.peer_id) else {
        return true;
    };
    let place = match shared.choking.admit(seeded.info_hash()) {
        Ok(place) => place,
        Err(refusal) => {
            tracing::debug!(%refusal, "an offer stays unanswered");
            return false;
        }
    };
    let (shared, seeded) = (Arc::clone(shared), Arc::clone(seeded));
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let opening = answer(&shared, seeded.info_hash(), offer, &replies).await;
        // The answer is on its way: the tracker's queue is no concern of the session.
        drop(replies);
        let Some(opening) = opening else {
            return;
        };
        connect(shared, seeded, opening, place, negotiating).await;
    });
    true
}

async fn answer(
    shared: &Shared,
    info_hash: InfoHash,
    offer: IncomingOffer,
    replies: &mpsc::Sender<String>,
) -> Option<Opening> {
    let (sdp, opening) = match shared.rtc.accept_offer(&offer.sdp).await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::debug!(%error, "an offer cannot be answered");
            return None;
        }
    };
    let answer = raw(DescriptionKind::Answer, &sdp);
    let message = ClientMessage::Answer(Answer {
        info_hash,
        peer_id: shared.peer_id,
        to_peer_id: offer.peer_id,
        offer_id: offer.offer_id,
        answer: Cow::Owned(answer),
        tracker_id: None,
    });
    // Full: the tracker takes nothing, the answer would be late. Closed: it is gone.
    replies.try_send(message.to_json()).ok()?;
    Some(opening)
}

/// Waits for the channel and runs the session on it. What is held while
/// connecting is let go when the channel is open.
async fn connect<Held>(
    shared: Arc<Shared>,
    seeded: Arc<Seeded>,
    opening: Opening,
    mut place: Place,
    held: Held,
) {
    let stopping = shared.stopping.clone();
    let opened = tokio::select! {
        biased;
        () = stopping.cancelled() => return,
        removal = place.taken() => {
            tracing::debug!(%removal, "a connection being made is given up");
            return;
        }
        opened = opening.open() => opened,
    };
    drop(held);
    match opened {
        Ok(channel) => session::run(shared, seeded, channel, place).await,
        Err(error) => tracing::debug!(%error, "a connection was not made"),
    }
}

/// An offer of ours, ready to be announced.
pub(crate) struct OutgoingOffer {
    pub(crate) offer_id: OfferId,
    pub(crate) offer: Box<RawValue>,
    /// Takes who answered, and the answer's SDP.
    pub(crate) answered: oneshot::Sender<(PeerId, String)>,
}

/// Makes up to `count` offers, each waiting for its answer in a task of its own
/// for [`OFFER_LIFE`] at most. Fewer when enough are out already.
pub(crate) async fn make_offers(
    shared: &Arc<Shared>,
    seeded: &Arc<Seeded>,
    count: usize,
) -> Vec<OutgoingOffer> {
    let mut offers = Vec::new();
    for _ in 0..count {
        let Ok(permit) = Arc::clone(&shared.offers).try_acquire_owned() else {
            break;
        };
        let (sdp, waiting) = match shared.rtc.create_offer().await {
            Ok(created) => created,
            Err(error) => {
                tracing::debug!(%error, "an offer cannot be made");
                break;
            }
        };
        let (answered, answer) = oneshot::channel();
        let (shared, seeded) = (Arc::clone(shared), Arc::clone(seeded));
        let tasks = shared.tasks.clone();
        tasks.spawn(wait_for_answer(shared, seeded, waiting, answer, permit));
        offers.push(OutgoingOffer {
            offer_id: OfferId::from_bytes(rand::rng().random()),
            offer: raw(DescriptionKind::Offer, &sdp),
            answered,
        });
    }
    offers
}

async fn wait_for_answer<Held>(
    shared: Arc<Shared>,
    seeded: Arc<Seeded>,
    offer: rtc::Offer,
    answer: oneshot::Receiver<(PeerId, String)>,
    held: Held,
) {
    let stopping = shared.stopping.clone();
    let answer = tokio::select! {
        biased;
        () = stopping.cancelled() => return,
        answer = tokio::time::timeout(OFFER_LIFE, answer) => answer,
    };
    let Ok(Ok((peer_id, sdp))) = answer else {
        return;
    };
    let Some((negotiating, place)) = take_answer(&shared, &seeded, peer_id) else {
        return;
    };
    match offer.accept_answer(&sdp).await {
        Ok(opening) => connect(shared, seeded, opening, place, (held, negotiating)).await,
        Err(error) => tracing::debug!(%error, "an answer cannot be taken"),
    }
}

/// A place for the peer that answered, if there is one.
fn take_answer(
    shared: &Arc<Shared>,
    seeded: &Arc<Seeded>,
    peer_id: PeerId,
) -> Option<(Negotiating, Place)> {
    let negotiating = seeded.negotiate(peer_id)?;
    let place = shared.choking.admit(seeded.info_hash()).ok()?;
    Some((negotiating, place))
}

fn raw(kind: DescriptionKind, sdp: &str) -> Box<RawValue> {
    let sdp = Cow::Borrowed(sdp);
    Description { kind, sdp }.to_raw()
}

//! Connections whose descriptions are exchanged, or wait for the answer.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use webrtc::data_channel::RTCDataChannelId;
use webrtc::peer_connection::{RTCPeerConnection, RTCSessionDescription};

use super::channel::{LinkEnd, Opening};
use super::endpoint::Order;
use super::link::{Bell, Link};
use super::peer::Peer;
use super::reach::Reach;
use super::routes::Key;
use super::{RtcError, SEND_BUFFER_BYTES, sdp};

/// Where a connection will be driven.
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) bell: Arc<Bell>,
    pub(super) orders: mpsc::Sender<Order>,
}

impl Place {
    pub(super) async fn add(
        self,
        ufrag: String,
        stack: RTCPeerConnection,
        channel: Option<RTCDataChannelId>,
    ) -> Result<Opening, RtcError> {
        let link = Arc::new(Link::new(self.key, self.bell, SEND_BUFFER_BYTES));
        let end = LinkEnd(Arc::clone(&link));
        let peer = Box::new(Peer::new(Instant::now(), stack, channel, link));
        let order = Order::Add(self.key, ufrag, peer);
        self.orders.send(order).await.map_err(|_| RtcError::Gone)?;
        Ok(Opening::new(end))
    }
}

/// An offer of ours that waits for its answer. Dropped, it is withdrawn. Until
/// the answer comes there is nothing to do for it, so nothing is done.
pub struct Offer {
    pub(super) reach: Reach,
    pub(super) place: Place,
    pub(super) ufrag: String,
    pub(super) stack: RTCPeerConnection,
    pub(super) channel: RTCDataChannelId,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}

impl Offer {
    /// Takes the answer's SDP.
    ///
    /// # Errors
    /// When the answer is over a limit or the stack cannot read it.
    pub async fn accept_answer(mut self, answer: &str) -> Result<Opening, RtcError> {
        let answer = sdp::accept_remote(answer, self.reach)?;
        let answer = RTCSessionDescription::answer(answer)?;
        self.stack.set_remote_description(Instant::now(), answer)?;
        let channel = Some(self.channel);
        self.place.add(self.ufrag, self.stack, channel).await
    }
}

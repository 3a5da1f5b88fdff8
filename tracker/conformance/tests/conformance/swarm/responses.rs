//! Responses to announces, and the `tracker id` that lets a client return.

use tracker_protocol::{Announce, Announced, InfoHash, ServerMessage};

use super::{Entry, Fault, Swarm};

impl Swarm {
    pub(super) fn announced(&self, socket: u64, announce: &Announce<'_>) -> ServerMessage<'static> {
        let (torrent, peer) = (announce.info_hash, announce.peer_id);
        let is_own = |e: &&Entry| (e.torrent, e.peer, e.socket) == (torrent, peer, socket);
        let own = self.entries.iter().find(is_own);
        let tracker_id = own.and_then(|entry| self.tracker_id(entry));
        self.response(torrent, tracker_id)
    }

    pub(super) fn response(
        &self,
        info_hash: InfoHash,
        tracker_id: Option<String>,
    ) -> ServerMessage<'static> {
        let (seeds, all) = self.count(info_hash);
        ServerMessage::Announced(Announced {
            info_hash,
            interval: Some(120),
            min_interval: None,
            complete: Some(seeds),
            incomplete: Some(all - seeds),
            downloaded: None,
            tracker_id: tracker_id.map(Into::into),
            warning: None,
        })
    }

    /// The one of an entry: that of the socket that made it.
    fn tracker_id(&self, entry: &Entry) -> Option<String> {
        if self.has(Fault::NoTrackerIds) {
            return None;
        }
        let maker = if self.has(Fault::TrackerIdsAlike) {
            0
        } else {
            entry.made_by
        };
        Some(format!("socket {maker}"))
    }

    /// Gives the entry that an announce names by its tracker id to the socket it came on, with the
    /// offers it made and owes answers to.
    pub(super) fn take_over(&mut self, socket: u64, announce: &Announce<'_>) {
        let (torrent, peer) = (announce.info_hash, announce.peer_id);
        let echoed = announce.tracker_id.as_deref();
        let is_named = |e: &Entry| {
            (e.torrent, e.peer) == (torrent, peer) && self.tracker_id(e).as_deref() == echoed
        };
        let named = self.entries.iter().position(is_named);
        let Some(at) = named.filter(|_| echoed.is_some() && !self.has(Fault::TrackerIdsIgnored))
        else {
            return;
        };
        let (old, new) = ((self.entries[at].socket, peer), (socket, peer));
        self.entries[at].socket = socket;
        for offer in self.handed_out.iter_mut().filter(|o| o.torrent == torrent) {
            for side in [&mut offer.from, &mut offer.to] {
                if *side == old {
                    *side = new;
                }
            }
        }
    }
}

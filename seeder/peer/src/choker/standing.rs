//! Standings of peers: the only place where slots change hands.

use std::time::{Duration, Instant};

use tracker_protocol::InfoHash;

use super::{Choker, ChokerOutput, Peer, PeerKey, Removal, Standing};

impl Choker {
    pub(super) fn insert(&mut self, key: PeerKey, peer: Peer) {
        let (torrent, standing) = (peer.torrent, peer.standing);
        self.peers.insert(key, peer);
        self.groups.entry(torrent).or_default().peers += 1;
        self.list(key, torrent, standing);
    }

    /// Moves a peer from one standing to another.
    pub(super) fn stand(&mut self, key: PeerKey, now: Instant, standing: Standing) {
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        peer.add_stall(now);
        let torrent = peer.torrent;
        let before = std::mem::replace(&mut peer.standing, standing);
        self.unlist(key, torrent, before);
        if matches!(before, Standing::Served { .. }) {
            self.outputs.push_back(ChokerOutput::Choke(key));
        }
        self.list(key, torrent, standing);
        if matches!(standing, Standing::Served { .. }) {
            self.outputs.push_back(ChokerOutput::Unchoke(key));
        }
    }

    fn list(&mut self, key: PeerKey, torrent: InfoHash, standing: Standing) {
        if let Some(count) = self.groups.entry(torrent).or_default().count(standing) {
            *count += 1;
        }
        match standing {
            Standing::Negotiating { until } => {
                self.negotiating.insert((until, key));
            }
            Standing::Waiting { since } => {
                self.waiting.insert((since, key));
            }
            Standing::Served { optimistic, .. } => {
                self.served.insert(key);
                self.optimistic += usize::from(optimistic);
            }
            Standing::Uninterested { .. } | Standing::Complete { .. } => {}
        }
    }

    fn unlist(&mut self, key: PeerKey, torrent: InfoHash, standing: Standing) {
        let group = self.groups.get_mut(&torrent);
        if let Some(count) = group.and_then(|group| group.count(standing)) {
            *count -= 1;
        }
        match standing {
            Standing::Negotiating { until } => {
                self.negotiating.remove(&(until, key));
            }
            Standing::Waiting { since } => {
                self.waiting.remove(&(since, key));
            }
            Standing::Served { optimistic, .. } => {
                self.served.remove(&key);
                self.optimistic -= usize::from(optimistic);
            }
            Standing::Uninterested { .. } | Standing::Complete { .. } => {}
        }
    }

    pub(super) fn forget(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.remove(&key) else {
            return;
        };
        self.unlist(key, peer.torrent, peer.standing);
        if let Some(group) = self.groups.get_mut(&peer.torrent) {
            group.peers -= 1;
            if group.peers == 0 {
                self.groups.remove(&peer.torrent);
            }
        }
        if let Some(network) = peer.network
            && let Some(count) = self.networks.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
    }

    pub(super) fn close(&mut self, key: PeerKey, removal: Removal) {
        self.forget(key);
        self.outputs.push_back(ChokerOutput::Close(key, removal));
    }
}

impl Peer {
    pub(super) fn negotiating(torrent: InfoHash, until: Instant) -> Self {
        Self {
            torrent,
            network: None,
            standing: Standing::Negotiating { until },
            sent: 0,
            missing: u64::MAX,
            stalled: Duration::ZERO,
            requesting: false,
        }
    }

    /// Adds the time since the last progress to the stalled time, if it counts.
    pub(super) fn add_stall(&mut self, now: Instant) {
        if let Standing::Served { progress, .. } = self.standing
            && self.requesting
        {
            self.stalled += now.saturating_duration_since(progress);
        }
    }
}

use std::time::Instant;

use rand::Rng;
use tracker_protocol::InfoHash;

use crate::{Command, Config, ConnectionId, Output, Peer, Torrent, Totals};
use tracker_protocol::PeerId;

/// All swarms.
#[derive(Debug)]
pub struct Swarms<R> {
    config: Config,
    rng: R,
}

impl<R: Rng> Swarms<R> {
    /// No swarms yet.
    pub fn new(config: Config, rng: R) -> Self {
        Self { config, rng }
    }

    /// Takes in one thing that happened at `now`.
    pub fn handle(&mut self, now: Instant, command: Command<'_>) {
        let _ = (now, command, &self.config, &self.rng);
        todo!()
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    /// When [`Command::Tick`] is due at the latest; `None` while there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Sizes of the whole state.
    pub fn totals(&self) -> Totals {
        todo!()
    }

    /// Swarms in the order of their info-hash, after the cursor.
    pub fn torrents(&self, after: Option<InfoHash>) -> impl Iterator<Item = Torrent> + '_ {
        let _ = after;
        std::iter::empty()
    }

    /// One swarm; `None` if it has no peers.
    pub fn torrent(&self, info_hash: InfoHash) -> Option<Torrent> {
        let _ = info_hash;
        todo!()
    }

    /// Entries of one swarm in the order of peer id and connection, after the cursor.
    pub fn peers(
        &self,
        info_hash: InfoHash,
        after: Option<(PeerId, ConnectionId)>,
        limit: usize,
    ) -> Vec<Peer> {
        let _ = (info_hash, after, limit);
        todo!()
    }
}

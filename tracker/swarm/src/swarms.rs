use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use rand::Rng;
use tracker_protocol::{Failure, InfoHash, ScrapeEntry, Scraped, ServerMessage, Subject};

use crate::completions::{CompletedCounts, CompletedPeers};
use crate::entries::Entries;
use crate::parking::Parking;
use crate::slab::Slab;
use crate::standing::Moment;
use crate::swarm::Swarm;
use crate::tick::Tick;
use crate::{Class, Command, Config, ConnectionId, Output, RestoredTorrent};

/// All swarms of one shard.
#[derive(Debug)]
pub struct Swarms<R> {
    pub(crate) config: Config,
    pub(crate) rng: R,
    /// When the first command came, and the latest.
    start: Option<Instant>,
    latest: Option<Instant>,
    /// Swarms by number, and the number of each torrent's.
    pub(crate) swarms: Slab<Swarm>,
    pub(crate) numbers: BTreeMap<InfoHash, u32>,
    pub(crate) entries: Entries,
    /// When to look after each entry: exactly one deadline each, never later than its death.
    pub(crate) deadlines: BTreeSet<(Tick, u32)>,
    /// Thousandths of full load.
    pub(crate) load: u32,
    pub(crate) parking: Parking,
    /// Until when connections count as congested; by connection and by time.
    pub(crate) congested: HashMap<ConnectionId, Instant>,
    pub(crate) reliefs: BTreeSet<(Instant, ConnectionId)>,
    pub(crate) completed_counts: CompletedCounts,
    pub(crate) completed_peers: CompletedPeers,
    pub(crate) seeds: u64,
    pub(crate) leechers: u64,
    /// What is to be done; as long as what one command causes.
    pub(crate) outputs: VecDeque<Output>,
}

impl<R: Rng> Swarms<R> {
    /// No swarms yet.
    pub fn new(config: Config, rng: R) -> Self {
        Self {
            rng,
            start: None,
            latest: None,
            swarms: Slab::new(),
            numbers: BTreeMap::new(),
            entries: Entries::new(),
            deadlines: BTreeSet::new(),
            congested: HashMap::new(),
            reliefs: BTreeSet::new(),
            load: 0,
            parking: Parking::new(config.parked_bytes, config.parked_bytes_per_torrent),
            completed_counts: CompletedCounts::new(config.remembered_torrents),
            completed_peers: CompletedPeers::new(config.remembered_completions),
            seeds: 0,
            leechers: 0,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Takes in one thing that happened at `now`. Drain [`Self::poll_output`] before the next.
    pub fn handle(&mut self, now: Instant, command: Command<'_>) {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        self.start.get_or_insert(now);
        self.expire(now);
        match command {
            Command::Announce { from, announce } => self.announce(now, from, announce),
            Command::Answer { from, answer } => self.answer(now, from, answer),
            Command::Scrape { from, info_hashes } => self.scrape(from, info_hashes),
            Command::Disconnect { connection } => self.disconnect(connection),
            Command::RemoveTorrent { info_hash } => self.remove_torrent(info_hash),
            Command::KickPeer { info_hash, peer_id } => self.kick(info_hash, peer_id),
            Command::Restore(restored) => self.restore(restored),
            Command::Congested { connection } => self.congested(now, connection),
            Command::Measured { connection, rtt } => self.measured(connection, rtt),
            Command::Load { permille } => self.set_load(permille),
            Command::Tick => {}
        }
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > OUTPUTS_KEPT {
            self.outputs.shrink_to(OUTPUTS_KEPT);
        }
        output
    }

    /// When [`Command::Tick`] is due at the latest; `None` while there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let silence = self
            .deadlines
            .first()
            .map(|(deadline, _)| self.instant(*deadline));
        let waiting = self.parking.deadline();
        let relief = self.reliefs.first().map(|(at, _)| *at);
        silence.into_iter().chain(waiting).chain(relief).min()
    }

    fn scrape(&mut self, from: ConnectionId, info_hashes: Option<Vec<InfoHash>>) {
        let Some(mut info_hashes) = info_hashes else {
            // Naming every torrent would amplify traffic and tell strangers what is shared here.
            let reason = "scraping all torrents is off; name them in `info_hash`";
            return self.fail(from, Subject::Scrape, reason);
        };
        info_hashes.sort_unstable();
        info_hashes.dedup();
        let files = info_hashes
            .into_iter()
            .map(|info_hash| (info_hash, self.counts(info_hash)))
            .collect();
        let scraped = Scraped {
            files,
            min_request_interval: u32::try_from(self.config.interval.as_secs()).ok(),
        };
        self.send(from, Class::Response, ServerMessage::Scraped(scraped));
    }

    fn restore(&mut self, restored: RestoredTorrent) {
        let info_hash = restored.info_hash;
        match self.swarm_mut(info_hash) {
            Some(swarm) => swarm.completed = swarm.completed.max(restored.completed),
            None => {
                let known = self.completed_counts.count(info_hash);
                self.completed_counts
                    .remember(info_hash, known.max(restored.completed));
            }
        }
        for peer_id in restored.completed_by {
            self.completed_peers.insert(info_hash, peer_id);
        }
    }

    pub(crate) fn moment(&self, now: Instant) -> Moment {
        Moment::new(self.tick(now), &self.config)
    }

    pub(crate) fn tick(&self, now: Instant) -> Tick {
        Tick::at(self.start.unwrap_or(now), now)
    }

    pub(crate) fn instant(&self, tick: Tick) -> Instant {
        let start = self.start.expect("no tick is older than the first command");
        tick.instant(start)
    }

    pub(crate) fn swarm(&self, info_hash: InfoHash) -> Option<&Swarm> {
        let number = self.numbers.get(&info_hash)?;
        Some(&self.swarms[*number])
    }

    pub(crate) fn swarm_mut(&mut self, info_hash: InfoHash) -> Option<&mut Swarm> {
        let number = self.numbers.get(&info_hash)?;
        Some(&mut self.swarms[*number])
    }

    /// Counts of a torrent, with peers or without.
    pub(crate) fn counts(&self, info_hash: InfoHash) -> ScrapeEntry {
        match self.swarm(info_hash) {
            Some(swarm) => swarm.counts(),
            None => ScrapeEntry {
                downloaded: self.completed_counts.count(info_hash),
                ..ScrapeEntry::default()
            },
        }
    }

    pub(crate) fn send(&mut self, to: ConnectionId, class: Class, message: ServerMessage<'static>) {
        self.output(Output::Send { to, class, message });
    }

    pub(crate) fn fail(
        &mut self,
        to: ConnectionId,
        subject: Subject,
        reason: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        let reason = reason.into();
        let failure = ServerMessage::Failure(Failure { subject, reason });
        self.send(to, Class::Failure, failure);
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    #[cfg(test)]
    pub(crate) fn outputs_capacity(&self) -> usize {
        self.outputs.capacity()
    }
}

/// Room for outputs that is kept between commands; more is given back.
const OUTPUTS_KEPT: usize = 64;

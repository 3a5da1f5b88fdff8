//! What holds for every sequence of commands: for fuzzing and for tests with random bytes. The
//! machine is run beside a naive model, which tells what must come out.

mod model;
mod relays;
mod steps;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tracker_protocol::ServerMessage;

use self::model::{Expected, Model, Peer};
use self::relays::{check_offers, check_parked, hear, numwant, offer};
use self::steps::{Steps, connections};
use self::waiting::{PARKED_BYTES, Waiting};
use crate::entry::Key;
use crate::{
    Change, Class, Command, Config, Departure, Fact, Full, Output, Refusal, Role, Swarms, Totals,
};

/// How often which command was given, and which output came.
#[derive(Debug, Default)]
pub struct Reached(pub BTreeMap<&'static str, usize>);

impl Reached {
    fn insert(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// Takes bytes for commands and for the time between them, and counts what they reach.
///
/// # Panics
/// When the machine does other than the model.
pub fn commands(bytes: &[u8], reached: &mut Reached) {
    let config = Config {
        interval: Duration::from_secs(9),
        peer_ttl: Duration::from_secs(20),
        offer_ttl: Duration::from_secs(5),
        offers: 3,
        parked_for: Duration::from_secs(8),
        parked_bytes_per_torrent: 4 * PARKED_BYTES,
        parked_bytes: 6 * PARKED_BYTES + 1,
        torrents: 3,
        peers_per_torrent: 5,
        entries_per_connection: 4,
        ..Config::default()
    };
    let mut swarms = Swarms::new(config.clone(), StdRng::seed_from_u64(1));
    let mut model = Model::new(config);
    let mut now = Instant::now();
    let mut steps = Steps(bytes);
    while !steps.0.is_empty() {
        let (passed, command) = steps.next(&model);
        now += passed;
        handle(&mut swarms, &mut model, now, command, reached);
    }
    for connection in connections() {
        let command = Command::Disconnect { connection };
        handle(&mut swarms, &mut model, now, command, reached);
    }
    assert!(swarms.swarms.is_empty() && swarms.numbers.is_empty());
    assert!(swarms.deadlines.is_empty() && swarms.entries.slab.is_empty());
    assert!(swarms.parking.is_empty());
}

fn handle(
    swarms: &mut Swarms<StdRng>,
    model: &mut Model,
    now: Instant,
    command: Command<'static>,
    reached: &mut Reached,
) {
    reached.insert(command_name(&command));
    let expected = model.handle(now, &command);
    let announce = match &command {
        Command::Announce { from, announce } => Some((*from, announce.clone())),
        Command::Answer { .. }
        | Command::Scrape { .. }
        | Command::Disconnect { .. }
        | Command::RemoveTorrent { .. }
        | Command::KickPeer { .. }
        | Command::Restore(_)
        | Command::Congested { .. }
        | Command::Measured { .. }
        | Command::Load { .. }
        | Command::Tick => None,
    };
    swarms.handle(now, command);
    let outputs: Vec<Output> = std::iter::from_fn(|| swarms.poll_output()).collect();
    outputs.iter().for_each(|output| {
        reached.insert(output_name(output));
    });

    if let Some((from, announce)) = &announce {
        hear(model, *from, announce, &outputs);
    }
    let (offers, others): (Vec<_>, Vec<_>) = outputs.into_iter().partition(is_offer);
    let others: Vec<_> = others.into_iter().map(simplify).collect();
    assert_eq!(sorted(&others), sorted(&expected));
    match announce {
        Some((from, announce)) => {
            let (own, parked): (Vec<_>, Vec<_>) = offers
                .into_iter()
                .partition(|output| offer(output).peer_id == announce.peer_id);
            let met = check_offers(swarms, model, now, from, &announce, &own, reached);
            let key = Key {
                peer_id: announce.peer_id,
                connection: from,
            };
            let is_it = |peer: &&Peer| peer.info_hash == announce.info_hash && peer.key() == key;
            let joined = expected.iter().any(is_joined);
            let wanted = if joined {
                numwant(&announce) - met.len()
            } else {
                0
            };
            match model.peers.iter().find(is_it).cloned() {
                Some(peer) => {
                    let expected = model.unpark(&peer, &met, wanted);
                    check_parked(swarms, model, now, &peer, expected, &parked, reached);
                }
                None => assert_eq!(parked.len(), 0),
            }
        }
        None => assert_eq!(offers.len(), 0),
    }
    check_state(swarms, model);
}

fn check_state(swarms: &Swarms<StdRng>, model: &Model) {
    let seeds = model
        .peers
        .iter()
        .filter(|peer| peer.stats.role == Role::Seed);
    let seeds = seeds.count() as u64;
    let owners: BTreeSet<_> = model.peers.iter().map(|peer| peer.connection).collect();
    let torrents: BTreeSet<_> = model.peers.iter().map(|peer| peer.info_hash).collect();
    assert_eq!(
        swarms.totals(),
        Totals {
            torrents: torrents.len(),
            seeds,
            leechers: model.peers.len() as u64 - seeds,
            connections: owners.len(),
            ..swarms.totals()
        }
    );
    let listed: Vec<_> = swarms
        .torrents(None)
        .map(|torrent| torrent.info_hash)
        .collect();
    assert_eq!(listed, torrents.into_iter().collect::<Vec<_>>());
    for torrent in swarms.torrents(None) {
        let counts = [
            torrent.seeds as u64,
            torrent.leechers as u64,
            torrent.completed,
        ];
        assert_eq!(counts, model.counts(torrent.info_hash));
        let peers = swarms.peers(torrent.info_hash, None, usize::MAX);
        let swarm = swarms.swarm(torrent.info_hash).expect("it is listed");
        assert!(swarm.members.are_sorted(&swarms.entries.slab));
        let mut expected: Vec<_> = model
            .peers
            .iter()
            .filter(|peer| peer.info_hash == torrent.info_hash)
            .map(|peer| (peer.peer_id, peer.connection, peer.stats, peer.last_seen))
            .collect();
        expected.sort_by_key(|(peer_id, connection, ..)| (*peer_id, *connection));
        let peers: Vec<_> = peers
            .iter()
            .map(|peer| (peer.peer_id, peer.connection, peer.stats, peer.last_seen))
            .collect();
        assert_eq!(peers, expected);
    }
    let parked: Vec<_> = swarms
        .parking
        .offers()
        .map(|parked| Waiting {
            info_hash: parked.info_hash,
            offerer: swarms
                .entries
                .with_ticket(parked.offerer)
                .expect("offers go with their peer")
                .key(),
            offer_id: parked.offer.offer_id.clone(),
            since: parked.until - Duration::from_secs(8),
        })
        .collect();
    assert_eq!(parked, model.waiting);
    assert_eq!(swarms.totals().parked_bytes, parked.len() * PARKED_BYTES);
    assert_eq!(swarms.deadlines.len(), model.peers.len());
    check_owners(swarms, model);
    assert_eq!(swarms.congested.len(), swarms.reliefs.len());
    assert_eq!(swarms.poll_timeout().is_some(), !model.peers.is_empty());
}

fn check_owners(swarms: &Swarms<StdRng>, model: &Model) {
    for connection in connections() {
        let next = |number: &u32| swarms.entries.next_of(*number);
        let owned = std::iter::successors(swarms.entries.first_of(connection), next);
        let expected = model
            .peers
            .iter()
            .filter(|peer| peer.connection == connection);
        let expected = expected.count();
        assert_eq!(owned.count(), expected);
        assert_eq!(swarms.entries.count_of(connection), expected);
    }
}

fn is_joined(expected: &Expected) -> bool {
    let Expected::Fact(Fact::Peer { change, .. }) = expected else {
        return false;
    };
    *change == Change::Joined
}

fn is_offer(output: &Output) -> bool {
    matches!(
        output,
        Output::Send {
            class: Class::Offer,
            ..
        }
    )
}

fn simplify(output: Output) -> Expected {
    match output {
        Output::Fact(fact) => Expected::Fact(fact),
        Output::AnnounceRefused { from, full } => Expected::Full(from, full),
        Output::AnswerRefused { from, refusal } => Expected::Refused(from, refusal),
        Output::Send { to, message, .. } => match message {
            ServerMessage::Announced(announced) => {
                assert_eq!(announced.interval, Some(9));
                let counts = [
                    announced.complete,
                    announced.incomplete,
                    announced.downloaded,
                ];
                Expected::Response(to, counts.map(|count| count.expect("all counts")))
            }
            ServerMessage::Answer(answer) => Expected::Answer(to, answer.peer_id, answer.offer_id),
            ServerMessage::Scraped(scraped) => {
                let counts = scraped.files.into_iter().map(|(hash, entry)| {
                    (hash, [entry.complete, entry.incomplete, entry.downloaded])
                });
                Expected::Scraped(to, counts.collect())
            }
            ServerMessage::Failure(_) => Expected::Failure(to),
            ServerMessage::Offer(_) => panic!("offers are checked apart"),
        },
    }
}

fn sorted(outputs: &[Expected]) -> Vec<String> {
    let mut shown: Vec<_> = outputs.iter().map(|output| format!("{output:?}")).collect();
    shown.sort();
    shown
}

fn command_name(command: &Command<'_>) -> &'static str {
    match command {
        Command::Announce { .. } => "announce",
        Command::Answer { .. } => "answer",
        Command::Scrape { .. } => "scrape",
        Command::Disconnect { .. } => "disconnect",
        Command::RemoveTorrent { .. } => "remove torrent",
        Command::KickPeer { .. } => "kick peer",
        Command::Restore(_) => "restore",
        Command::Congested { .. } => "congested",
        Command::Measured { .. } => "measured",
        Command::Load { .. } => "load",
        Command::Tick => "tick",
    }
}

fn output_name(output: &Output) -> &'static str {
    match output {
        Output::Send { message, .. } => match message {
            ServerMessage::Announced(_) => "response",
            ServerMessage::Offer(_) => "offer",
            ServerMessage::Answer(_) => "relayed answer",
            ServerMessage::Scraped(_) => "scraped",
            ServerMessage::Failure(_) => "failure",
        },
        Output::Fact(fact) => match fact {
            Fact::TorrentOpened { .. } => "opened",
            Fact::TorrentClosed { .. } => "closed",
            Fact::TorrentRemoved { .. } => "remove torrent",
            Fact::Completed { .. } => "completed",
            Fact::Peer { change, .. } => match change {
                Change::Joined => "joined",
                Change::Updated => "updated",
                Change::Returned { .. } => "returned",
                Change::Left(Departure::Stopped) => "stopped",
                Change::Left(Departure::Disconnected) => "disconnected",
                Change::Left(Departure::Expired) => "expired",
                Change::Left(Departure::Removed) => "removed",
            },
        },
        Output::AnnounceRefused { full, .. } => match full {
            Full::Connection => "connection full",
            Full::Torrent => "torrent full",
            Full::Tracker => "tracker full",
        },
        Output::AnswerRefused { refusal, .. } => match refusal {
            Refusal::NotInSwarm => "not in swarm",
            Refusal::NotOffered => "not offered",
            Refusal::Late => "late",
            Refusal::OffererGone => "offerer gone",
        },
    }
}

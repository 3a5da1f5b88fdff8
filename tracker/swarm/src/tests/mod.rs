//! Tests of the machine: scenarios by subject, and `random`, which runs it beside a naive model.

mod answers;
mod completions;
mod limits;
mod matching;
mod membership;
mod memory;
mod offers;
mod parking;
mod queries;
mod random;
mod returning;
mod scrapes;

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tracker_protocol::{ClientMessage, InfoHash, Limits, PeerId, ServerMessage};

use crate::{Class, Command, Config, ConnectionId, Fact, Output, Swarms};

/// The machine with a clock that only tests move. Ids are one letter, twenty times; connections
/// are numbers on node 0.
struct Bench {
    swarms: Swarms<StdRng>,
    now: Instant,
    start: Instant,
}

/// What came out of one command.
struct Outcome(Vec<Output>);

impl Bench {
    fn new() -> Self {
        Self::with(Config::default())
    }

    /// A bench whose interval of 9 s is too short to vary.
    fn with(config: Config) -> Self {
        let config = Config {
            interval: Duration::from_secs(9),
            ..config
        };
        let start = Instant::now();
        Self {
            swarms: Swarms::new(config, StdRng::seed_from_u64(7)),
            now: start,
            start,
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn handle(&mut self, command: Command<'_>) -> Outcome {
        self.swarms.handle(self.now, command);
        Outcome(std::iter::from_fn(|| self.swarms.poll_output()).collect())
    }

    /// Hands in a message as it comes over a socket, single letters standing for ids.
    fn receive(&mut self, connection: u64, text: &str) -> Outcome {
        let text = widen(text);
        let message = ClientMessage::parse(&text, &Limits::default()).expect("a valid message");
        let from = ConnectionId::new(0, connection);
        self.handle(match message {
            ClientMessage::Announce(announce) => Command::Announce { from, announce },
            ClientMessage::Answer(answer) => Command::Answer { from, answer },
            ClientMessage::Scrape { info_hashes } => Command::Scrape { from, info_hashes },
        })
    }

    /// An announce of a peer in swarm `h` with further keys.
    fn announce(&mut self, connection: u64, peer: char, keys: &str) -> Outcome {
        self.announce_in('h', connection, peer, keys)
    }

    fn announce_in(&mut self, hash: char, connection: u64, peer: char, keys: &str) -> Outcome {
        let text =
            format!(r#"{{"action":"announce","info_hash":"<{hash}>","peer_id":"<{peer}>"{keys}}}"#);
        self.receive(connection, &text)
    }

    /// An answer in swarm `h`.
    fn answer(&mut self, connection: u64, peer: char, to: char, offer: &str) -> Outcome {
        let text = format!(
            r#"{{"action":"announce","info_hash":"<h>","peer_id":"<{peer}>","to_peer_id":"<{to}>","offer_id":"{offer}","answer":{{"sdp":"a"}}}}"#
        );
        self.receive(connection, &text)
    }

    fn disconnect(&mut self, connection: u64) -> Outcome {
        let connection = ConnectionId::new(0, connection);
        self.handle(Command::Disconnect { connection })
    }

    /// Seeds and leechers of swarm `h`.
    fn counts(&self) -> (usize, usize) {
        let torrent = self.swarms.torrent(hash('h'));
        torrent.map_or((0, 0), |torrent| (torrent.seeds, torrent.leechers))
    }
}

impl Outcome {
    /// The messages to be written, each as `connection class json` with single letters for ids and
    /// without tracker ids.
    fn messages(&self) -> Vec<String> {
        let show = |output: &Output| match output {
            Output::Send { to, class, message } => {
                let mut message = message.clone();
                if let ServerMessage::Announced(announced) = &mut message {
                    announced.tracker_id = None;
                }
                let class = match class {
                    Class::Response => "response",
                    Class::Offer => "offer",
                    Class::Answer => "answer",
                    Class::Failure => "failure",
                };
                let json = narrow(&message.to_json());
                Some(format!("{} {class} {json}", to.serial()))
            }
            Output::Fact(_) | Output::AnnounceRefused { .. } | Output::AnswerRefused { .. } => None,
        };
        self.0.iter().filter_map(show).collect()
    }

    /// The tracker id of the response.
    fn tracker_id(&self) -> Option<String> {
        self.0.iter().find_map(|output| match output {
            Output::Send {
                message: ServerMessage::Announced(announced),
                ..
            } => announced.tracker_id.as_deref().map(str::to_owned),
            Output::Send { .. }
            | Output::Fact(_)
            | Output::AnnounceRefused { .. }
            | Output::AnswerRefused { .. } => None,
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |output: &Output| match output {
            Output::Fact(fact) => Some(fact.clone()),
            Output::Send { .. } | Output::AnnounceRefused { .. } | Output::AnswerRefused { .. } => {
                None
            }
        };
        self.0.iter().filter_map(fact).collect()
    }

    /// Receivers of offers and the names of the offers, by receiver.
    fn offers(&self) -> Vec<(u64, String)> {
        let offer = |output: &Output| match output {
            Output::Send {
                to,
                message: ServerMessage::Offer(offer),
                ..
            } => Some((to.serial(), offer.offer_id.to_string())),
            Output::Send { .. }
            | Output::Fact(_)
            | Output::AnnounceRefused { .. }
            | Output::AnswerRefused { .. } => None,
        };
        let mut offers: Vec<_> = self.0.iter().filter_map(offer).collect();
        offers.sort();
        offers
    }
}

/// `count` offers named `0`, `1`, …, as the key of an announce.
fn offers(count: usize) -> String {
    let offers: Vec<_> = (0..count)
        .map(|index| format!(r#"{{"offer":{{"sdp":"{index}"}},"offer_id":"{index}"}}"#))
        .collect();
    format!(r#","offers":[{}]"#, offers.join(","))
}

/// The response to an announce in swarm `h`.
fn response(to: u64, complete: u64, incomplete: u64, downloaded: u64) -> String {
    format!(
        r#"{to} response {{"action":"announce","info_hash":"<h>","interval":9,"complete":{complete},"incomplete":{incomplete},"downloaded":{downloaded}}}"#
    )
}

fn hash(letter: char) -> InfoHash {
    InfoHash::from_bytes([letter as u8; 20])
}

fn peer(letter: char) -> PeerId {
    PeerId::from_bytes([letter as u8; 20])
}

/// Replaces `<x>` by twenty `x`.
fn widen(text: &str) -> String {
    ('a'..='z').fold(text.to_owned(), |text, letter| {
        text.replace(&format!("<{letter}>"), &letter.to_string().repeat(20))
    })
}

/// Replaces twenty `x` by `<x>`.
fn narrow(text: &str) -> String {
    ('a'..='z').fold(text.to_owned(), |text, letter| {
        text.replace(&letter.to_string().repeat(20), &format!("<{letter}>"))
    })
}

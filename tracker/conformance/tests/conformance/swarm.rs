//! The smallest swarm that conforms, and the ways in which it can be told not to.

mod responses;

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tracker_protocol::{
    Announce, Answer, ClientMessage, Event, InfoHash, Limits, OfferId, PeerId, RelayedAnswer,
    RelayedOffer, ScrapeEntry, Scraped, ServerMessage, Verdict,
};

use crate::faults;

/// What the tracker does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Accepts sockets and never reads them.
    Deaf,
    /// Answers everything with everything.
    Chatty,
    /// Takes `left` of null, of an empty string, of false for 0.
    NullIsSeed,
    EventsRefused,
    IdsCut,
    WideIdsFolded,
    OfferIdsCut,
    KeysDropped,
    OffersReserialised,
    BadOfferSpoilsAll,
    NumwantRequired,
    NumwantIgnored,
    OffersToAll,
    OffersToSelf,
    OffersAcrossSwarms,
    OffersOnStop,
    SeedsToSeeds,
    ResponseLast,
    AnnouncerUncounted,
    CountedTwice,
    AnswersGetResponses,
    AnswersDemote,
    AnswersUnchecked,
    FailuresUnnamed,
    ScrapeForgetsUnknown,
    ScrapeListsAll,
    ScrapeOfNothingSilent,
    CompletionsUncounted,
    SecondSocketSilent,
    SecondSocketTakesOver,
    StopByAnyone,
    CloseEvictsPeerId,
    CloseForgets,
    NoTrackerIds,
    TrackerIdsIgnored,
    TrackerIdsAlike,
    CrashesOnObject,
}

struct Entry {
    torrent: InfoHash,
    peer: PeerId,
    socket: u64,
    is_seed: bool,
    made_by: u64,
}

/// An offer that was handed out and may be answered.
struct HandedOut {
    torrent: InfoHash,
    offer_id: OfferId,
    from: (u64, PeerId),
    to: (u64, PeerId),
}

pub(crate) struct Swarm {
    pub(crate) fault: Fault,
    sockets: BTreeMap<u64, Sender<Message>>,
    entries: Vec<Entry>,
    handed_out: Vec<HandedOut>,
    completions: BTreeMap<InfoHash, u64>,
}

impl Swarm {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            sockets: BTreeMap::new(),
            entries: Vec::new(),
            handed_out: Vec::new(),
            completions: BTreeMap::new(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    pub(crate) fn connect(&mut self, socket: u64, outbox: Sender<Message>) {
        self.sockets.insert(socket, outbox);
    }

    pub(crate) fn disconnect(&mut self, socket: u64) {
        self.sockets.remove(&socket);
        if self.has(Fault::CloseForgets) {
            return;
        }
        let gone: Vec<PeerId> = self
            .entries
            .iter()
            .filter(|e| e.socket == socket)
            .map(|e| e.peer)
            .collect();
        let by_peer = self.has(Fault::CloseEvictsPeerId);
        self.entries
            .retain(|entry| entry.socket != socket && !(by_peer && gone.contains(&entry.peer)));
    }

    /// Takes in a message of a socket.
    pub(crate) fn hear(&mut self, socket: u64, text: &str) {
        if self.has(Fault::Chatty) && socket > 0 {
            return self.chat(socket, text);
        }
        let text = faults::heard(self.fault, text);
        match ClientMessage::parse(&text, &Limits::default()) {
            Ok(ClientMessage::Announce(announce)) => self.announce(socket, &announce),
            Ok(ClientMessage::Answer(answer)) => self.answer(socket, &answer),
            Ok(ClientMessage::Scrape { info_hashes }) => self.scrape(socket, info_hashes),
            Err(error) => match error.verdict() {
                _ if self.has(Fault::FailuresUnnamed) => {
                    self.send_text(socket, r#"{"failure reason":"invalid"}"#.to_owned());
                }
                Verdict::Reply(failure) => self.say(socket, &ServerMessage::Failure(failure)),
                Verdict::Close { code, reason } => {
                    let frame = CloseFrame {
                        code: code.into(),
                        reason: reason.into(),
                    };
                    self.send(socket, Message::Close(Some(frame)));
                }
            },
        }
    }

    fn announce(&mut self, socket: u64, announce: &Announce<'_>) {
        self.take_over(socket, announce);
        let (torrent, peer) = (announce.info_hash, announce.peer_id);
        let is_second = self
            .entries
            .iter()
            .any(|e| (e.torrent, e.peer) == (torrent, peer) && e.socket != socket);
        if is_second && self.has(Fault::SecondSocketSilent) && announce.event != Event::Stopped {
            return;
        }
        if is_second && self.has(Fault::SecondSocketTakesOver) {
            for entry in self
                .entries
                .iter_mut()
                .filter(|e| (e.torrent, e.peer) == (torrent, peer))
            {
                entry.socket = socket;
            }
        }
        let before = self.announced(socket, announce);
        let is_stop = announce.event == Event::Stopped;
        if is_stop {
            let by_anyone = self.has(Fault::StopByAnyone);
            self.entries.retain(|e| {
                (e.torrent, e.peer) != (torrent, peer) || e.socket != socket && !by_anyone
            });
        } else {
            self.join(socket, announce);
        }
        let response = if self.has(Fault::AnnouncerUncounted) {
            before
        } else {
            self.announced(socket, announce)
        };
        if !self.has(Fault::ResponseLast) {
            self.say(socket, &response);
        }
        if !is_stop || self.has(Fault::OffersOnStop) {
            self.hand_out(socket, announce);
        }
        if self.has(Fault::ResponseLast) {
            self.say(socket, &response);
        }
    }

    fn join(&mut self, socket: u64, announce: &Announce<'_>) {
        let (torrent, peer) = (announce.info_hash, announce.peer_id);
        let key = (torrent, peer, socket);
        let known = self
            .entries
            .iter()
            .position(|e| (e.torrent, e.peer, e.socket) == key);
        let was_seed = known.map(|at| self.entries[at].is_seed);
        let is_seed = match announce.left {
            _ if announce.event == Event::Completed => true,
            Some(left) => left == 0,
            None => was_seed.unwrap_or(false),
        };
        if announce.event == Event::Completed
            && was_seed == Some(false)
            && !self.has(Fault::CompletionsUncounted)
        {
            *self.completions.entry(torrent).or_default() += 1;
        }
        match known {
            Some(at) if !self.has(Fault::CountedTwice) => self.entries[at].is_seed = is_seed,
            _ => self.entries.push(Entry {
                torrent,
                peer,
                socket,
                is_seed,
                made_by: socket,
            }),
        }
    }

    fn hand_out(&mut self, socket: u64, announce: &Announce<'_>) {
        let (torrent, peer) = (announce.info_hash, announce.peer_id);
        let sends_as_seed = announce.left == Some(0);
        let receivers: Vec<(u64, PeerId)> = self
            .entries
            .iter()
            .filter(|e| e.torrent == torrent || self.has(Fault::OffersAcrossSwarms))
            .filter(|e| (e.socket, e.peer) != (socket, peer) || self.has(Fault::OffersToSelf))
            .filter(|e| !(sends_as_seed && e.is_seed) || self.has(Fault::SeedsToSeeds))
            .map(|e| (e.socket, e.peer))
            .collect();
        let wanted = match announce.numwant {
            Some(wanted) if !self.has(Fault::NumwantIgnored) => {
                wanted.try_into().unwrap_or(usize::MAX)
            }
            None if self.has(Fault::NumwantRequired) => 0,
            _ => usize::MAX,
        };
        let offers = announce.offers.iter().take(wanted);
        if self.has(Fault::OffersToAll) {
            for (offer, &to) in offers.flat_map(|offer| receivers.iter().map(move |to| (offer, to)))
            {
                self.relay_offer(torrent, (socket, peer), offer, to);
            }
        } else {
            for (offer, &to) in offers.zip(&receivers) {
                self.relay_offer(torrent, (socket, peer), offer, to);
            }
        }
    }

    fn relay_offer(
        &mut self,
        torrent: InfoHash,
        from: (u64, PeerId),
        offer: &tracker_protocol::Offer<'_>,
        to: (u64, PeerId),
    ) {
        let offer_id = offer.offer_id.clone();
        self.say(
            to.0,
            &ServerMessage::Offer(RelayedOffer {
                info_hash: torrent,
                peer_id: from.1,
                offer_id: offer_id.clone(),
                offer: offer.offer.clone(),
            }),
        );
        self.handed_out.push(HandedOut {
            torrent,
            offer_id,
            from,
            to,
        });
    }

    fn answer(&mut self, socket: u64, answer: &Answer<'_>) {
        if self.has(Fault::AnswersDemote) {
            for entry in self.entries.iter_mut().filter(|e| e.peer == answer.peer_id) {
                entry.is_seed = false;
            }
        }
        if self.has(Fault::AnswersGetResponses) {
            self.say(socket, &self.response(answer.info_hash, None));
        }
        let target = if self.has(Fault::AnswersUnchecked) {
            self.entries
                .iter()
                .find(|e| e.peer == answer.to_peer_id)
                .map(|e| e.socket)
        } else {
            let at = self.handed_out.iter().position(|offer| {
                offer.torrent == answer.info_hash
                    && offer.offer_id == answer.offer_id
                    && offer.from.1 == answer.to_peer_id
                    && offer.to == (socket, answer.peer_id)
            });
            at.map(|at| self.handed_out.remove(at).from.0)
        };
        if let Some(target) = target {
            self.say(
                target,
                &ServerMessage::Answer(RelayedAnswer {
                    info_hash: answer.info_hash,
                    peer_id: answer.peer_id,
                    offer_id: answer.offer_id.clone(),
                    answer: answer.answer.clone(),
                }),
            );
        }
    }

    fn scrape(&mut self, socket: u64, info_hashes: Option<Vec<InfoHash>>) {
        let mut asked = info_hashes.unwrap_or_default();
        if asked.is_empty() && self.has(Fault::ScrapeOfNothingSilent) {
            return;
        }
        if asked.is_empty() && self.has(Fault::ScrapeListsAll) {
            asked = self.entries.iter().map(|entry| entry.torrent).collect();
        }
        if self.has(Fault::ScrapeForgetsUnknown) {
            asked.retain(|&torrent| self.count(torrent).1 > 0);
        }
        let entry = |torrent| {
            let (seeds, all) = self.count(torrent);
            let downloaded = self.completions.get(&torrent).copied().unwrap_or_default();
            ScrapeEntry {
                complete: seeds,
                incomplete: all - seeds,
                downloaded,
            }
        };
        let files = asked
            .into_iter()
            .map(|torrent| (torrent, entry(torrent)))
            .collect();
        self.say(
            socket,
            &ServerMessage::Scraped(Scraped {
                files,
                min_request_interval: None,
            }),
        );
    }

    /// Seeds, and all peers.
    fn count(&self, torrent: InfoHash) -> (u64, u64) {
        let count = |is_counted: &dyn Fn(&Entry) -> bool| {
            self.entries
                .iter()
                .filter(|e| e.torrent == torrent && is_counted(e))
                .count() as u64
        };
        (count(&|entry| entry.is_seed), count(&|_| true))
    }

    fn say(&self, socket: u64, message: &ServerMessage<'_>) {
        self.send_text(socket, message.to_json());
    }

    fn send_text(&self, socket: u64, text: String) {
        self.send(socket, Message::Text(text.into()));
    }

    fn send(&self, socket: u64, message: Message) {
        if let Some(outbox) = self.sockets.get(&socket) {
            // A socket that is gone, or full, is no matter of this tracker.
            let _ = outbox.try_send(message);
        }
    }

    /// Every kind of message, about whatever the text was about, to everybody but the bystander.
    fn chat(&self, from: u64, text: &str) {
        let about: Value = serde_json::from_str(text).unwrap_or_default();
        let info_hash = about.get("info_hash").cloned().unwrap_or_default();
        for &socket in self.sockets.keys().filter(|&&socket| socket > 0) {
            for message in faults::everything(&info_hash, socket == from) {
                self.send_text(socket, message.to_string());
            }
        }
    }
}

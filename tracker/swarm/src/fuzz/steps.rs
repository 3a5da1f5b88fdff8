//! Steps out of bytes, with few ids, so that they meet.

use std::borrow::Cow;
use std::time::Duration;

use tracker_protocol::{
    Announce, Answer, Event, InfoHash, Offer, OfferId, PeerId, RawValue, SkippedOffers,
};

use super::model::Model;
use crate::{Command, ConnectionId, RestoredTorrent};

pub(super) fn connections() -> impl Iterator<Item = ConnectionId> {
    (0..4).map(|number| ConnectionId::new((number % 2) as u16, number))
}

/// What is left of the bytes. Past their end, all are 0.
pub(super) struct Steps<'a>(pub(super) &'a [u8]);

impl Steps<'_> {
    /// How much time passes, and what happens then. Offers come at a time of their own: the checks
    /// know their receivers by until when these may answer.
    pub(super) fn next(&mut self, model: &Model) -> (Duration, Command<'static>) {
        let mut passed = Duration::from_secs(self.below(6).into());
        let command = match self.below(37) {
            0..=15 => self.announce(),
            16..=20 => self.echo(model),
            21..=25 => self.answer_to_an_offer(model),
            26..=27 => self.answer(),
            28 => {
                let from = connection(self.byte());
                let count = self.below(5);
                let info_hashes =
                    (count < 4).then(|| (0..count).map(|_| info_hash(self.byte())).collect());
                Command::Scrape { from, info_hashes }
            }
            29 => Command::Disconnect {
                connection: connection(self.byte()),
            },
            30 => Command::RemoveTorrent {
                info_hash: info_hash(self.byte()),
            },
            31 => Command::KickPeer {
                info_hash: info_hash(self.byte()),
                peer_id: peer_id(self.byte()),
            },
            32 => Command::Restore(RestoredTorrent {
                info_hash: info_hash(self.byte()),
                completed: self.below(9).into(),
                completed_by: (0..self.below(2)).map(|_| peer_id(self.byte())).collect(),
            }),
            33 => Command::Congested {
                connection: connection(self.byte()),
            },
            34 => Command::Measured {
                connection: connection(self.byte()),
                rtt: Duration::from_millis(self.below(99).into()),
            },
            35 => Command::Load {
                permille: u16::from_be_bytes([self.byte(), self.byte()]),
            },
            _ => Command::Tick,
        };
        if let Command::Announce { announce, .. } = &command
            && !announce.offers.is_empty()
        {
            passed = passed.max(Duration::from_secs(1));
        }
        (passed, command)
    }

    fn announce(&mut self) -> Command<'static> {
        let (from, announce) = self.announced();
        Command::Announce { from, announce }
    }

    fn announced(&mut self) -> (ConnectionId, Announce<'static>) {
        let from = connection(self.byte());
        let announce = Announce {
            info_hash: info_hash(self.byte()),
            peer_id: peer_id(self.byte()),
            event: match self.below(8) {
                0..=3 => Event::Update,
                4..=5 => Event::Started,
                6 => Event::Completed,
                _ => Event::Stopped,
            },
            left: self.amount(3),
            uploaded: self.amount(3),
            downloaded: self.amount(3),
            numwant: self.amount(5),
            offers: (0..self.below(5))
                .map(|_| Offer {
                    offer_id: offer_id(self.byte()),
                    offer: description(),
                })
                .collect(),
            skipped_offers: SkippedOffers::default(),
            tracker_id: None,
        };
        (from, announce)
    }

    /// An announce that echoes the tracker id of a peer that is there, if any: in its name or in
    /// another.
    fn echo(&mut self, model: &Model) -> Command<'static> {
        let (whose, in_its_name) = (self.byte(), self.below(2) == 0);
        let (from, mut announce) = self.announced();
        if let Some(peer) = one_of(&model.peers, whose) {
            announce.tracker_id = peer.tracker_id.clone().map(Cow::Owned);
            if in_its_name {
                announce.info_hash = peer.info_hash;
                announce.peer_id = peer.peer_id;
            }
        }
        Command::Announce { from, announce }
    }

    /// An answer to one of the offers given so far, if there is any.
    fn answer_to_an_offer(&mut self, model: &Model) -> Command<'static> {
        let Some(given) = one_of(&model.given, self.byte()) else {
            return Command::Tick;
        };
        let (from, peer_id) = given.receiver;
        let answer = Answer {
            info_hash: given.info_hash,
            peer_id,
            to_peer_id: given.offerer.1,
            offer_id: given.offer_id.clone(),
            answer: description(),
            tracker_id: None,
        };
        Command::Answer { from, answer }
    }

    fn answer(&mut self) -> Command<'static> {
        let from = connection(self.byte());
        let answer = Answer {
            info_hash: info_hash(self.byte()),
            peer_id: peer_id(self.byte()),
            to_peer_id: peer_id(self.byte()),
            offer_id: offer_id(self.byte()),
            answer: description(),
            tracker_id: None,
        };
        Command::Answer { from, answer }
    }

    /// Below a bound, or none.
    fn amount(&mut self, bound: u8) -> Option<u64> {
        let amount = self.below(bound + 1);
        (amount < bound).then_some(amount.into())
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }
}

fn one_of<T>(list: &[T], byte: u8) -> Option<&T> {
    list.get(usize::from(byte).checked_rem(list.len())?)
}

fn connection(byte: u8) -> ConnectionId {
    let number = byte % 4;
    ConnectionId::new(u16::from(number % 2), number.into())
}

fn info_hash(byte: u8) -> InfoHash {
    InfoHash::from_bytes([byte % 4; 20])
}

fn peer_id(byte: u8) -> PeerId {
    PeerId::from_bytes([byte % 4; 20])
}

fn offer_id(byte: u8) -> OfferId {
    OfferId::from_bytes([byte % 3; 20])
}

fn description() -> Cow<'static, RawValue> {
    let raw = RawValue::from_string("{}".to_owned());
    Cow::Owned(raw.expect("an object"))
}

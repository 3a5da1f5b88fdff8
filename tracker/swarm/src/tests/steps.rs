//! Random steps, drawn from few ids, so that they meet.

use std::borrow::Cow;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use tracker_protocol::{
    Announce, Answer, Event, InfoHash, Offer, OfferId, PeerId, RawValue, SkippedOffers,
};

use super::model::{Given, Peer};
use crate::{Command, ConnectionId, RestoredTorrent};

/// One thing to do in a sequence.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Command(Command<'static>),
    /// Answer one of the offers given so far, if there is any.
    AnswerGiven(Index),
    /// Announce with the tracker id of one of the peers that are there, if there is any: in its name
    /// or in another.
    Echo {
        whose: Index,
        in_its_name: bool,
        announce: Command<'static>,
    },
}

pub(super) fn connections() -> impl Iterator<Item = ConnectionId> {
    (0..4).map(|number| ConnectionId::new((number % 2) as u16, number))
}

fn connection() -> impl Strategy<Value = ConnectionId> {
    proptest::sample::select(connections().collect::<Vec<_>>())
}

fn info_hash() -> impl Strategy<Value = InfoHash> {
    (0..4_u8).prop_map(|number| InfoHash::from_bytes([number; 20]))
}

fn peer_id() -> impl Strategy<Value = PeerId> {
    (0..4_u8).prop_map(|number| PeerId::from_bytes([number; 20]))
}

fn offer_id() -> impl Strategy<Value = OfferId> {
    (0..3_u8).prop_map(|number| OfferId::from_bytes([number; 20]))
}

fn description() -> Cow<'static, RawValue> {
    let raw = RawValue::from_string("{}".to_owned());
    Cow::Owned(raw.expect("an object"))
}

fn announce() -> impl Strategy<Value = Command<'static>> {
    let event = prop_oneof![
        4 => Just(Event::Update),
        2 => Just(Event::Started),
        1 => Just(Event::Completed),
        1 => Just(Event::Stopped),
    ];
    let offer = offer_id().prop_map(|offer_id| Offer {
        offer_id,
        offer: description(),
    });
    let amounts = (
        option::of(0..3_u64),
        option::of(0..3_u64),
        option::of(0..3_u64),
    );
    let offers = (vec(offer, 0..5), option::of(0..5_u64));
    (connection(), info_hash(), peer_id(), event, amounts, offers).prop_map(
        |(from, info_hash, peer_id, event, (left, uploaded, downloaded), (offers, numwant))| {
            let announce = Announce {
                info_hash,
                peer_id,
                event,
                left,
                uploaded,
                downloaded,
                numwant,
                offers,
                skipped_offers: SkippedOffers::default(),
                tracker_id: None,
            };
            Command::Announce { from, announce }
        },
    )
}

fn answer() -> impl Strategy<Value = Command<'static>> {
    (connection(), info_hash(), peer_id(), peer_id(), offer_id()).prop_map(
        |(from, info_hash, peer_id, to_peer_id, offer_id)| {
            let answer = Answer {
                info_hash,
                peer_id,
                to_peer_id,
                offer_id,
                answer: description(),
                tracker_id: None,
            };
            Command::Answer { from, answer }
        },
    )
}

pub(super) fn answer_to(given: &Given) -> Command<'static> {
    let answer = Answer {
        info_hash: given.info_hash,
        peer_id: given.receiver.1,
        to_peer_id: given.offerer.1,
        offer_id: given.offer_id.clone(),
        answer: description(),
        tracker_id: None,
    };
    let from = given.receiver.0;
    Command::Answer { from, answer }
}

/// An announce that echoes the tracker id of a peer.
pub(super) fn echo(peer: &Peer, in_its_name: bool, command: Command<'static>) -> Command<'static> {
    let Command::Announce { from, mut announce } = command else {
        panic!("not an announce: {command:?}");
    };
    announce.tracker_id = peer.tracker_id.clone().map(Cow::Owned);
    if in_its_name {
        announce.info_hash = peer.info_hash;
        announce.peer_id = peer.peer_id;
    }
    Command::Announce { from, announce }
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => command().prop_map(Step::Command),
        1 => any::<Index>().prop_map(Step::AnswerGiven),
        1 => (any::<Index>(), any::<bool>(), announce()).prop_map(
            |(whose, in_its_name, announce)| Step::Echo {
                whose,
                in_its_name,
                announce,
            },
        ),
    ]
}

fn command() -> impl Strategy<Value = Command<'static>> {
    let restored = (info_hash(), 0..9_u64, vec(peer_id(), 0..2)).prop_map(
        |(info_hash, completed, completed_by)| {
            Command::Restore(RestoredTorrent {
                info_hash,
                completed,
                completed_by,
            })
        },
    );
    prop_oneof![
        12 => announce(),
        2 => answer(),
        1 => (connection(), option::of(vec(info_hash(), 0..4)))
            .prop_map(|(from, info_hashes)| Command::Scrape { from, info_hashes }),
        1 => connection().prop_map(|connection| Command::Disconnect { connection }),
        1 => info_hash().prop_map(|info_hash| Command::RemoveTorrent { info_hash }),
        1 => (info_hash(), peer_id())
            .prop_map(|(info_hash, peer_id)| Command::KickPeer { info_hash, peer_id }),
        1 => restored,
        1 => connection().prop_map(|connection| Command::Congested { connection }),
        1 => (connection(), 0..99_u64).prop_map(|(connection, rtt)| {
            let rtt = Duration::from_millis(rtt);
            Command::Measured { connection, rtt }
        }),
        1 => any::<u16>().prop_map(|permille| Command::Load { permille }),
        1 => Just(Command::Tick),
    ]
}

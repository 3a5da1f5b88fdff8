mod limits;

use std::time::{Duration, Instant};

use tracker_protocol::InfoHash;

use crate::ChokerOutput::{Choke, Close, Unchoke};
use crate::PeerEvent::{Complete, Interested, Joined, Left, NotInterested, Requesting, Sent};
use crate::{Choker, ChokerConfig, ChokerOutput, PeerEvent, PeerKey, Refusal, Removal, Slots};

const A: PeerKey = PeerKey(1);
const B: PeerKey = PeerKey(2);
const C: PeerKey = PeerKey(3);
const D: PeerKey = PeerKey(4);

const ONE: InfoHash = InfoHash::from_bytes([1; 20]);

struct Bench {
    choker: Choker,
    now: Instant,
}

impl Bench {
    fn new(slots: usize, max_peers: usize) -> Self {
        Self::with(ChokerConfig {
            slots: Slots::Fixed(slots),
            max_peers,
            ..ChokerConfig::default()
        })
    }

    fn with(config: ChokerConfig) -> Self {
        Self {
            choker: Choker::new(config),
            now: Instant::now(),
        }
    }

    fn tell(&mut self, peer: PeerKey, event: PeerEvent) -> Vec<ChokerOutput> {
        self.choker.handle(self.now, peer, event);
        self.outputs()
    }

    /// Lets a peer in that is interested and asks for blocks all the time.
    fn eager(&mut self, peer: PeerKey) -> Vec<ChokerOutput> {
        self.eager_for(peer, ONE)
    }

    fn eager_for(&mut self, peer: PeerKey, torrent: InfoHash) -> Vec<ChokerOutput> {
        let admitted = self.choker.admit(self.now, peer, torrent);
        admitted.expect("there is room");
        self.tell(peer, Joined);
        self.tell(peer, Requesting(true));
        self.tell(peer, Interested)
    }

    fn admit(&mut self, peer: PeerKey) -> Result<(), Refusal> {
        self.choker.admit(self.now, peer, ONE)
    }

    fn pass(&mut self, millis: u64) -> Vec<ChokerOutput> {
        self.now += Duration::from_millis(millis);
        self.choker.tick(self.now);
        self.outputs()
    }

    fn due_in(&self) -> Option<Duration> {
        self.choker.poll_timeout().map(|due| due - self.now)
    }

    fn outputs(&mut self) -> Vec<ChokerOutput> {
        std::iter::from_fn(|| self.choker.poll_output()).collect()
    }
}

#[test]
fn an_interested_peer_is_unchoked_while_a_slot_is_free_and_waits_otherwise() {
    let mut bench = Bench::new(2, 10);
    assert_eq!(bench.eager(A), [Unchoke(A)]);
    assert_eq!(bench.eager(B), [Unchoke(B)]);
    assert_eq!(bench.eager(C), []);
    assert_eq!((bench.choker.served(), bench.choker.waiting()), (2, 1));
}

#[test]
fn a_peer_that_is_not_interested_is_not_unchoked() {
    let mut bench = Bench::new(2, 10);
    bench.admit(A).expect("there is room");
    assert_eq!(bench.tell(A, Joined), []);
}

#[test]
fn a_slot_is_freed_at_once_by_leaving_losing_interest_or_completing() {
    for (event, first) in [
        (Left, None),
        (NotInterested, Some(Choke(A))),
        (Complete, Some(Choke(A))),
    ] {
        let mut bench = Bench::new(1, 10);
        bench.eager(A);
        bench.eager(B);
        let expected: Vec<_> = first.into_iter().chain([Unchoke(B)]).collect();
        assert_eq!(bench.tell(A, event), expected);
    }
}

#[test]
fn a_slot_does_not_change_hands_while_nobody_waits() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    for _ in 0..100 {
        bench.tell(A, Sent { bytes: 1 });
        assert_eq!(bench.pass(10_000), []);
    }
    assert_eq!(
        bench.eager(B),
        [Choke(A), Unchoke(B)],
        "a long turn ends as soon as one waits"
    );
}

#[test]
fn turns_share_half_of_the_patience_among_the_line() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    bench.eager(B);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(2)));
    bench.eager(C);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(1)));
    assert_eq!(bench.pass(999), []);
    assert_eq!(bench.pass(1), [Choke(A), Unchoke(B)]);
    assert_eq!(bench.pass(1_000), [Choke(B), Unchoke(C)]);
    bench.eager(D);
    bench.eager(PeerKey(5));
    assert_eq!(bench.due_in(), Some(Duration::from_millis(500)));
}

#[test]
fn who_was_sent_least_goes_first_until_another_has_waited_for_half_of_the_patience() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    bench.tell(A, Sent { bytes: 100 });
    bench.eager(B);
    bench.pass(2_000);
    bench.tell(B, Sent { bytes: 50 });
    assert_eq!(bench.eager(C), []);
    assert_eq!(
        bench.pass(1_000),
        [Choke(B), Unchoke(C)],
        "C was sent nothing yet"
    );
    bench.tell(C, Sent { bytes: 1_000 });
    assert_eq!(
        bench.pass(1_000),
        [Choke(C), Unchoke(A)],
        "A has waited for 2 s"
    );
}

#[test]
fn a_served_peer_that_asks_for_nothing_loses_its_slot_after_a_second_if_one_waits() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    bench.tell(A, Requesting(false));
    assert_eq!(bench.pass(60_000), []);
    bench.tell(A, Requesting(true));
    bench.tell(A, Sent { bytes: 1 });
    bench.tell(A, Requesting(false));
    bench.tell(A, NotInterested);
    bench.tell(A, Interested);
    bench.eager(B);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(1)));
    assert_eq!(bench.pass(1_000), [Choke(A), Unchoke(B)]);
}

#[test]
fn a_peer_that_takes_nothing_it_asked_for_is_closed_after_45_seconds_of_being_served() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(45)));
    assert_eq!(bench.pass(44_999), []);
    assert_eq!(bench.pass(1), [Close(A, Removal::Stalled)]);
    assert_eq!(bench.choker.peers(), 0);
}

#[test]
fn stalled_time_adds_up_over_turns_and_progress_ends_it() {
    let mut bench = Bench::new(1, 10);
    bench.eager(A);
    bench.pass(30_000);
    assert_eq!(bench.eager(B), [Choke(A), Unchoke(B)]);
    bench.tell(A, Requesting(false));
    assert_eq!(bench.tell(B, Left), [Unchoke(A)]);
    bench.tell(A, Requesting(true));
    assert_eq!(bench.due_in(), Some(Duration::from_secs(15)));
    bench.tell(A, Sent { bytes: 1 });
    assert_eq!(bench.pass(15_000), []);
    assert_eq!(bench.due_in(), Some(Duration::from_secs(30)));
}

#[test]
fn offers_are_left_unanswered_when_all_places_are_taken() {
    let mut bench = Bench::new(2, 3);
    bench.eager(A);
    bench.eager(B);
    assert_eq!(bench.admit(C), Ok(()));
    assert_eq!(bench.admit(C), Ok(()), "it has its place already");
    assert_eq!(bench.admit(D), Err(Refusal::Full));
    assert_eq!(bench.choker.room(), 0);
    bench.tell(C, Left);
    assert_eq!(bench.choker.room(), 1);
    assert_eq!(bench.admit(D), Ok(()));
}

#[test]
fn offers_are_left_unanswered_when_the_line_is_four_a_slot() {
    let mut bench = Bench::new(2, 100);
    for key in 0..10 {
        bench.eager(PeerKey(key));
    }
    assert_eq!(bench.choker.waiting(), 8);
    assert_eq!(bench.admit(PeerKey(10)), Err(Refusal::LongLine));
    bench.tell(PeerKey(0), Complete);
    assert_eq!(bench.admit(PeerKey(10)), Ok(()));
    assert_eq!(bench.admit(PeerKey(11)), Err(Refusal::LongLine));
    assert_eq!(bench.choker.room(), 0);
}

#[test]
fn a_complete_peer_makes_room_first_then_one_uninterested_for_a_minute() {
    let mut bench = Bench::new(1, 2);
    bench.eager(A);
    bench.tell(A, Complete);
    bench.admit(B).expect("there is room");
    bench.tell(B, Joined);
    bench.outputs();
    bench.pass(60_000);
    assert_eq!(bench.admit(C), Ok(()));
    assert_eq!(bench.outputs(), [Close(A, Removal::Complete)]);
    assert_eq!(bench.admit(D), Ok(()));
    assert_eq!(bench.outputs(), [Close(B, Removal::Uninterested)]);
    assert_eq!(bench.admit(A), Err(Refusal::Full));
}

#[test]
fn a_negotiation_is_given_up_after_30_seconds() {
    let mut bench = Bench::new(1, 2);
    bench.admit(A).expect("there is room");
    assert_eq!(bench.due_in(), Some(Duration::from_secs(30)));
    assert_eq!(bench.pass(30_000), [Close(A, Removal::NegotiationTimeout)]);
    assert_eq!(bench.due_in(), None);
}

#[test]
fn what_is_told_of_an_unknown_peer_is_ignored() {
    let mut bench = Bench::new(1, 2);
    for event in [
        Joined,
        Interested,
        Requesting(true),
        Sent { bytes: 1 },
        Complete,
        Left,
    ] {
        assert_eq!(bench.tell(A, event), []);
    }
    assert_eq!(bench.choker.peers(), 0);
}

//! Whole transfers in virtual time: leechers, sessions and a choker, as a shell would join them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tracker_protocol::PeerId;

use super::bench::{BLOCK, OUR_ID, info_hash};
use super::leecher::Leecher;
use crate::{
    Bitfield, Choker, ChokerConfig, ChokerOutput, Input, Limits, Output, PeerEvent, PeerKey,
    Session, SessionConfig, Slots, Torrent, Upload,
};

const STEP: Duration = Duration::from_millis(20);

struct Swarm {
    now: Instant,
    choker: Choker,
    torrent: Torrent,
    links: Vec<Link>,
    slots: usize,
}

struct Link {
    key: PeerKey,
    session: Session,
    leecher: Leecher,
    closed: bool,
}

impl Swarm {
    fn new(slots: usize, pieces: u64) -> Self {
        let now = Instant::now();
        let length = pieces * 2 * u64::from(BLOCK) - 1_000;
        let torrent = Torrent::new(info_hash(), 2 * BLOCK, length, Bytes::from_static(b"de"));
        Self {
            now,
            choker: Choker::new(ChokerConfig {
                slots: Slots::Fixed(slots),
                ..ChokerConfig::default()
            }),
            torrent: torrent.expect("the numbers are right"),
            links: Vec::new(),
            slots,
        }
    }

    fn join(&mut self, number: u8) {
        let key = PeerKey(u64::from(number));
        assert_eq!(self.choker.admit(self.now, key, info_hash()), Ok(()));
        let config = SessionConfig {
            torrent: self.torrent.clone(),
            our_peer_id: PeerId::from_bytes(*OUR_ID),
            have: Bitfield::full(self.torrent.piece_count()),
            client: "Shoal 0.1".to_owned(),
            limits: Limits {
                reqq: 8,
                ..Limits::default()
            },
        };
        self.links.push(Link {
            key,
            session: Session::new(self.now, config),
            leecher: Leecher::new(&self.torrent, &[number; 20]),
            closed: false,
        });
    }

    /// Lets one step pass in which `blocks` blocks can be sent in all.
    fn step(&mut self, blocks: usize) {
        self.now += STEP;
        for at in 0..self.links.len() {
            self.links[at].leecher.tick(self.now);
            while let Some(bytes) = self.links[at].leecher.next_message() {
                self.input(at, Input::Received(&bytes));
            }
            self.input(at, Input::Tick);
        }
        self.choker.tick(self.now);
        self.carry_decisions();
        self.upload(blocks);
        let unchoked = self
            .links
            .iter()
            .filter(|link| link.leecher.unchoked)
            .count();
        assert!(unchoked <= self.slots, "{unchoked} are unchoked");
    }

    fn upload(&mut self, mut blocks: usize) {
        let mut sent = true;
        while sent && blocks > 0 {
            sent = false;
            for at in 0..self.links.len() {
                let Some(Upload::Block(block)) = self.links[at].session.next_upload(self.now)
                else {
                    continue;
                };
                let bytes = [&block.header()[..], &vec![0; block.length as usize]].concat();
                self.links[at].leecher.receive(self.now, &bytes);
                self.input(at, Input::Sent(block));
                let event = PeerEvent::Sent {
                    bytes: u64::from(block.length),
                };
                self.choker.handle(self.now, self.links[at].key, event);
                self.carry_decisions();
                blocks = blocks.saturating_sub(1);
                sent = true;
            }
        }
    }

    fn input(&mut self, at: usize, input: Input<'_>) {
        let link = &mut self.links[at];
        link.session.handle(self.now, input);
        while let Some(output) = link.session.poll_output() {
            let event = match output {
                Output::Send(bytes) => {
                    link.leecher.receive(self.now, &bytes);
                    continue;
                }
                Output::Handshaken { .. } => PeerEvent::Joined,
                Output::Interested(true) => PeerEvent::Interested,
                Output::Interested(false) => PeerEvent::NotInterested,
                Output::Requesting(requesting) => PeerEvent::Requesting(requesting),
                Output::Complete => PeerEvent::Complete,
                Output::Close(_) => {
                    link.closed = true;
                    PeerEvent::Left
                }
            };
            self.choker.handle(self.now, link.key, event);
        }
        self.carry_decisions();
    }

    fn carry_decisions(&mut self) {
        while let Some(output) = self.choker.poll_output() {
            let (key, input) = match output {
                ChokerOutput::Choke(key) => (key, Input::Choke),
                ChokerOutput::Unchoke(key) => (key, Input::Unchoke),
                ChokerOutput::Close(key, removal) => panic!("{key:?} is closed: {removal}"),
            };
            let at = self.links.iter().position(|link| link.key == key);
            self.input(at.expect("the choker knows who joined"), input);
        }
    }

    fn assert_all_content(&self) {
        for link in &self.links {
            assert_eq!(link.leecher.left, None);
            assert!(!link.closed);
        }
    }

    /// Steps until all are complete, or the time is over.
    fn run(&mut self, blocks: usize, limit: Duration) {
        let end = self.now + limit;
        while self.links.iter().any(|link| !link.leecher.is_complete()) {
            let left: Vec<_> = self
                .links
                .iter()
                .map(|link| link.leecher.lacking())
                .collect();
            assert!(self.now < end, "blocks lacking: {left:?}");
            self.step(blocks);
            self.assert_all_content();
        }
    }
}

#[test]
fn one_leecher_gets_everything() {
    let mut swarm = Swarm::new(1, 50);
    swarm.join(1);
    swarm.run(8, Duration::from_secs(10));
    assert_eq!(swarm.links[0].leecher.rejects, 0);
    assert_eq!(swarm.links[0].session.traffic().blocks, 100);
}

#[test]
fn five_leechers_with_two_slots_all_get_everything_and_none_loses_patience() {
    let mut swarm = Swarm::new(2, 400);
    for number in 1..=5 {
        swarm.join(number);
    }
    swarm.run(4, Duration::from_secs(60));
    let traffic: Vec<_> = swarm
        .links
        .iter()
        .map(|link| link.session.traffic())
        .collect();
    assert!(
        traffic.iter().all(|traffic| traffic.blocks == 800),
        "{traffic:?}"
    );
}

#[test]
fn leechers_that_come_one_after_the_other_all_get_everything() {
    let mut swarm = Swarm::new(2, 200);
    for number in 1..=8 {
        swarm.join(number);
        for _ in 0..10 {
            swarm.step(4);
        }
    }
    swarm.run(4, Duration::from_secs(60));
}

#[test]
fn a_seeder_that_sends_a_block_a_second_keeps_its_leechers() {
    let mut swarm = Swarm::new(1, 6);
    swarm.join(1);
    swarm.join(2);
    for second in 0..40 {
        for step in 0..50 {
            swarm.step(usize::from(step == second % 50));
            swarm.assert_all_content();
        }
    }
    swarm.run(1, Duration::from_secs(1));
}

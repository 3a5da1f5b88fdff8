//! Leechers that mean harm: what they get, and that others do not notice.

use std::sync::Arc;

use bytes::BytesMut;
use seeder::Config;
use seeder::rtc::Transport;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tracker_protocol::Event;

use crate::bench::{Bench, Content, DEADLINE};
use crate::leecher::Leecher;
use crate::wire::{Said, Wire, number_after};

const BLOCK: u32 = 16_384;

/// A seeder, one that means harm, and one that downloads everything meanwhile.
struct Scene {
    bench: Arc<Bench>,
    leecher: Leecher,
    wire: Wire,
    bystander: JoinHandle<()>,
}

impl Scene {
    async fn set() -> Self {
        let bench = Arc::new(Bench::start(Content::file(6_000_000), 8).await);
        let mut leecher = bench.leecher().await;
        let wire = leecher.connect().await;
        let bystander = tokio::spawn(download_all(Arc::clone(&bench)));
        Self {
            bench,
            leecher,
            wire,
            bystander,
        }
    }

    /// One that may ask.
    async fn unchoked() -> Self {
        let mut scene = Self::set().await;
        scene.wire.interested().await;
        while scene.wire.choked {
            scene.wire.next().await.expect("the seeder stays");
        }
        scene
    }

    /// The seeder has hung up on the one, and the other has everything.
    async fn ends(mut self) {
        let hung_up = async { while self.wire.next().await.is_some() {} };
        within("the seeder hangs up", hung_up).await;
        self.others_are_served().await;
    }

    async fn others_are_served(self) {
        within("the other is served", self.bystander)
            .await
            .expect("the other has everything");
        drop((self.wire, self.leecher));
        within("all have left", self.bench.stats(|stats| stats.peers == 0)).await;
    }
}

async fn within<T>(what: &str, done: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, done).await;
    done.unwrap_or_else(|_| panic!("{what} in time"))
}

async fn download_all(bench: Arc<Bench>) {
    let mut leecher = bench.leecher().await;
    let mut wire = leecher.connect().await;
    let pieces: Vec<u32> = (0..bench.content.shape().pieces()).collect();
    let got = wire.download(bench.content.shape(), &pieces).await;
    assert!(got.expect("the seeder stays").concat() == bench.content.bytes);
}

/// The next block or reject.
async fn next_block(wire: &mut Wire) -> Said {
    loop {
        let said = within("an answer comes", wire.next()).await;
        let said = said.expect("the seeder stays");
        if matches!(said, Said::Piece(..) | Said::Reject(..)) {
            return said;
        }
    }
}

fn message(id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).expect("a short message");
    [&length.to_be_bytes()[..], &[id], payload].concat()
}

fn request(piece: u32, begin: u32, length: u32) -> Vec<u8> {
    message(6, &[piece, begin, length].map(u32::to_be_bytes).concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_said_to_be_two_gigabytes_long_ends_the_connection() {
    let scene = Scene::set().await;
    scene.wire.send(&[0x7F, 0xFF, 0xFF, 0xFF, 20]).await;
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_byte_by_byte_and_many_in_one_message_are_answered() {
    let mut scene = Scene::unchoked().await;
    for byte in request(1, 0, BLOCK) {
        scene.wire.send(&[byte]).await;
    }
    let many: Vec<u8> = (0..64).flat_map(|piece| request(piece, 0, BLOCK)).collect();
    scene.wire.send(&many).await;
    let pieces: Vec<u32> = [1].into_iter().chain(0..64).collect();
    for piece in pieces {
        let said = next_block(&mut scene.wire).await;
        assert!(matches!(said, Said::Piece(index, 0, _) if index == piece));
    }
    scene.others_are_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_made_twice_are_answered_twice() {
    let mut scene = Scene::unchoked().await;
    scene.wire.send(&request(3, BLOCK, BLOCK).repeat(2)).await;
    for _ in 0..2 {
        let said = next_block(&mut scene.wire).await;
        let expected = &scene.bench.content.piece(3)[16_384..32_768];
        assert!(matches!(said, Said::Piece(3, BLOCK, bytes) if bytes == expected));
    }
    scene.others_are_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_outside_the_torrent_are_rejected_and_too_many_end_the_connection() {
    let mut scene = Scene::unchoked().await;
    let outside = [
        (0, 0, 0),
        (0, 0, 131_073),
        (0, 65_536, 1),
        (0, u32::MAX, u32::MAX),
        (91, 40_000, BLOCK),
        (92, 0, 1),
        (u32::MAX, u32::MAX, BLOCK),
    ];
    for (piece, begin, length) in outside {
        scene.wire.request((piece, begin, length)).await;
        let said = next_block(&mut scene.wire).await;
        assert_eq!(said, Said::Reject(piece, begin));
    }
    scene.wire.send(&request(0, 0, 0).repeat(30)).await;
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_ends_the_connection() {
    let scene = Scene::unchoked().await;
    for _ in 0..5 {
        scene.wire.send(&request(0, 0, BLOCK).repeat(3_000)).await;
    }
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_go_on_while_choked_end_the_connection() {
    let scene = Scene::set().await;
    for _ in 0..5 {
        scene.wire.send(&request(0, 0, BLOCK).repeat(3_000)).await;
    }
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_small_messages_ends_the_connection() {
    let scene = Scene::set().await;
    for _ in 0..64 {
        scene.wire.send(&[0; 16_384]).await;
    }
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_asked_for_again_and_again_is_sent_twice_and_then_rejected() {
    let mut scene = Scene::set().await;
    let id = loop {
        if let Said::Extended(0, payload) = scene.wire.next().await.expect("the seeder stays") {
            let id = number_after(&payload, b"11:ut_metadatai");
            break u8::try_from(id).expect("an id");
        }
    };
    let ask = message(20, &[&[id], &b"d8:msg_typei0e5:piecei0ee"[..]].concat());
    scene.wire.send(&ask.repeat(500)).await;
    let (mut sent, mut rejected) = (0, 0);
    while sent + rejected < 500 {
        if let Said::Extended(1, payload) = scene.wire.next().await.expect("the seeder stays") {
            let is_data = payload.starts_with(b"d8:msg_typei1e");
            *(if is_data { &mut sent } else { &mut rejected }) += 1;
        }
    }
    assert_eq!((sent, rejected), (2, 498));
    scene.others_are_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bitfields_and_extension_messages_of_garbage_are_borne_in_bounds() {
    let mut scene = Scene::unchoked().await;
    let nested = [&[0][..], &b"d1:m".repeat(2_000)].concat();
    let garbage = [
        message(5, &[0x0F; 12]),
        message(5, &[]),
        message(5, &[0xFF; 3]),
        message(20, &nested),
        message(20, b"\0d1:md11:ut_metadatai999eee"),
        message(20, b"\0d13:metadata_sizei99999999999999999999e"),
        message(20, b"\x01d8:msg_typei0e5:piecei-1ee"),
        message(20, b"\xFFpex"),
        message(9, &[0x1A, 0xE1]),
        message(200, &[7; 100]),
    ];
    for bytes in garbage {
        scene.wire.send(&bytes).await;
    }
    scene.wire.request((2, 0, BLOCK)).await;
    let said = next_block(&mut scene.wire).await;
    assert!(matches!(said, Said::Piece(2, 0, _)), "it is still served");
    // Longer than the torrent's: no bitfield of it.
    scene.wire.send(&message(5, &[0xFF; 4_000])).await;
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_shakes_hands_loses_its_place() {
    let bench = Bench::start(Content::file(100_000), 8).await;
    let mut leecher = bench.leecher().await;
    let channel = leecher.channel().await;
    let _ = channel.send(BytesMut::from("\x13BitTorrent")).await;
    let hung_up = async { while channel.receive().await.is_some() {} };
    within("the seeder hangs up", hung_up).await;
    bench.stats(|stats| stats.peers == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_are_bombs_stay_unanswered_and_hold_no_place() {
    let bench = Bench::start(Content::file(100_000), 8).await;
    let mut leecher = Leecher::join(&bench.relay.url(), bench.content.info_hash(), 0).await;
    let candidate = "a=candidate:1 1 udp 1 127.0.0.1 50000 typ host\r\n";
    for tail in ["a=x\r\n".repeat(4_000), candidate.repeat(33)] {
        let bomb = |sdp: &str| format!("{sdp}{tail}");
        leecher.announce_as(Event::Update, 1, bomb).await;
    }
    let cut = |sdp: &str| {
        let end = sdp.find("m=application").expect("a data channel");
        sdp[..end].to_owned()
    };
    leecher.announce_as(Event::Update, 1, cut).await;
    let none = leecher.connect_within(2).await;
    assert!(none.is_none(), "a bomb was answered");
    bench.stats(|stats| stats.peers == 0).await;
    let mut other = bench.leecher().await;
    let mut wire = other.connect().await;
    assert!(wire.download(bench.content.shape(), &[0]).await.is_some());
}

/// Offers to connect at the address of a socket that is somebody else's.
async fn offer_with_candidate(bench: &Bench, victim: &UdpSocket) -> Leecher {
    let address = victim.local_addr().expect("an address");
    let (ip, port) = (address.ip(), address.port());
    let mut leecher = Leecher::join(&bench.relay.url(), bench.content.info_hash(), 0).await;
    let aimed = |sdp: &str| {
        let own = sdp.lines().filter(|line| !line.starts_with("a=candidate"));
        let own: String = own.map(|line| format!("{line}\r\n")).collect();
        format!("{own}a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n")
    };
    leecher.announce_as(Event::Update, 1, aimed).await;
    leecher
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeder_for_the_public_sends_nothing_to_addresses_inside_the_machine() {
    let victim = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut datagram = [0; 1_500];
    let inside = Bench::start(Content::file(100_000), 8).await;
    let _leecher = offer_with_candidate(&inside, &victim).await;
    let check = within("a check comes", victim.recv(&mut datagram)).await;
    check.expect("a seeder on loopback connects there");

    let victim = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let config = Config {
        transport: Transport {
            public_ip: Some("192.0.2.1".parse().expect("an address")),
            ..Transport::default()
        },
        ..Config::default()
    };
    let public = Bench::start_with(Content::file(100_000), config).await;
    let _leecher = offer_with_candidate(&public, &victim).await;
    public.stats(|stats| stats.negotiating == 1).await;
    public.stats(|stats| stats.peers == 0).await;
    assert!(victim.try_recv(&mut datagram).is_err(), "a check came");
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: usize| pages * 4_096)
}

#[test]
fn four_thousand_blocks_of_128_kib_asked_for_and_never_read_cost_little() {
    let ours = tokio::runtime::Runtime::new().expect("a runtime");
    let content = Content::in_pieces_of(1 << 20, 8_000_000);
    let bench = Arc::new(ours.block_on(Bench::start(content, 8)));
    // Runs only while it is waited for, as a process that is stopped.
    let theirs = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let frozen = theirs.block_on(async {
        let mut leecher = bench.leecher().await;
        let mut wire = leecher.connect().await;
        wire.interested().await;
        while wire.choked {
            wire.next().await.expect("the seeder stays");
        }
        (leecher, wire)
    });
    let before = resident();
    theirs.block_on(async {
        for piece in 0..4_000 {
            frozen.1.send(&request(piece % 7, 0, 131_072)).await;
        }
    });
    let mut most = 0;
    ours.block_on(async {
        let mut bystander = tokio::spawn(download_all(Arc::clone(&bench)));
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
        let served = async {
            loop {
                tokio::select! {
                    done = &mut bystander => return done.expect("the other has everything"),
                    _ = looks.tick() => most = most.max(resident()),
                }
            }
        };
        within("the other is served", served).await;
        bench.stats(|stats| stats.peers == 0).await;
    });
    drop(frozen);
    let grown = most.saturating_sub(before) / 1_000_000;
    assert!(grown < 100, "grew by {grown} MB");
}

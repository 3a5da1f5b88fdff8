use super::super::message::{BINDING, login_key};
use super::*;

const REALM_OF_IT: &[u8] = b"example.org";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn relayed() -> SocketAddr {
    address("192.0.2.1:50000")
}

fn relay(now: Instant) -> Relay {
    let turn = Turn {
        server: address("192.0.2.1:3478"),
        user: "me".to_owned(),
        password: "secret".to_owned(),
    };
    Relay::new(now, turn)
}

fn key() -> LoginKey {
    login_key("me", REALM_OF_IT, "secret")
}

fn kind(request: &[u8]) -> u16 {
    message::head(request).expect("a message").0
}

/// The head of an answer to a request.
fn answer(request: &[u8], class: u16) -> Message {
    let transaction = stun::transaction(request).expect("a transaction");
    Message::new(kind(request) | class, transaction)
}

fn error(request: &[u8], code: u8, nonce: &[u8]) -> Vec<u8> {
    let message = answer(request, ERROR).with(0x0009, &[0, 0, 4, code]);
    let message = message.with(REALM, REALM_OF_IT).with(NONCE, nonce);
    message.into_bytes()
}

/// One that has its address, and the time of it.
fn allocated() -> (Relay, Instant) {
    let now = Instant::now();
    let mut relay = relay(now);
    let first = relay.advance(now).expect("a request");
    assert_eq!(stun::attribute(&first, REQUESTED_TRANSPORT), Some(&UDP[..]));
    assert_eq!(relay.receive(now, &error(&first, 1, b"one")), None);
    let second = relay.advance(now).expect("another");
    assert!(message::is_signed(&second, &key()));
    assert_eq!(stun::attribute(&second, NONCE), Some(&b"one"[..]));
    let granted = answer(&second, SUCCESS)
        .with_address(XOR_RELAYED_ADDRESS, relayed())
        .with(LIFETIME, &600_u32.to_be_bytes());
    relay.receive(now, &granted.signed(&[0; 16]));
    assert_eq!(relay.relayed, None, "it is not the server that says so");
    let granted = answer(&second, SUCCESS)
        .with_address(XOR_RELAYED_ADDRESS, relayed())
        .with(LIFETIME, &600_u32.to_be_bytes());
    relay.receive(now, &granted.signed(&key()));
    assert_eq!((relay.relayed, relay.settled), (Some(relayed()), true));
    (relay, now)
}

fn sent(relay: &mut Relay, now: Instant, to: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    relay.send(now, to, datagram, |message| sent.push(message.to_vec()));
    sent
}

#[test]
fn an_address_is_kept_by_refreshes() {
    let (mut relay, now) = allocated();
    assert_eq!(relay.advance(now), None);
    let half = now + PERIOD;
    assert_eq!(relay.wake, half);
    let refresh = relay.advance(half).expect("a refresh");
    assert_eq!(kind(&refresh), REFRESH);
    relay.receive(half, &error(&refresh, 38, b"two"));
    let refresh = relay.advance(half).expect("at once with the new nonce");
    assert_eq!(stun::attribute(&refresh, NONCE), Some(&b"two"[..]));
    relay.receive(half, &answer(&refresh, SUCCESS).signed(&key()));
    assert_eq!(relay.relayed, Some(relayed()));
    assert!(relay.wake > half);
}

#[test]
fn an_address_is_lost_with_the_server_and_asked_for_again() {
    let (mut relay, _) = allocated();
    while relay.relayed.is_some() {
        relay.advance(relay.wake);
    }
    let request = relay.advance(relay.wake).expect("a request");
    assert_eq!(kind(&request), ALLOCATE);
    assert_eq!(stun::attribute(&request, USERNAME), None);
}

#[test]
fn a_wrong_password_is_not_tried_over_and_over() {
    let now = Instant::now();
    let mut relay = relay(now);
    let first = relay.advance(now).expect("a request");
    relay.receive(now, &error(&first, 1, b"one"));
    let second = relay.advance(now).expect("another");
    relay.receive(now, &error(&second, 1, b"two"));
    assert_eq!((relay.relayed, relay.settled), (None, true));
    assert_eq!(relay.wake, now + PAUSE);
}

#[test]
fn a_server_that_names_nonces_without_end_is_given_up() {
    let now = Instant::now();
    let mut relay = relay(now);
    for _ in 0..=MAX_CHALLENGES {
        let request = relay.advance(now).expect("a request");
        relay.receive(
            now,
            &error(&request, if relay.login.is_none() { 1 } else { 38 }, b"n"),
        );
    }
    assert_eq!(relay.wake, now + PAUSE);
}

#[test]
fn the_allocation_of_an_earlier_run_makes_way() {
    let now = Instant::now();
    let mut relay = relay(now);
    let first = relay.advance(now).expect("a request");
    relay.receive(now, &error(&first, 37, b"one"));
    let clear = relay.advance(now).expect("a refresh");
    assert_eq!(
        (kind(&clear), message::seconds(&clear, LIFETIME)),
        (REFRESH, Some(0))
    );
    relay.receive(now, &error(&clear, 1, b"one"));
    let clear = relay.advance(now).expect("with the login");
    relay.receive(now, &answer(&clear, SUCCESS).signed(&key()));
    assert_eq!(kind(&relay.advance(now).expect("a request")), ALLOCATE);
}

#[test]
fn a_server_whose_way_is_never_clear_is_given_up() {
    let now = Instant::now();
    let mut relay = relay(now);
    let first = relay.advance(now).expect("a request");
    relay.receive(now, &error(&first, 1, b"one"));
    let asked = (0..100).map_while(|_| {
        let request = relay.advance(now)?;
        let answer = match kind(&request) {
            ALLOCATE => error(&request, 37, b"one"),
            _ => answer(&request, SUCCESS).signed(&key()),
        };
        relay.receive(now, &answer);
        Some(request)
    });
    assert!(asked.count() < 10);
    assert_eq!((relay.wake, relay.settled), (now + PAUSE, true));
}

#[test]
fn checks_ask_for_a_permission_and_content_for_a_channel() {
    let (mut relay, now) = allocated();
    let peer = address("198.51.100.7:4000");
    let check = Message::new(BINDING, [1; 12]).into_bytes();
    let first = sent(&mut relay, now, peer, &check);
    assert_eq!(
        first.iter().map(|m| kind(m)).collect::<Vec<_>>(),
        [CREATE_PERMISSION, SEND_INDICATION]
    );
    assert_eq!(message::address(&first[0], XOR_PEER_ADDRESS), Some(peer));
    assert_eq!(stun::attribute(&first[1], DATA), Some(&check[..]));
    assert_eq!(sent(&mut relay, now, peer, &check).len(), 1);
    let content = sent(&mut relay, now, peer, b"\x16dtls");
    assert_eq!(
        content.iter().map(|m| kind(m)).collect::<Vec<_>>(),
        [CHANNEL_BIND, SEND_INDICATION]
    );
    relay.receive(now, &answer(&content[0], SUCCESS).signed(&key()));
    let framed = b"\x40\x00\x00\x05\x16dtls".to_vec();
    assert_eq!(
        sent(&mut relay, now, peer, b"\x16dtls"),
        std::slice::from_ref(&framed)
    );
    assert_eq!(relay.receive(now, &framed), Some((peer, &b"\x16dtls"[..])));
}

#[test]
fn a_peers_datagram_comes_out_of_what_it_is_wrapped_in() {
    let (mut relay, now) = allocated();
    let peer = address("198.51.100.7:4000");
    let indication = Message::new(DATA_INDICATION, [2; 12])
        .with_address(XOR_PEER_ADDRESS, peer)
        .with(DATA, b"hello")
        .into_bytes();
    assert_eq!(relay.receive(now, &indication), Some((peer, &b"hello"[..])));
    for length in 0..indication.len() {
        // Padding may be missing.
        let cut = relay.receive(now, &indication[..length]);
        assert!(
            cut.is_none() || length >= indication.len() - 3,
            "{length} bytes"
        );
    }
    for wrong in [
        &b"\x40\x01\x00\x01a"[..],
        b"\x40\x00\x00\x05a",
        b"\x40",
        b"",
        b"\xff\xff\xff\xff",
    ] {
        assert_eq!(relay.receive(now, wrong), None);
    }
}

#[test]
fn an_error_that_answers_nothing_changes_nothing() {
    let (mut relay, now) = allocated();
    let peer = address("198.51.100.7:4000");
    let asked = sent(&mut relay, now, peer, b"x");
    relay.receive(now, &answer(&asked[0], SUCCESS).signed(&key()));
    for transaction in [[0; 12], [7; 12]] {
        for code in [1, 37, 38] {
            let stranger = Message::new(ALLOCATE, transaction).into_bytes();
            relay.receive(now, &error(&stranger, code, b"forged"));
        }
    }
    assert_eq!(relay.relayed, Some(relayed()));
    let refresh = relay.advance(now + PERIOD).expect("a refresh");
    assert_eq!(stun::attribute(&refresh, NONCE), Some(&b"one"[..]));
}

#[test]
fn an_allocation_that_the_server_forgot_is_made_anew() {
    let (mut relay, now) = allocated();
    let asked = sent(&mut relay, now, address("198.51.100.7:4000"), b"x");
    relay.receive(now, &error(&asked[0], 37, b"one"));
    assert_eq!(relay.relayed, None);
    assert_eq!(kind(&relay.advance(now).expect("a request")), ALLOCATE);
}

#[test]
fn a_public_relay_knocks_at_no_private_network() {
    let (mut relay, now) = allocated();
    for private in ["10.0.0.1:4000", "127.0.0.1:4000", "192.168.1.1:4000"] {
        assert!(sent(&mut relay, now, address(private), b"x").is_empty());
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_of_the_server_make_it_fail(
        kind in proptest::prelude::any::<u16>(),
        rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
    ) {
        let (mut relay, now) = allocated();
        let asked = sent(&mut relay, now, address("198.51.100.7:4000"), b"x");
        relay.receive(now, &rest);
        let transaction = stun::transaction(&asked[0]).expect("a transaction");
        let message = Message::new(kind & 0x3fff, transaction).into_bytes();
        relay.receive(now, &[message, rest].concat());
    }
}

#[test]
fn nothing_is_sent_without_an_address() {
    let now = Instant::now();
    assert!(sent(&mut relay(now), now, address("198.51.100.7:4000"), b"x").is_empty());
    assert_eq!(relay(now).release(now), None);
    let (mut relay, now) = allocated();
    let release = relay.release(now).expect("a request");
    assert_eq!(message::seconds(&release, LIFETIME), Some(0));
    assert!(sent(&mut relay, now, address("198.51.100.7:4000"), b"x").is_empty());
}

//! Who gets which datagram.

use std::task::Waker;

use super::*;
use crate::rtc::stun::tests::request;

fn hub() -> Arc<Hub> {
    Hub::bind("127.0.0.1:0".parse().expect("an address")).expect("a port")
}

fn source(port: u16) -> SocketAddr {
    SocketAddr::new([192, 0, 2, 1].into(), port)
}

/// A binding request to the connection with a ufrag of four letters.
fn check(ufrag: &str) -> Vec<u8> {
    let username = format!("{ufrag}:peer\0\0\0");
    request(&[b"\x00\x06\x00\x09", username.as_bytes()].concat())
}

fn received(inbox: &Inbox) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    std::iter::from_fn(|| match inbox.poll_pop(false, &mut context) {
        Poll::Ready(datagram) => Some(datagram),
        Poll::Pending => None,
    })
    .count()
}

#[tokio::test]
async fn a_source_belongs_to_the_connection_that_its_checks_name() {
    let (hub, now) = (hub(), Instant::now());
    let (one, two) = (hub.register("aaaa"), hub.register("bbbb"));
    hub.deal(b"\x16dtls", 5, source(5000), now);
    hub.deal(&check("none"), 100, source(5000), now);
    hub.deal(&check("aaaa"), 100, source(5000), now);
    hub.deal(b"\x16dtls", 5, source(5000), now);
    hub.deal(&check("bbbb"), 100, source(6000), now);
    hub.deal(b"\x16abc\x16abc\x16a", 4, source(6000), now);
    assert_eq!((received(&one), received(&two)), (2, 4));
    assert_eq!((hub.connections(), hub.sources()), (2, 2));
    hub.unregister(&one);
    hub.deal(b"\x16dtls", 5, source(5000), now);
    assert_eq!(
        (received(&one), hub.connections(), hub.sources()),
        (0, 1, 1)
    );
}

#[tokio::test]
async fn a_forged_check_does_not_take_over_a_source_that_is_heard() {
    let (hub, now) = (hub(), Instant::now());
    let (victim, thief) = (hub.register("aaaa"), hub.register("bbbb"));
    hub.deal(&check("aaaa"), 100, source(5000), now);
    hub.deal(&check("bbbb"), 100, source(5000), now + SOURCE_IDLE / 2);
    hub.deal(b"\x16dtls", 5, source(5000), now + SOURCE_IDLE / 2);
    assert_eq!((received(&victim), received(&thief)), (2, 1));
    let later = now + SOURCE_IDLE * 2;
    hub.deal(&check("bbbb"), 100, source(5000), later);
    hub.deal(b"\x16dtls", 5, source(5000), later);
    assert_eq!((received(&victim), received(&thief)), (0, 2));
}

#[tokio::test]
async fn answers_come_from_where_was_sent_and_a_real_check_comes_before() {
    let (hub, now) = (hub(), Instant::now());
    let (one, two) = (hub.register("aaaa"), hub.register("bbbb"));
    hub.sends_to(&one, source(5000));
    hub.sends_to(&two, source(5000));
    hub.deal(b"\x01\x01answer", 8, source(5000), now);
    assert_eq!((received(&one), received(&two)), (1, 0));
    hub.sends_to(&one, source(6000));
    hub.deal(&check("bbbb"), 100, source(6000), now);
    hub.deal(b"\x16dtls", 5, source(6000), now);
    assert_eq!((received(&one), received(&two)), (0, 2));
}

#[tokio::test]
async fn sources_and_queues_of_a_connection_are_bounded() {
    let (hub, now) = (hub(), Instant::now());
    let inbox = hub.register("aaaa");
    for port in 1000..3000 {
        hub.deal(&check("aaaa"), 100, source(port), now);
    }
    assert_eq!(hub.sources(), MAX_SOURCES);
    assert_eq!(received(&inbox), MAX_QUEUED_DATAGRAMS);
}

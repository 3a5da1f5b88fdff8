use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Limits, Listen};
use crate::shared::REFUSALS;
use crate::{Config, start};

const SOON: Duration = Duration::from_secs(10);

/// What an upgrade is answered with: its first twelve bytes, or fewer up to the end.
async fn upgrade(to: SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(to).await.expect("accepted");
    let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut status = Vec::new();
    let mut head = (&mut stream).take(12);
    let read = tokio::time::timeout(SOON, head.read_to_end(&mut status));
    // A reset ends it as well.
    let _ = read.await.expect("in time");
    (stream, String::from_utf8(status).expect("text"))
}

#[tokio::test]
async fn a_refusal_is_told_unless_too_many_are_on_their_way() {
    let tracker = start(
        Config {
            listen: vec![Listen::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))],
            limits: Limits {
                sockets: 1,
                ..Limits::default()
            },
            ..Config::default()
        },
        |_| {},
    );
    let tracker = tracker.await.expect("it starts");
    let to = tracker.addresses()[0].tcp().expect("a port");
    let (_socket, taken) = upgrade(to).await;
    assert_eq!(taken, "HTTP/1.1 101");

    let refusals = &tracker.shared.refusals;
    assert_eq!(refusals.available_permits(), REFUSALS);
    let (stream, told) = upgrade(to).await;
    assert_eq!(told, "HTTP/1.1 503");
    assert_eq!(refusals.available_permits(), REFUSALS - 1);
    drop(stream);
    let all = u32::try_from(REFUSALS).expect("a count");
    let all = tokio::time::timeout(SOON, refusals.acquire_many(all));
    let all = all.await.expect("it is over soon").expect("open");
    assert_eq!(upgrade(to).await.1, "");
    assert_eq!(tracker.stats().sockets_refused, 2);
    drop(all);
    assert_eq!(upgrade(to).await.1, "HTTP/1.1 503");
}

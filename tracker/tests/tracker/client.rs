//! A WebSocket client, an HTTP client, and a tracker to talk to.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tracker::{Config, Listen, Secret, Tracker};

/// How long anything expected may take.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// The admin token of [`config`].
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A configuration for a free port of the loopback interface.
pub(crate) fn config() -> Config {
    Config {
        listen: vec![Listen::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))],
        admin_token: Some(Secret::new(TOKEN).expect("a good token")),
        ..Config::default()
    }
}

/// Starts a tracker without pages.
pub(crate) async fn start(config: Config) -> Tracker {
    tracker::start(config, |_| {})
        .await
        .expect("the tracker starts")
}

/// Starts one with a changed [`config`]; returns where it is, too.
pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> (Tracker, SocketAddr) {
    let mut config = config();
    change(&mut config);
    let tracker = start(config).await;
    let to = address(&tracker);
    (tracker, to)
}

/// The first address of a tracker.
pub(crate) fn address(tracker: &Tracker) -> SocketAddr {
    tracker.addresses()[0].tcp().expect("not a Unix socket")
}

/// An id of 20 bytes as the wire has it: the byte as a character, 20 times.
pub(crate) fn id(byte: u8) -> String {
    String::from(char::from(byte)).repeat(20)
}

/// The same id in hex.
pub(crate) fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(20)
}

/// Waits until `check` gives something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let wait = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// A WebSocket to a tracker.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self::at(&format!("ws://{to}/")).await
    }

    pub(crate) async fn at(url: &str) -> Self {
        Self(connect_async(url).await.expect("the upgrade is accepted").0)
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.text(&message.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.0
            .send(Message::text(text))
            .await
            .expect("the socket takes it");
    }

    /// The next message; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> Value {
        let next = async {
            loop {
                match self.0.next().await.expect("open").expect("sound") {
                    Message::Text(text) => {
                        return serde_json::from_str(&text).expect("the tracker writes JSON");
                    }
                    Message::Ping(_) | Message::Pong(_) => {}
                    other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                        panic!("not a text: {other:?}")
                    }
                }
            }
        };
        tokio::time::timeout(SOON, next)
            .await
            .expect("a message in time")
    }

    /// The reason with which the tracker closes the socket.
    pub(crate) async fn closed(&mut self) -> Option<CloseFrame> {
        let closed = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => return frame,
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        tokio::time::timeout(SOON, closed)
            .await
            .expect("closed in time")
    }

    /// Sends an announce with these fields and returns the response.
    pub(crate) async fn announce(&mut self, info_hash: u8, peer: u8, fields: Value) -> Value {
        self.send(&announce(info_hash, peer, fields)).await;
        self.next().await
    }

    /// Asks for a torrent's counts: complete, incomplete, downloaded. Whatever
    /// the socket was sent before comes before.
    pub(crate) async fn counts(&mut self, info_hash: u8) -> [u64; 3] {
        self.send(&json!({"action": "scrape", "info_hash": id(info_hash)}))
            .await;
        let response = self.next().await;
        let entry = &response["files"][id(info_hash)];
        ["complete", "incomplete", "downloaded"].map(|key| entry[key].as_u64().expect("a count"))
    }
}

/// An announce with these fields over the usual ones.
pub(crate) fn announce(info_hash: u8, peer: u8, fields: Value) -> Value {
    let mut message = json!({
        "action": "announce",
        "info_hash": id(info_hash),
        "peer_id": id(peer),
        "uploaded": 0,
        "downloaded": 0,
    });
    if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
        message.extend(fields);
    }
    message
}

/// An offer of an announce.
pub(crate) fn offer(offer_id: &str) -> Value {
    json!({"offer_id": offer_id, "offer": {"type": "offer", "sdp": format!("v=0 {offer_id}")}})
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Sends one HTTP request with these header lines.
pub(crate) async fn http(to: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Response {
    let mut socket = TcpStream::connect(to).await.expect("accepted");
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut response = String::new();
    tokio::time::timeout(SOON, socket.read_to_string(&mut response))
        .await
        .expect("in time")
        .expect("read");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    Response {
        status,
        head: head.to_ascii_lowercase(),
        body: body.into(),
    }
}

/// A request of the admin API with the token.
pub(crate) async fn admin(to: SocketAddr, method: &str, path: &str) -> Response {
    http(
        to,
        method,
        path,
        &[&format!("Authorization: Bearer {TOKEN}")],
    )
    .await
}

/// The addresses of the first torrent's peers in the order of their ids.
pub(crate) async fn addresses(of: SocketAddr) -> Vec<Value> {
    let path = format!("/api/v1/torrents/{}/peers", hex(1));
    let list = admin(of, "GET", &path).await.json();
    let peers = list["peers"].as_array().expect("a list");
    peers.iter().map(|peer| peer["address"].clone()).collect()
}

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{self, Message, protocol::frame::Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tracker_protocol::InfoHash;

use crate::Miss;
use crate::case::differs;
use crate::message::{self, Kind};

/// A WebSocket to the tracker, with what was heard and not yet asked for.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heard: VecDeque<Value>,
    /// Texts that were not JSON, and frames that were not text.
    odd: Vec<String>,
    pongs: Vec<Vec<u8>>,
    end: Option<End>,
    date: Option<String>,
    timeout: Duration,
    settle: Duration,
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The close code, if there was a close frame with one.
    pub(crate) code: Option<u16>,
    reason: String,
    is_close_frame: bool,
}

impl End {
    /// Whether the tracker said goodbye.
    pub(crate) fn is_close_frame(&self) -> bool {
        self.is_close_frame
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.reason.as_str()) {
            (None, "") if self.is_close_frame => f.write_str("closed without a code"),
            (None, "") => f.write_str("cut without a close frame"),
            (None, reason) => write!(f, "closed: {reason}"),
            (Some(code), "") => write!(f, "closed with {code}"),
            (Some(code), reason) => write!(f, "closed with {code}: {reason}"),
        }
    }
}

impl Socket {
    pub(crate) async fn open(
        url: &str,
        patience: Duration,
        settle: Duration,
    ) -> Result<Self, OpenError> {
        let (stream, upgrade) = timeout(patience, connect_async(url))
            .await
            .map_err(|_| OpenError::Late(patience))?
            .map_err(|error| OpenError::Refused(Box::new(error)))?;
        Ok(Self {
            stream,
            heard: VecDeque::new(),
            odd: Vec::new(),
            pongs: Vec::new(),
            end: None,
            date: upgrade
                .headers()
                .get("date")
                .and_then(|date| date.to_str().ok())
                .map(message::shortened),
            timeout: patience,
            settle,
        })
    }

    /// The `Date` of the tracker's answer to the upgrade (RFC 9110 §6.6.1).
    pub(crate) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// Sends a message as a text frame.
    pub(crate) async fn say(&mut self, message: &Value) -> Result<(), Miss> {
        self.say_text(message.to_string()).await
    }

    /// Sends a text as a text frame.
    pub(crate) async fn say_text(&mut self, text: String) -> Result<(), Miss> {
        self.send(Message::Text(text.into())).await
    }

    /// Sends bytes as a binary frame.
    pub(crate) async fn say_bytes(&mut self, bytes: Vec<u8>) -> Result<(), Miss> {
        self.send(Message::Binary(bytes.into())).await
    }

    /// Sends a frame of the case's own making.
    pub(crate) async fn frame(&mut self, frame: Frame) -> Result<(), Miss> {
        self.send(Message::Frame(frame)).await
    }

    /// Sends a ping.
    pub(crate) async fn ping(&mut self, payload: &[u8]) -> Result<(), Miss> {
        self.send(Message::Ping(payload.to_vec().into())).await
    }

    /// A socket that can no longer be written to is no miss yet: what it said before it ended is
    /// what counts, and reading finds it.
    async fn send(&mut self, message: Message) -> Result<(), Miss> {
        if self.end.is_some() {
            return Ok(());
        }
        match timeout(self.timeout, self.stream.send(message)).await {
            Ok(_) => Ok(()),
            Err(_) => differs(format!(
                "the tracker does not read: no write in {:?}",
                self.timeout
            )),
        }
    }

    /// Closes with a close frame and waits until the tracker has done so, too.
    pub(crate) async fn close(mut self) {
        // Either way the socket is gone afterwards.
        let _ = timeout(self.timeout, self.stream.close(None)).await;
        let deadline = Instant::now() + self.timeout;
        while self.read(deadline).await {}
    }

    /// Waits for a message of this kind about `torrent`; leaves the others to be asked for.
    async fn expect(&mut self, kind: Kind, torrent: InfoHash) -> Result<Value, Miss> {
        let about = serde_json::to_value(torrent).ok();
        self.wait_for(name(kind), |message| {
            message::kind(message) == kind && message.get("info_hash") == about.as_ref()
        })
        .await
    }

    /// Waits for the response to an announce.
    pub(crate) async fn response(&mut self, torrent: InfoHash) -> Result<Value, Miss> {
        self.expect(Kind::Response, torrent).await
    }

    /// Waits for a relayed offer.
    pub(crate) async fn offer(&mut self, torrent: InfoHash) -> Result<Value, Miss> {
        self.expect(Kind::Offer, torrent).await
    }

    /// Waits for a relayed answer.
    pub(crate) async fn answer(&mut self, torrent: InfoHash) -> Result<Value, Miss> {
        self.expect(Kind::Answer, torrent).await
    }

    /// Waits for the response to a scrape, a failed one included.
    pub(crate) async fn scraped(&mut self) -> Result<Value, Miss> {
        self.wait_for("response to the scrape", |message| {
            message.get("action").and_then(Value::as_str) == Some("scrape")
        })
        .await
    }

    /// Waits for a message that is `wanted`.
    async fn wait_for(
        &mut self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Miss> {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(at) = self.heard.iter().position(&wanted)
                && let Some(message) = self.heard.remove(at)
            {
                return Ok(message);
            }
            if let Some(failure) = self
                .heard
                .iter()
                .find(|m| message::kind(m) == Kind::Failure)
            {
                return differs(format!("no {what}, but a {}", message::sketch(failure)));
            }
            if !self.read(deadline).await {
                return differs(self.silence(what));
            }
        }
    }

    /// Why there is no `what`.
    fn silence(&self, what: &str) -> String {
        let others: Vec<Value> = self.heard.iter().cloned().collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!(" (but {})", message::sketches(others)),
        };
        match &self.end {
            Some(end) => format!("no {what}{others}: {end}"),
            None => format!("no {what} within {:?}{others}", self.timeout),
        }
    }

    /// All that comes until the tracker has nothing more to say.
    ///
    /// A ping goes out and its pong comes back behind everything the tracker did before it; the
    /// quiet time after it is for trackers that hand messages from one thread to another.
    pub(crate) async fn settled(&mut self) -> Vec<Value> {
        let before = self.pongs.len();
        if self.ping(b"settled?").await.is_ok() {
            let patience = Duration::from_secs(1).min(self.timeout).max(self.settle);
            let deadline = Instant::now() + patience;
            while self.pongs.len() == before && self.read(deadline).await {}
        }
        while self.read(Instant::now() + self.settle).await {}
        self.heard.drain(..).collect()
    }

    /// Waits until a pong has come, and tells its payload.
    pub(crate) async fn pong(&mut self) -> Result<Vec<u8>, Miss> {
        let deadline = Instant::now() + self.timeout;
        while self.pongs.is_empty() {
            if !self.read(deadline).await {
                return differs(self.silence("pong"));
            }
        }
        Ok(self.pongs.remove(0))
    }

    /// How the socket ended, if it has.
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Waits for the end of the socket.
    pub(crate) async fn ended(&mut self) -> Option<&End> {
        let deadline = Instant::now() + self.timeout;
        while self.read(deadline).await {}
        self.end()
    }

    /// What the tracker sent that was no JSON text.
    pub(crate) fn odd(&self) -> &[String] {
        &self.odd
    }

    /// Takes in one frame; false at the deadline and at the end of the socket.
    async fn read(&mut self, deadline: Instant) -> bool {
        if self.end.is_some() {
            return false;
        }
        let cut = |reason: String| {
            Some(End {
                code: None,
                reason,
                is_close_frame: false,
            })
        };
        match timeout_at(deadline, self.stream.next()).await {
            Err(_) => return false,
            Ok(None) => self.end = cut(String::new()),
            Ok(Some(Err(error))) => self.end = cut(message::shortened(error)),
            Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
                Ok(message) => self.heard.push_back(message),
                Err(_) => self.odd.push(message::shortened(&text)),
            },
            Ok(Some(Ok(Message::Binary(_)))) => self.odd.push("a binary message".to_owned()),
            Ok(Some(Ok(Message::Pong(payload)))) => self.pongs.push(payload.to_vec()),
            Ok(Some(Ok(Message::Close(frame)))) => {
                let (code, reason) = frame.map_or((None, String::new()), |frame| {
                    (Some(frame.code.into()), message::shortened(frame.reason))
                });
                self.end = Some(End {
                    code,
                    reason,
                    is_close_frame: true,
                });
            }
            Ok(Some(Ok(Message::Ping(_) | Message::Frame(_)))) => {}
        }
        self.end.is_none()
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Response => "response to the announce",
        Kind::Offer => "relayed offer",
        Kind::Answer => "relayed answer",
        Kind::Scrape => "response to the scrape",
        Kind::Failure => "failure",
        Kind::Other => "message",
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The handshake failed.
    #[error("{0}")]
    Refused(Box<tungstenite::Error>),
    /// The handshake took too long.
    #[error("no WebSocket handshake within {0:?}")]
    Late(Duration),
}

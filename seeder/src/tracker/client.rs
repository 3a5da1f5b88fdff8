//! The connection to one tracker: announces, offers, answers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tracker_protocol::{
    Announce, ClientMessage, DescriptionKind, Offer, OfferId, PeerId, ServerMessage, SkippedOffers,
};

use super::Tracker;
use crate::Event;
use crate::announce::{Due, Schedule};
use crate::negotiate::{self, IncomingOffer, OFFER_LIFE, OutgoingOffer};
use crate::torrent::{Seeded, Shared};

/// Time for TCP, TLS and the upgrade.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Time for one message to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// We ping after such a share of the silence that ends a connection, give or
/// take a tenth.
const PING_AFTER: f64 = 0.4;

/// Peers that were turned away are called back so often at most, if there is
/// room.
const CALL_EVERY: Duration = Duration::from_secs(3);

/// Answers and announces on their way to the tracker; when full, answers are
/// dropped and their connections given up.
const OUTGOING: usize = 64;

/// The longest message accepted: an SDP and its envelope several times over.
const MAX_MESSAGE_BYTES: usize = 128 * 1024;

/// Text of a tracker shown to the user, in characters.
const MAX_SHOWN: usize = 200;

/// The most offers in one announce: what the reference tracker hands out.
const MAX_OFFERS_PER_ANNOUNCE: usize = 10;

/// Last words at the end of the seeder.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The task behind a [`Tracker`].
pub(super) struct Client {
    shared: Arc<Shared>,
    tracker: Arc<Tracker>,
    schedule: Schedule<SmallRng>,
    /// Offers of ours that wait for an answer, and until when.
    offers: HashMap<OfferId, (Instant, oneshot::Sender<(PeerId, String)>)>,
    /// Whether the user knows that the tracker is down.
    down_told: bool,
}

impl Client {
    pub(super) fn new(shared: Arc<Shared>, tracker: Arc<Tracker>) -> Self {
        Self {
            shared,
            tracker,
            schedule: Schedule::new(rand::make_rng()),
            offers: HashMap::new(),
            down_told: false,
        }
    }

    /// Keeps the connection up until the seeder stops.
    pub(super) async fn run(mut self) {
        let stopping = self.shared.stopping.clone();
        while !stopping.is_cancelled() {
            let error = match self.connect().await {
                Ok(socket) => self.serve(socket).await,
                Err(error) => error,
            };
            self.tracker.connected.store(false, Ordering::Relaxed);
            // Who could have answered was told by this connection: the next one has
            // the whole budget for offers.
            self.offers.clear();
            if stopping.is_cancelled() {
                return;
            }
            if !self.down_told {
                self.down_told = true;
                self.shared.tell(Event::TrackerDown {
                    url: self.tracker.url.clone(),
                    reason: error,
                });
            }
            let pause = self.schedule.disconnected(Instant::now());
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Learns of torrents that were added.
    fn look_at_torrents(&mut self) {
        let now = Instant::now();
        for info_hash in self.tracker.info_hashes() {
            self.schedule.add(now, info_hash);
        }
    }

    async fn connect(&self) -> Result<Socket, String> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let url = self.tracker.url.as_str();
        let connecting = tokio_tungstenite::connect_async_with_config(url, Some(config), true);
        let stopping = self.shared.stopping.clone();
        tokio::select! {
            biased;
            () = stopping.cancelled() => Err("the seeder stops".to_owned()),
            connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting) => match connected {
                Ok(Ok((socket, _response))) => Ok(socket),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
            },
        }
    }

    /// Announces, answers and pings until the connection ends; returns why.
    async fn serve(&mut self, mut socket: Socket) -> String {
        self.look_at_torrents();
        self.schedule.connected(Instant::now());
        self.tracker.connected.store(true, Ordering::Relaxed);
        self.down_told = false;
        self.shared.tell(Event::TrackerUp {
            url: self.tracker.url.clone(),
        });
        let (replies, mut outgoing) = mpsc::channel(OUTGOING);
        let tracker = Arc::clone(&self.tracker);
        let stopping = self.shared.stopping.clone();
        let mut heard = Instant::now();
        let silence = self.shared.config.tracker_silence;
        let mut ping_at = heard + ping_interval(silence);
        let mut call_at = heard + CALL_EVERY;
        loop {
            let now = Instant::now();
            self.offers.retain(|_, (until, _)| *until > now);
            if now >= call_at {
                call_at = now + CALL_EVERY;
                if self.shared.choking.has_room() {
                    self.schedule.call_back(now);
                }
            }
            while let Some(due) = self.schedule.poll(now) {
                if let Err(error) = self.announce(&mut socket, due).await {
                    return error;
                }
            }
            let announce_at = self.schedule.poll_timeout(now).unwrap_or(ping_at);
            let wake_up = ping_at.min(call_at).min(announce_at).min(heard + silence);
            let result = tokio::select! {
                biased;
                () = stopping.cancelled() => {
                    self.farewell(&mut socket).await;
                    return "the seeder stops".to_owned();
                }
                Some(text) = outgoing.recv() => write(&mut socket, Message::text(text)).await,
                () = tracker.added.notified() => {
                    self.look_at_torrents();
                    Ok(())
                }
                message = socket.next() => {
                    heard = Instant::now();
                    self.receive(message, &replies)
                }
                () = tokio::time::sleep_until(wake_up.into()) => {
                    let now = Instant::now();
                    if now.saturating_duration_since(heard) >= silence {
                        Err(format!("nothing was heard for {} s", silence.as_secs_f64()))
                    } else if now >= ping_at {
                        ping_at = now + ping_interval(silence);
                        write(&mut socket, Message::Ping(Vec::new().into())).await
                    } else {
                        Ok(())
                    }
                }
            };
            if let Err(error) = result {
                return error;
            }
        }
    }

    async fn announce(&mut self, socket: &mut Socket, due: Due) -> Result<(), String> {
        let Some(seeded) = self.tracker.torrent(due.info_hash) else {
            return Ok(());
        };
        let count = if due.offers {
            self.shared.config.offers.min(MAX_OFFERS_PER_ANNOUNCE)
        } else {
            0
        };
        let mut offers = Vec::with_capacity(count);
        let until = Instant::now() + OFFER_LIFE;
        for offer in negotiate::make_offers(&self.shared, &seeded, count).await {
            let OutgoingOffer {
                offer_id,
                offer,
                answered,
            } = offer;
            self.offers.insert(offer_id.clone(), (until, answered));
            offers.push(Offer {
                offer_id,
                offer: Cow::Owned(offer),
            });
        }
        let message = self.announcement(&seeded, due.event, offers);
        write(socket, Message::text(message)).await
    }

    fn announcement(
        &self,
        seeded: &Seeded,
        event: tracker_protocol::Event,
        offers: Vec<Offer<'_>>,
    ) -> String {
        ClientMessage::Announce(Announce {
            info_hash: seeded.info_hash(),
            peer_id: self.shared.peer_id,
            event,
            left: Some(0),
            uploaded: Some(seeded.sent.total()),
            downloaded: Some(0),
            numwant: u64::try_from(offers.len()).ok(),
            offers,
            skipped_offers: SkippedOffers::default(),
            tracker_id: None,
        })
        .to_json()
    }

    /// Says `stopped` for every torrent and closes the connection.
    async fn farewell(&self, socket: &mut Socket) {
        let words = async {
            for info_hash in self.schedule.announced() {
                let Some(seeded) = self.tracker.torrent(info_hash) else {
                    continue;
                };
                let stopped = tracker_protocol::Event::Stopped;
                let message = self.announcement(&seeded, stopped, Vec::new());
                socket.feed(Message::text(message)).await?;
            }
            socket.close(None).await?;
            // The closing handshake shows that all was read.
            while let Some(Ok(_)) = socket.next().await {}
            Ok::<(), WsError>(())
        };
        if !matches!(
            tokio::time::timeout(FAREWELL_TIMEOUT, words).await,
            Ok(Ok(()))
        ) {
            tracing::debug!("the tracker was not told that we stop");
        }
    }

    fn receive(
        &mut self,
        message: Option<Result<Message, WsError>>,
        replies: &mpsc::Sender<String>,
    ) -> Result<(), String> {
        match message {
            Some(Ok(Message::Text(text))) => self.take(&text, replies),
            Some(Ok(Message::Binary(bytes))) => match std::str::from_utf8(&bytes) {
                Ok(text) => self.take(text, replies),
                Err(_) => tracing::debug!("a binary message of a tracker is not UTF-8"),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err("the tracker closed".to_owned()),
            Some(Err(error)) => return Err(error.to_string()),
        }
        Ok(())
    }

    fn take(&mut self, text: &str, replies: &mpsc::Sender<String>) {
        match ServerMessage::parse(text) {
            Ok(ServerMessage::Announced(announced)) => {
                let interval = announced.interval.or(announced.min_interval);
                self.schedule
                    .answered(Instant::now(), announced.info_hash, interval);
                if let Some(warning) = announced.warning {
                    self.warn(&warning);
                }
            }
            Ok(ServerMessage::Offer(offer)) => {
                let seeded = self.tracker.torrent(offer.info_hash);
                let sdp = negotiate::read_sdp(&offer.offer, DescriptionKind::Offer);
                if let Some((seeded, sdp)) = seeded.zip(sdp) {
                    let offer = IncomingOffer {
                        peer_id: offer.peer_id,
                        offer_id: offer.offer_id,
                        sdp,
                    };
                    if !negotiate::take_offer(&self.shared, &seeded, offer, replies.clone()) {
                        self.schedule.turned_away(seeded.info_hash());
                    }
                }
            }
            Ok(ServerMessage::Answer(answer)) => {
                let sdp = negotiate::read_sdp(&answer.answer, DescriptionKind::Answer);
                let waiting = self.offers.remove(&answer.offer_id);
                if let Some(((_, answered), sdp)) = waiting.zip(sdp) {
                    // The offer may have expired.
                    let _ = answered.send((answer.peer_id, sdp));
                }
            }
            Ok(ServerMessage::Failure(failure)) => self.warn(&failure.reason),
            Ok(ServerMessage::Scraped(_)) => {}
            Err(error) => tracing::debug!(%error, "a tracker's message cannot be read"),
        }
    }

    fn warn(&self, message: &str) {
        self.shared.tell(Event::TrackerWarning {
            url: self.tracker.url.clone(),
            message: message
                .chars()
                .filter(|character| !character.is_control())
                .take(MAX_SHOWN)
                .collect(),
        });
    }
}

fn ping_interval(silence: Duration) -> Duration {
    silence.mul_f64(PING_AFTER * rand::rng().random_range(0.9..=1.1))
}

async fn write(socket: &mut Socket, message: Message) -> Result<(), String> {
    match tokio::time::timeout(WRITE_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the tracker takes nothing".to_owned()),
    }
}

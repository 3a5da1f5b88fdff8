//! One connection: carries bytes and decisions between a peer's channel, its
//! session, the choker and the storage.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use peer::{
    Bitfield, BlockRequest, Input, Limits, Output, PeerEvent, Session, SessionConfig, Upload,
};
use tokio::sync::watch;

use crate::Event;
use crate::choking::{Orders, Place};
use crate::rtc::Channel;
use crate::storage::ReadBlock;
use crate::torrent::{Joined, Seeded, Shared};
use crate::uploads::{Gate, Limit};

/// Messages made and not yet taken by the channel; above it the session's are
/// left in the session.
const MAX_MADE: usize = 16;

/// Blocks read in one go, and at most twice as many read and not yet taken by
/// the channel.
const READ_AHEAD: usize = 4;

/// A peer that takes nothing for so long, while there is something for it, is
/// given up.
const STALL: Duration = Duration::from_secs(60);

/// Runs a connection to its end. The peer's place is free again afterwards and
/// the channel closed.
pub(crate) async fn run(shared: Arc<Shared>, seeded: Arc<Seeded>, channel: Channel, place: Place) {
    let have = seeded.storage.have();
    let session = Session::new(
        Instant::now(),
        SessionConfig {
            torrent: seeded.torrent.clone(),
            our_peer_id: shared.peer_id,
            have: have.clone(),
            client: concat!("Shoal ", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
        },
    );
    let of_peer = Arc::new(Limit::new(shared.config.upload.per_peer));
    let gate = Gate::new([
        Arc::clone(&shared.upload),
        Arc::clone(&seeded.upload),
        of_peer,
    ]);
    let mut connection = Connection {
        changes: seeded.storage.changes(),
        orders: place.orders.clone(),
        shared,
        seeded,
        place,
        session,
        have,
        joined: None,
        missing: u32::MAX,
        gate,
        made: VecDeque::new(),
        reading: None,
        progress: Instant::now(),
    };
    if let Some(ip) = channel.remote_ip() {
        connection.place.tell(PeerEvent::Located(ip));
    }
    // What changed between `have` and `changes` is looked up at once.
    connection.changes.mark_changed();
    let reason = connection.drive(&channel).await;
    tracing::debug!(%reason, "a connection ends");
    if let Some(joined) = connection.joined.take() {
        connection.shared.tell(Event::PeerLeft {
            info_hash: connection.seeded.info_hash(),
            peer_id: joined.peer_id,
            bytes_sent: connection.session.traffic().bytes,
            reason,
        });
    }
}

struct Connection {
    shared: Arc<Shared>,
    seeded: Arc<Seeded>,
    place: Place,
    session: Session,
    /// The pieces that the session knows of.
    have: Bitfield,
    changes: watch::Receiver<u64>,
    orders: watch::Receiver<Orders>,
    joined: Option<Joined>,
    /// Pieces that the peer lacked when the choker was told.
    missing: u32,
    /// The upload limits.
    gate: Gate,
    /// What the channel is to take, in order.
    made: VecDeque<Made>,
    reading: Option<Pin<Box<dyn Future<Output = Vec<ReadBlock>> + Send>>>,
    /// When the channel last took something, or had nothing to take.
    progress: Instant,
}

/// A message for the channel.
enum Made {
    Message(BytesMut),
    Block(BlockRequest, BytesMut),
}

/// Why a connection ends, for people.
type Reason = String;

impl Connection {
    async fn drive(&mut self, channel: &Channel) -> Reason {
        let stopping = self.shared.stopping.clone();
        loop {
            if let Err(reason) = self.settle() {
                self.flush(channel).await;
                return reason;
            }
            let wake_up = self.wake_up();
            // All branches can be given up without loss.
            tokio::select! {
                biased;
                // 1. The end.
                () = stopping.cancelled() => return "the seeder stops".to_owned(),
                // 2. What the peer says; a flood of it ends the session.
                message = channel.receive() => match message {
                    Some(message) => self.tell(Input::Received(&message)),
                    None => return "the peer has gone".to_owned(),
                },
                // 3. What the choker decides.
                changed = self.orders.changed() => if let Err(reason) = self.obey(changed.is_ok()) {
                    return reason;
                },
                // 4. Pieces that came or went.
                Ok(()) = self.changes.changed() => self.look_at_pieces(),
                // 5. Time.
                () = tokio::time::sleep_until(wake_up.into()) => {
                    if self.progress.elapsed() >= STALL {
                        return "the peer takes nothing".to_owned();
                    }
                    self.tell(Input::Tick);
                }
                // 6. Blocks from the disk.
                blocks = read(&mut self.reading) => self.take_blocks(blocks),
                // 7. Credit.
                writable = channel.writable(), if !self.made.is_empty() => {
                    if writable.is_err() || self.send_one(channel).await.is_err() {
                        return "the peer has gone".to_owned();
                    }
                }
            }
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.session.handle(Instant::now(), input);
    }

    /// Carries on what the session wants.
    fn settle(&mut self) -> Result<(), Reason> {
        if self.made.is_empty() {
            self.progress = Instant::now();
        }
        // A session that is over says why, whether the peer takes its last words or not.
        while (self.made.len() < MAX_MADE || self.session.is_over())
            && let Some(output) = self.session.poll_output()
        {
            match output {
                Output::Send(message) => {
                    self.made.push_back(Made::Message(message.into()));
                }
                Output::Handshaken { peer_id, client } => {
                    self.joined = self.seeded.join(peer_id);
                    if self.joined.is_none() {
                        return Err("the peer has an older connection".to_owned());
                    }
                    self.place.tell(PeerEvent::Joined);
                    self.shared.tell(Event::PeerJoined {
                        info_hash: self.seeded.info_hash(),
                        peer_id,
                        client,
                    });
                }
                Output::Interested(true) => {
                    self.tell_missing();
                    self.place.tell(PeerEvent::Interested);
                }
                Output::Interested(false) => self.place.tell(PeerEvent::NotInterested),
                Output::Requesting(requesting) => {
                    self.place.tell(PeerEvent::Requesting(requesting));
                }
                Output::Complete => self.place.tell(PeerEvent::Complete),
                Output::Close(reason) => return Err(reason.to_string()),
            }
        }
        self.tell_missing();
        self.read_ahead();
        Ok(())
    }

    fn tell_missing(&mut self) {
        let missing = self.session.missing_pieces();
        if missing != self.missing && self.joined.is_some() {
            self.missing = missing;
            let bytes = u64::from(missing) * u64::from(self.seeded.torrent.piece_length());
            self.place.tell(PeerEvent::Missing { bytes });
        }
    }

    /// Takes requests off the session while there is room for their blocks.
    fn read_ahead(&mut self) {
        if !self.may_read() {
            return;
        }
        let mut blocks = Vec::new();
        while blocks.len() < READ_AHEAD && self.made.len() < MAX_MADE {
            let now = Instant::now();
            match self.session.next_block() {
                Some(block) if !self.gate.lets(now, u64::from(block.length)) => break,
                Some(_) => {}
                None => self.gate.give_back(),
            }
            match self.session.next_upload(now) {
                Some(Upload::Message(message)) => {
                    self.made.push_back(Made::Message(message.into()));
                }
                Some(Upload::Block(block)) => blocks.push(block),
                None => break,
            }
        }
        if !blocks.is_empty() {
            let storage = Arc::clone(&self.seeded.storage);
            self.reading = Some(Box::pin(storage.read(blocks)));
        }
    }

    fn may_read(&self) -> bool {
        self.reading.is_none() && self.made.len() < READ_AHEAD
    }

    fn take_blocks(&mut self, blocks: Vec<ReadBlock>) {
        self.reading = None;
        for (block, bytes) in blocks {
            match bytes {
                Ok(bytes) => self.made.push_back(Made::Block(block, bytes)),
                Err(error) => {
                    tracing::debug!(piece = block.piece, %error, "a block cannot be read");
                    self.tell(Input::Unreadable(block));
                }
            }
        }
    }

    fn obey(&mut self, alive: bool) -> Result<(), Reason> {
        let orders = *self.orders.borrow_and_update();
        if let Some(removal) = orders.close {
            return Err(removal.to_string());
        }
        if !alive {
            return Err("the choker has forgotten the peer".to_owned());
        }
        self.tell(if orders.unchoked {
            Input::Unchoke
        } else {
            Input::Choke
        });
        Ok(())
    }

    /// Tells the session of pieces that came or went since it was told last.
    fn look_at_pieces(&mut self) {
        let now = self.seeded.storage.have();
        let before = std::mem::replace(&mut self.have, now);
        let bytes = before.as_bytes().iter().zip(self.have.as_bytes());
        let changed: Vec<u32> = (0_u32..)
            .zip(bytes)
            .filter(|(_, (before, now))| before != now)
            .flat_map(|(index, _)| index * 8..index * 8 + 8)
            .filter(|piece| before.contains(*piece) != self.have.contains(*piece))
            .collect();
        for piece in changed {
            if self.have.contains(piece) {
                self.tell(Input::PieceVerified(piece));
            } else {
                self.tell(Input::PieceWithdrawn(piece));
            }
        }
    }

    fn wake_up(&self) -> Instant {
        let stall = self.progress + STALL;
        let opens = self.gate.opens_at().filter(|_| self.may_read());
        let wake_ups = self.session.poll_timeout().into_iter().chain(opens);
        wake_ups.fold(stall, Instant::min)
    }

    async fn send_one(&mut self, channel: &Channel) -> Result<(), crate::rtc::RtcError> {
        match self.made.pop_front() {
            Some(Made::Message(message)) => channel.send(message).await?,
            Some(Made::Block(block, bytes)) => {
                channel.send(bytes).await?;
                let bytes = u64::from(block.length);
                self.tell(Input::Sent(block));
                self.place.tell(PeerEvent::Sent { bytes });
                self.seeded.sent.add(bytes);
                self.shared.sent.add(bytes);
            }
            None => {}
        }
        self.progress = Instant::now();
        Ok(())
    }

    /// Sends what is made without waiting for credit: last words.
    async fn flush(&mut self, channel: &Channel) {
        while let Some(Made::Message(_)) = self.made.front() {
            let sent = tokio::time::timeout(Duration::from_millis(100), self.send_one(channel));
            if !matches!(sent.await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// The blocks being read, or never when none are.
async fn read(
    reading: &mut Option<Pin<Box<dyn Future<Output = Vec<ReadBlock>> + Send>>>,
) -> Vec<ReadBlock> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

//! One connection of the endpoint: the stack's state and what drives it. Does
//! no I/O: datagrams and time in, datagrams and a wake-up time out.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::peer_connection::message::RTCMessage;
use rtc::sansio::Protocol;
use rtc::shared::TaggedBytesMut;
use webrtc::data_channel::RTCDataChannelId;
use webrtc::peer_connection::{
    RTCDataChannelEvent, RTCIceCandidateInit, RTCIceConnectionState, RTCPeerConnection,
    RTCPeerConnectionEvent, RTCPeerConnectionState,
};

use super::link::Link;
use super::pacer::Pacer;
use super::path::Path;
use super::round_trip::RoundTrip;
use super::{ICE_KEEP_ALIVE, sdp, stun};

/// Between two looks at a connection where nothing happens. The stack asks for
/// one every 200 ms, to see whether it is time for a keep-alive.
const QUIET_TICK: Duration = ICE_KEEP_ALIVE;

/// A connection is quiet when it has nothing to send and heard nothing for so
/// long; an acknowledgement is delayed by 200 ms at most (RFC 9260 §6.2).
const QUIET_AFTER: Duration = Duration::from_millis(300);

/// No timer of a connection is finer, so that one that is stuck cannot spin.
const MIN_TICK: Duration = Duration::from_millis(1);

/// How often the layers of a connection that opens are asked in a row whether
/// one of them has something for the next.
const OPENING_ROUNDS: usize = 8;

/// A connection.
pub(super) struct Peer {
    stack: RTCPeerConnection,
    link: Arc<Link>,
    /// The channel, once there is one.
    channel: Option<RTCDataChannelId>,
    open: bool,
    over: bool,
    /// A nominating check of a peer that is not connected yet; see [`Peer::receive`].
    check: Option<(Path, BytesMut)>,
    connected: bool,
    /// Whether it is for us to nominate a pair, and that is not done.
    nominating: bool,
    /// Where other than STUN goes: the address of the pair in use.
    remote: Option<IpAddr>,
    round_trip: RoundTrip,
    pacer: Pacer,
    unacknowledged: usize,
    /// When something other than STUN came last.
    heard: Instant,
    wake: Instant,
    outgoing: VecDeque<BytesMut>,
    incoming: Vec<Bytes>,
}

impl Peer {
    /// A connection whose descriptions are exchanged; `channel` is the one that
    /// we open, if we do.
    pub(super) fn new(
        now: Instant,
        stack: RTCPeerConnection,
        channel: Option<RTCDataChannelId>,
        link: Arc<Link>,
    ) -> Self {
        Self {
            stack,
            link,
            channel,
            open: false,
            over: false,
            check: None,
            connected: false,
            nominating: channel.is_some(),
            remote: None,
            round_trip: RoundTrip::default(),
            pacer: Pacer::new(now),
            unacknowledged: 0,
            heard: now,
            wake: now,
            outgoing: VecDeque::new(),
            incoming: Vec::new(),
        }
    }

    /// Takes a datagram.
    ///
    /// A check that nominates its pair (USE-CANDIDATE) comes first from a browser
    /// and is not answered by the stack until a check of its own to there has
    /// succeeded; the browser repeats it after 50 ms. So such a check is kept and
    /// shown again when an answer comes, as RFC 8445 §7.3.1.5 has it: once, because
    /// the stack answers each with a check of its own, whose answer would bring it
    /// up again without end.
    pub(super) fn receive(&mut self, now: Instant, from: Path, datagram: &[u8]) {
        self.round_trip.received(now, datagram);
        let datagram = BytesMut::from(datagram);
        match stun::class(&datagram) {
            None => self.heard = now,
            Some(stun::Class::Request) if !self.connected && stun::nominates(&datagram) => {
                self.check = Some((from, datagram.clone()));
            }
            Some(stun::Class::Success) if !self.connected => {
                self.handle(now, from, datagram);
                self.nominate(from);
                if let Some((from, check)) = self.check.take() {
                    self.handle(now, from, check);
                }
                return;
            }
            Some(_) => {}
        }
        self.handle(now, from, datagram);
    }

    /// Has the stack look at its pairs now that a check is answered: who makes the
    /// offer nominates (RFC 8445 §6.1.1), and it does so at its ticks of 200 ms, while
    /// the other side, which need not wait, starts DTLS in vain and then waits longer
    /// each time. A candidate makes it look, and that one it has: it is told as another
    /// kind, which changes nothing.
    fn nominate(&mut self, from: Path) {
        if std::mem::take(&mut self.nominating) {
            let candidate = sdp::host_candidate(0, from.remote);
            let again = RTCIceCandidateInit {
                candidate,
                ..RTCIceCandidateInit::default()
            };
            if let Err(error) = self.stack.add_remote_candidate(again) {
                tracing::debug!(%error, "a pair is nominated later");
            }
        }
    }

    fn handle(&mut self, now: Instant, from: Path, message: BytesMut) {
        let datagram = TaggedBytesMut {
            now,
            transport: from.transport(),
            message,
        };
        if let Err(error) = self.stack.handle_read(datagram) {
            tracing::debug!(%error, ?from, "a datagram is not taken");
        }
    }

    /// Does all that is due; `send` gets the datagrams that come of it, by their
    /// destination.
    pub(super) fn advance(&mut self, now: Instant, mut send: impl FnMut(Path, &[u8])) {
        if self.link.answer(&mut self.outgoing) {
            // Last words go out before the end does.
            self.write(now);
            self.close(&mut send);
            return;
        }
        for _ in 0..OPENING_ROUNDS {
            // The layers of a connection that opens start each other at ticks only.
            if (!self.open || self.wake <= now)
                && let Err(error) = self.stack.handle_timeout(now)
            {
                tracing::debug!(%error, "a connection fails");
                self.over = true;
            }
            let mut went_on = self.events();
            let acknowledged = self.unacknowledged.saturating_sub(self.outstanding());
            self.round_trip.acknowledged(now, acknowledged);
            self.read();
            self.write(now);
            went_on |= self.flow(now, &mut send);
            if self.open || self.over || !went_on {
                break;
            }
        }
        if self.over {
            self.close(&mut send);
            return;
        }
        let outstanding = self.outstanding();
        self.unacknowledged = outstanding;
        self.link.report(outstanding, self.round_trip.credit());
        self.plan(now, outstanding);
    }

    /// Sends what the stack has, at the pace that is right; returns whether it had anything.
    fn flow(&mut self, now: Instant, send: &mut impl FnMut(Path, &[u8])) -> bool {
        let mut any = false;
        while let Some(datagram) = self.stack.poll_write() {
            any = true;
            let (to, message) = (Path::of(&datagram.transport), datagram.message);
            if stun::class(&message).is_some() {
                self.round_trip.sent(now, &message);
                send(to, &message);
            } else {
                self.remote = Some(to.remote.ip());
                self.pacer.push(to, message);
            }
        }
        let rate = self.round_trip.pace();
        while let Some((to, message)) = self.pacer.pop(now, rate) {
            send(to, &message);
        }
        any
    }

    /// When to call [`Peer::advance`] next.
    pub(super) fn wake(&self) -> Instant {
        self.wake
    }

    /// Whether it has ended and been closed.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Hears the stack out; returns whether it had anything to say.
    fn events(&mut self) -> bool {
        let mut any = false;
        while let Some(event) = self.stack.poll_event() {
            any = true;
            if let RTCPeerConnectionEvent::OnIceConnectionStateChangeEvent(state) = event {
                self.connected |= state == RTCIceConnectionState::Connected;
            } else if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                self.over |= matches!(
                    state,
                    RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
                );
            } else if let RTCPeerConnectionEvent::OnDataChannel(event) = event {
                self.channel_event(&event);
            }
        }
        if self.connected {
            self.check = None;
        }
        any
    }

    /// One channel carries everything. A peer that opens another is no leecher,
    /// and each costs memory: it is hung up on.
    fn channel_event(&mut self, event: &RTCDataChannelEvent) {
        match *event {
            RTCDataChannelEvent::OnOpen(id) if *self.channel.get_or_insert(id) == id => {
                self.open = true;
                self.link.open(self.remote);
            }
            RTCDataChannelEvent::OnBufferedAmountLow(_)
            | RTCDataChannelEvent::OnBufferedAmountHigh(_) => {}
            // Another channel, or the end of this one.
            RTCDataChannelEvent::OnOpen(_)
            | RTCDataChannelEvent::OnError(_)
            | RTCDataChannelEvent::OnClosing(_)
            | RTCDataChannelEvent::OnClose(_)
            | _ => self.over = true,
        }
    }

    /// Hands over as many messages of the peer as have room.
    fn read(&mut self) {
        for _ in 0..self.link.room() {
            let Some(tagged) = self.stack.poll_read() else {
                break;
            };
            if let RTCMessage::DataChannelMessage(_, message) = tagged.message {
                self.incoming.push(message.data.freeze());
            }
        }
        if !self.incoming.is_empty() {
            self.link.deliver(&mut self.incoming);
        }
    }

    /// Gives the stack what the channel left.
    fn write(&mut self, now: Instant) {
        if !self.open {
            return;
        }
        let Some(mut channel) = self.channel.and_then(|id| self.stack.data_channel(id)) else {
            return;
        };
        for message in self.outgoing.drain(..) {
            if let Err(error) = channel.send(now, message) {
                tracing::debug!(%error, "a message cannot be sent");
                self.over = true;
            }
        }
    }

    fn outstanding(&mut self) -> usize {
        let id = self.channel;
        id.and_then(|id| self.stack.data_channel(id))
            .map_or(0, |channel| channel.outstanding_bytes())
    }

    fn plan(&mut self, now: Instant, outstanding: usize) {
        let asked = self.stack.poll_timeout();
        let quiet = self.open
            && outstanding == 0
            && now.saturating_duration_since(self.heard) >= QUIET_AFTER;
        let least = if quiet { QUIET_TICK } else { MIN_TICK };
        let asked = asked.unwrap_or(now + QUIET_TICK);
        self.wake = asked.max(now + least);
        if let Some(paced) = self.pacer.next(self.round_trip.pace()) {
            self.wake = self.wake.min(paced.max(now + MIN_TICK));
        }
    }

    /// Ends the connection and tells the peer.
    fn close(&mut self, send: &mut impl FnMut(Path, &[u8])) {
        self.over = true;
        self.link.end();
        if let Err(error) = self.stack.close() {
            tracing::debug!(%error, "closing a connection failed");
        }
        while let Some((to, message)) = self.pacer.pop(Instant::now(), None) {
            send(to, &message);
        }
        while let Some(datagram) = self.stack.poll_write() {
            send(Path::of(&datagram.transport), &datagram.message);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.link.end();
    }
}

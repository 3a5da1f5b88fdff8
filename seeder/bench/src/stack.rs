//! A leecher's WebRTC connection: the sans-I/O core of the stack, driven by us.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::data_channel::RTCDataChannelId;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::setting_engine::{
    SctpMaxMessageSize, SettingEngineBuilder,
};
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

/// What may be on its way to a leecher: about what Chromium allows.
const RECEIVE_BUFFER_BYTES: u32 = 4 * 1024 * 1024;

/// The stack's layers start each other at timer ticks 200 ms apart; until the channel is open we
/// tick faster, so that the leecher's own side is no part of what is measured.
const HURRY: Duration = Duration::from_millis(10);

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its channel is open.
    Open,
    /// It failed or was closed.
    Gone,
}

/// One connection, which makes the offer.
pub(crate) struct Stack {
    connection: RTCPeerConnection,
    channel: RTCDataChannelId,
    local: SocketAddr,
    opening: bool,
}

impl Stack {
    /// Makes an offer for a leecher at this UDP address, and returns its SDP.
    pub(crate) fn offer(now: Instant, local: SocketAddr) -> Result<(Self, String), Error> {
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_sctp_max_receive_buffer_size(RECEIVE_BUFFER_BYTES)
            // As Chromium: 256 KiB.
            .with_sctp_max_message_size(SctpMaxMessageSize::Unbounded)
            .build();
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_setting_engine(settings)
            .build(now)?;
        let channel = connection.create_data_channel("leecher", None)?.id();
        let candidate = CandidateHostConfig {
            base_config: CandidateConfig {
                network: "udp".to_owned(),
                address: local.ip().to_string(),
                port: local.port(),
                component: 1,
                ..CandidateConfig::default()
            },
            ..CandidateHostConfig::default()
        }
        .new_candidate_host()?;
        connection.add_local_candidate(RTCIceCandidate::from(&candidate).to_json()?)?;
        let offer = connection.create_offer(None)?;
        let sdp = offer.sdp.clone();
        connection.set_local_description(now, offer)?;
        let stack = Self {
            connection,
            channel,
            local,
            opening: true,
        };
        Ok((stack, sdp))
    }

    /// Takes the answer's SDP.
    pub(crate) fn answer(&mut self, now: Instant, sdp: String) -> Result<(), Error> {
        let answer = RTCSessionDescription::answer(sdp)?;
        self.connection.set_remote_description(now, answer)
    }

    /// Takes a datagram.
    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, datagram: BytesMut) {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        // What cannot be read is dropped, as a browser does.
        let _ = self.connection.handle_read(TaggedBytesMut {
            now,
            transport,
            message: datagram,
        });
    }

    /// The next datagram to send, and where to.
    pub(crate) fn transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        let written = self.connection.poll_write()?;
        Some((written.transport.peer_addr, written.message))
    }

    /// The next turn of the connection.
    pub(crate) fn turn(&mut self) -> Option<Turn> {
        loop {
            let event = self.connection.poll_event()?;
            if is_open(&event) {
                self.opening = false;
                return Some(Turn::Open);
            }
            if is_end(&event) {
                self.opening = false;
                return Some(Turn::Gone);
            }
        }
    }

    /// The next message on the channel. What is not taken shrinks the window that the seeder is
    /// told of, until it sends no more.
    pub(crate) fn message(&mut self) -> Option<BytesMut> {
        loop {
            let read = self.connection.poll_data_read()?;
            if let RTCMessage::DataChannelMessage(_, message) = read.message {
                return Some(message.data);
            }
        }
    }

    /// Sends a message on the channel.
    pub(crate) fn send(&mut self, now: Instant, message: BytesMut) -> Result<(), Error> {
        match self.connection.data_channel(self.channel) {
            Some(mut channel) => channel.send(now, message),
            None => Err(Error::ErrDataChannelClosed),
        }
    }

    /// When [`Self::tick`] is due.
    pub(crate) fn next_tick(&mut self, now: Instant) -> Option<Instant> {
        let due = self.connection.poll_timeout();
        if self.opening {
            return Some(due.map_or(now + HURRY, |due| due.min(now + HURRY)));
        }
        due
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Instant) {
        // What went wrong shows as an event.
        let _ = self.connection.handle_timeout(now);
    }

    /// Closes it; what tells the seeder so is to be sent.
    pub(crate) fn close(&mut self) {
        let _ = self.connection.close();
    }
}

fn is_open(event: &RTCPeerConnectionEvent) -> bool {
    matches!(
        event,
        RTCPeerConnectionEvent::OnDataChannel(RTCDataChannelEvent::OnOpen(_))
    )
}

fn is_end(event: &RTCPeerConnectionEvent) -> bool {
    matches!(
        event,
        RTCPeerConnectionEvent::OnDataChannel(
            RTCDataChannelEvent::OnClosing(_)
                | RTCDataChannelEvent::OnClose(_)
                | RTCDataChannelEvent::OnError(_)
        ) | RTCPeerConnectionEvent::OnConnectionStateChangeEvent(
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        )
    )
}

//! What remotes may cost, and what is done about those that cost too much.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::Deserialize;

use super::duration;
use crate::cidr::Cidr;

/// What sockets may cost; each bound holds against any remote. "An address" is an
/// IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open WebSockets in all; one more is answered with 503. Default 20 000.
    pub sockets: usize,
    /// Open WebSockets of one address; one more is answered with 429. Default 256: a
    /// company or a mobile network may be behind one.
    pub sockets_per_ip: usize,
    /// Connections of one address that are not WebSockets, those that begin included; one
    /// more is closed at once. Not counted of trusted proxies. Default 128: an eighth of
    /// what a worker takes.
    pub connections_per_ip: usize,
    /// Networks to which nothing that is counted by address applies. Default the
    /// loopback interface: all clients of a proxy on this machine that is not known
    /// as one have its address.
    pub exempt: Vec<Cidr>,
    /// Bytes of one message, over all its frames; a longer one closes the socket
    /// with 1009. Default 256 KiB: libtorrent sends ten offers an announce
    /// and takes up to 64 KiB of SDP each, but real ones are 0.5 to 6 KiB.
    pub message_bytes: usize,
    /// Bytes of one offer or answer, as JSON. A longer offer is skipped, a longer
    /// answer is refused. Default 16 KiB.
    pub description_bytes: usize,
    /// Torrents one socket may be in. Default 1 000.
    pub torrents_per_socket: usize,
    /// Torrents in all; an announce for one more is refused. Default 200 000.
    pub torrents: usize,
    /// Peers in one torrent; an announce of one more is refused. Default 100 000.
    pub peers_per_torrent: usize,
    /// Messages a second from one socket, over time. A faster one is read no
    /// faster than this, so nothing is lost. Default 50.
    pub messages_per_second: u32,
    /// Messages a socket may send at once after a pause: a client announces all
    /// of its torrents when it connects. Default 2 000.
    pub message_burst: u32,
    /// The same from one address, over all its sockets. Default 1 000.
    pub messages_per_second_per_ip: u32,
    /// The same from one address. Default 20 000.
    pub message_burst_per_ip: u32,
    /// Bytes a second from one socket, over time; as for messages. Default 256 KiB.
    pub bytes_per_second: u32,
    /// Bytes a socket may send at once after a pause. Default 16 MiB: 2 000 announces
    /// with five offers.
    pub byte_burst: u32,
    /// The same from one address, over all its sockets. Default 4 MiB.
    pub bytes_per_second_per_ip: u32,
    /// The same from one address. Default 64 MiB.
    pub byte_burst_per_ip: u32,
    /// Bytes of offers without a receiver that wait for one, of one torrent; the
    /// oldest makes room. Default 64 KiB.
    pub parked_bytes_per_torrent: usize,
    /// The same of all torrents. Default 32 MiB.
    pub parked_bytes: usize,
    /// Bytes waiting to be written to one socket. Default 512 KiB.
    pub outbox_bytes: usize,
    /// Messages waiting to be written to one socket. Default 2 000, an announce
    /// response for each torrent of a full burst.
    pub outbox_messages: usize,
    /// Bytes waiting to be written to all sockets together. Beyond it offers are
    /// dropped, and sockets that have something to read are not heard until they
    /// have read it; responses are not dropped. Default 64 MiB.
    pub outboxes_bytes: usize,
}

/// When an address is banned. A message that is refused is one offence; one that
/// closes its socket is ten. What is too fast, or a socket, torrent or peer too many, is none.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bans {
    /// Offences of one address within `within` that get it banned; 0 for never.
    /// Default 500.
    pub offences: u32,
    /// The time in which so many offences are forgiven. Default 10 min.
    #[serde(with = "duration")]
    pub within: Duration,
    /// How long a first ban lasts. Each further one lasts twice as long. Default 10 min.
    #[serde(with = "duration")]
    pub first: Duration,
    /// How long a ban lasts at most, and how long it is remembered after its end, so
    /// that the next is longer. Default 1 day.
    #[serde(with = "duration")]
    pub longest: Duration,
}

/// When the tracker sheds load: first scrapes, then offers, then it asks for announces
/// less often, at last it takes in no more sockets.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overload {
    /// How late a worker may come to what is due: full load. Half of it is where
    /// shedding begins. Default 2 s.
    #[serde(with = "duration")]
    pub lag: Duration,
    /// How long there must be more load than a step stands for before the step is
    /// taken. Default 1 s.
    #[serde(with = "duration")]
    pub rise: Duration,
    /// How long there must be less before it is taken back. Default 10 s.
    #[serde(with = "duration")]
    pub fall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let loopback = Cidr::of(IpAddr::V4(Ipv4Addr::LOCALHOST)).widened(8);
        Self {
            sockets: 20_000,
            sockets_per_ip: 256,
            connections_per_ip: 128,
            exempt: vec![loopback, Cidr::of(IpAddr::V6(Ipv6Addr::LOCALHOST))],
            message_bytes: 256 * 1024,
            description_bytes: 16 * 1024,
            torrents_per_socket: 1_000,
            torrents: 200_000,
            peers_per_torrent: 100_000,
            messages_per_second: 50,
            message_burst: 2_000,
            messages_per_second_per_ip: 1_000,
            message_burst_per_ip: 20_000,
            bytes_per_second: 256 * 1024,
            byte_burst: 16 * 1024 * 1024,
            bytes_per_second_per_ip: 4 * 1024 * 1024,
            byte_burst_per_ip: 64 * 1024 * 1024,
            parked_bytes_per_torrent: 64 * 1024,
            parked_bytes: 32 * 1024 * 1024,
            outbox_bytes: 512 * 1024,
            outbox_messages: 2_000,
            outboxes_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Default for Bans {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            offences: 500,
            within: 10 * minute,
            first: 10 * minute,
            longest: 24 * 60 * minute,
        }
    }
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            lag: Duration::from_secs(2),
            rise: Duration::from_secs(1),
            fall: Duration::from_secs(10),
        }
    }
}

//! How often each limit made itself felt, by the name it has in the configuration, if it has one.

use std::collections::BTreeMap;

use swarm::Full;
use tracker_protocol::Cap;

use crate::stats::Counter;

/// A limit that refuses, skips or slows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Sockets,
    SocketsPerIp,
    ConnectionsPerIp,
    Bans,
    Overload,
    MessageBytes,
    DescriptionBytes,
    OffersPerAnnounce,
    /// Offers that would be relayed if none were shed.
    ShedOffers,
    MalformedOffers,
    ScrapeTorrents,
    TorrentsPerSocket,
    Torrents,
    PeersPerTorrent,
    MessagesPerSecond,
    MessagesPerSecondPerIp,
    BytesPerSecond,
    BytesPerSecondPerIp,
    IdleTimeout,
}

impl Limit {
    const ALL: [Self; 19] = [
        Self::Sockets,
        Self::SocketsPerIp,
        Self::ConnectionsPerIp,
        Self::Bans,
        Self::Overload,
        Self::MessageBytes,
        Self::DescriptionBytes,
        Self::OffersPerAnnounce,
        Self::ShedOffers,
        Self::MalformedOffers,
        Self::ScrapeTorrents,
        Self::TorrentsPerSocket,
        Self::Torrents,
        Self::PeersPerTorrent,
        Self::MessagesPerSecond,
        Self::MessagesPerSecondPerIp,
        Self::BytesPerSecond,
        Self::BytesPerSecondPerIp,
        Self::IdleTimeout,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::SocketsPerIp => "sockets_per_ip",
            Self::ConnectionsPerIp => "connections_per_ip",
            Self::Bans => "bans",
            Self::Overload => "overload",
            Self::MessageBytes => "message_bytes",
            Self::DescriptionBytes => "description_bytes",
            Self::OffersPerAnnounce => "offers_per_announce",
            Self::ShedOffers => "shed_offers",
            Self::MalformedOffers => "malformed_offers",
            Self::ScrapeTorrents => "scrape_torrents",
            Self::TorrentsPerSocket => "torrents_per_socket",
            Self::Torrents => "torrents",
            Self::PeersPerTorrent => "peers_per_torrent",
            Self::MessagesPerSecond => "messages_per_second",
            Self::MessagesPerSecondPerIp => "messages_per_second_per_ip",
            Self::BytesPerSecond => "bytes_per_second",
            Self::BytesPerSecondPerIp => "bytes_per_second_per_ip",
            Self::IdleTimeout => "idle_timeout",
        }
    }
}

impl From<Full> for Limit {
    fn from(full: Full) -> Self {
        match full {
            Full::Connection => Self::TorrentsPerSocket,
            Full::Torrent => Self::PeersPerTorrent,
            Full::Tracker => Self::Torrents,
        }
    }
}

impl From<Cap> for Limit {
    fn from(cap: Cap) -> Self {
        match cap {
            Cap::DescriptionBytes => Self::DescriptionBytes,
            Cap::ScrapeHashes => Self::ScrapeTorrents,
        }
    }
}

/// A counter for each limit.
#[derive(Debug, Default)]
pub(crate) struct Limited([Counter; Limit::ALL.len()]);

impl Limited {
    pub(crate) fn add(&self, limit: Limit, count: u64) {
        self.0[limit as usize].add(count);
    }

    /// The counts by name.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = Limit::ALL.into_iter().zip(&self.0);
        counts
            .map(|(limit, counter)| (limit.name(), counter.get()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_counted_under_its_own_name() {
        let limited = Limited::default();
        for (number, limit) in (1..).zip(Limit::ALL) {
            limited.add(limit, number);
        }
        let counts = limited.counts();
        assert_eq!(counts.len(), Limit::ALL.len());
        for (number, limit) in (1..).zip(Limit::ALL) {
            assert_eq!(counts[limit.name()], number, "{limit:?}");
        }
    }
}

//! Ranges of the configuration, which its types do not know.

use std::time::Duration;

use super::{Bans, Config, ConfigError, Limits, Listen, Overload, Proxies, Sockets, Store, Swarm};

const MOMENT: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A hundred years: no sum of such a time and the clock overflows.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Config {
    /// Checks what the types cannot: ranges, and fields that need each other.
    ///
    /// # Errors
    /// Names the first field that cannot work and what to give instead.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::new(
                "listen",
                "is empty",
                "give at least one address such as `127.0.0.1:8000`",
            ));
        }
        self.listen
            .iter()
            .try_for_each(|listen| listen.check(&self.proxies))?;
        self.limits.check()?;
        self.bans.check()?;
        self.overload.check()?;
        self.swarm.check()?;
        self.sockets.check()?;
        self.store.check()
    }
}

impl Listen {
    fn check(&self, proxies: &Proxies) -> Result<(), ConfigError> {
        if self.mode.is_some() && self.addr.tcp().is_some() {
            return Err(ConfigError::new(
                "listen.mode",
                format!("is given for `{}`", self.addr),
                "leave it out, or listen on `unix:` and a path",
            ));
        }
        if self.proxy_protocol && proxies.trusted.is_empty() {
            return Err(ConfigError::new(
                "listen.proxy_protocol",
                "is set and `proxies.trusted` is empty, so every connection would be closed",
                "name the proxies, as in `trusted = [\"10.0.0.1\"]`",
            ));
        }
        Ok(())
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        // A relayed offer always fits.
        let longest = self.message_bytes.saturating_add(1024);
        for (field, value, least) in [
            ("limits.sockets", self.sockets, 1),
            ("limits.sockets_per_ip", self.sockets_per_ip, 1),
            ("limits.connections_per_ip", self.connections_per_ip, 1),
            // An announce without offers is shorter than this in every client.
            ("limits.message_bytes", self.message_bytes, 1024),
            ("limits.description_bytes", self.description_bytes, 1024),
            ("limits.torrents_per_socket", self.torrents_per_socket, 1),
            ("limits.torrents", self.torrents, 1),
            ("limits.peers_per_torrent", self.peers_per_torrent, 2),
            ("limits.outbox_bytes", self.outbox_bytes, longest),
            ("limits.outbox_messages", self.outbox_messages, 16),
            (
                "limits.outboxes_bytes",
                self.outboxes_bytes,
                self.outbox_bytes,
            ),
        ] {
            at_least(field, value, least)?;
        }
        self.check_rates()
    }

    fn check_rates(&self) -> Result<(), ConfigError> {
        for (field, value, least) in [
            ("limits.messages_per_second", self.messages_per_second, 1),
            ("limits.message_burst", self.message_burst, 1),
            (
                "limits.messages_per_second_per_ip",
                self.messages_per_second_per_ip,
                1,
            ),
            ("limits.message_burst_per_ip", self.message_burst_per_ip, 1),
            ("limits.bytes_per_second", self.bytes_per_second, 1024),
            ("limits.byte_burst", self.byte_burst, 1024),
            (
                "limits.bytes_per_second_per_ip",
                self.bytes_per_second_per_ip,
                1024,
            ),
            ("limits.byte_burst_per_ip", self.byte_burst_per_ip, 1024),
        ] {
            at_least(field, value.try_into().unwrap_or(usize::MAX), least)?;
        }
        Ok(())
    }
}

impl Bans {
    fn check(&self) -> Result<(), ConfigError> {
        within("bans.within", self.within, SECOND, CENTURY)?;
        within("bans.first", self.first, SECOND, CENTURY)?;
        within("bans.longest", self.longest, self.first, CENTURY)
    }
}

impl Overload {
    fn check(&self) -> Result<(), ConfigError> {
        within("overload.lag", self.lag, MOMENT, DAY)?;
        within("overload.rise", self.rise, Duration::ZERO, DAY)?;
        within("overload.fall", self.fall, Duration::ZERO, DAY)
    }
}

impl Swarm {
    fn check(&self) -> Result<(), ConfigError> {
        at_least("swarm.scrape_torrents", self.scrape_torrents, 1)?;
        // Clients obey whatever they are told; 1 s is for tests, not for use.
        within("swarm.interval", self.interval, SECOND, DAY)?;
        let shortest = self.shortest_interval.unwrap_or(self.interval);
        within("swarm.shortest_interval", shortest, SECOND, self.interval)?;
        let longest = self.longest_interval.unwrap_or(self.interval);
        within("swarm.longest_interval", longest, self.interval, DAY)
    }
}

impl Sockets {
    fn check(&self) -> Result<(), ConfigError> {
        let pings = self.pings_unanswered.try_into().unwrap_or(usize::MAX);
        at_least("sockets.pings_unanswered", pings, 1)?;
        within("sockets.ping_after", self.ping_after, MOMENT, DAY)?;
        within("sockets.ping_jitter", self.ping_jitter, Duration::ZERO, DAY)?;
        within("sockets.write_timeout", self.write_timeout, MOMENT, DAY)?;
        let handshake = self.handshake_timeout;
        within("sockets.handshake_timeout", handshake, MOMENT, DAY)?;
        within("sockets.idle_timeout", self.idle_timeout, MOMENT, DAY)
    }
}

impl Store {
    fn check(&self) -> Result<(), ConfigError> {
        let none = Duration::ZERO;
        within("store.flush_interval", self.flush_interval, MOMENT, DAY)?;
        within("store.busy_timeout", self.busy_timeout, none, DAY)?;
        within("store.away", self.away, none, CENTURY)?;
        within("store.remember_peers", self.remember_peers, none, CENTURY)?;
        let torrents = self.remember_torrents;
        within("store.remember_torrents", torrents, none, CENTURY)
    }
}

fn at_least(field: &'static str, value: usize, least: usize) -> Result<(), ConfigError> {
    if value >= least {
        return Ok(());
    }
    Err(ConfigError::new(
        field,
        format!("is `{value}`"),
        format!("give {least} or more"),
    ))
}

fn within(
    field: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(
        field,
        format!("is `{value:?}`"),
        format!("give a time from {least:?} to {most:?}"),
    ))
}

use std::time::Duration;

use peer::{ChokerConfig, UploadLimits};

use crate::rtc::Transport;

/// How a seeder runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// How browsers reach it.
    pub transport: Transport,
    /// WebSocket trackers (`ws://`, `wss://`) of every torrent, beside its own.
    pub trackers: Vec<String>,
    /// Who is let in and who is served.
    pub choker: ChokerConfig,
    /// How fast content may go. The choker is fitted to it.
    pub upload: UploadLimits,
    /// Offers made to other peers of a torrent when it is announced first or
    /// after the connection to a tracker came back, so that browsers which lost
    /// us need not wait for their next announce. At most 10 are made.
    pub offers: usize,
    /// A connection to a tracker on which nothing was heard for so long, pongs
    /// included, is dead, and another is made. A ping goes out when four tenths
    /// of it are over.
    pub tracker_silence: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transport: Transport::default(),
            trackers: Vec::new(),
            choker: ChokerConfig::default(),
            upload: UploadLimits::default(),
            offers: 4,
            tracker_silence: Duration::from_secs(60),
        }
    }
}

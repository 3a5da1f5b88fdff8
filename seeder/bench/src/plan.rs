use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metainfo::Metainfo;
use tracker_bench::TrackerUrl;

use crate::{BenchError, PathSpec};

/// What leechers to set on which seeder.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the seeder seeds.
    pub metainfo: Arc<Metainfo>,
    /// Where leechers and seeder meet.
    pub meeting: Meeting,
    /// How many leechers of each kind.
    pub crowd: Crowd,
    /// What lies between each leecher and the seeder.
    pub path: PathSpec,
    /// How long the load lasts once all have joined, up to ten minutes.
    pub duration: Duration,
    /// How long joining may take, up to ten minutes.
    pub patience: Duration,
    /// The seeder's process, to see its CPU time and memory; known already if we start it.
    pub pid: Option<u32>,
    /// Whoever asks for this may load a seeder that is not on this machine.
    pub owned: bool,
}

/// Where leechers and seeder meet.
#[derive(Debug, Clone)]
pub enum Meeting {
    /// At a tracker that runs already, as does the seeder.
    Tracker(TrackerUrl),
    /// At a tracker of our own, which hands leechers' offers to seeders alone.
    Own {
        /// Where it listens.
        listen: SocketAddr,
        /// The seeder, to be started: a program and its arguments, in which `{tracker}` stands for
        /// the tracker's URL. If empty, one is waited for.
        command: Vec<String>,
    },
}

/// What a leecher does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Takes all it can get, over and over.
    Greedy,
    /// As greedy, but takes no more than so many bytes a second from its channel.
    Slow {
        /// Bytes a second.
        bytes_per_second: u32,
    },
    /// Asks for all it may and never reads what comes.
    Stalled,
    /// Connects and wants nothing.
    Idle,
    /// Connects, shakes hands, goes, and comes again.
    Churn,
}

/// How many leechers of each kind, 1 to 10 000 in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Crowd {
    /// See [`Behaviour::Greedy`].
    pub greedy: usize,
    /// See [`Behaviour::Slow`].
    pub slow: usize,
    /// What each slow one takes.
    pub slow_bytes_per_second: u32,
    /// See [`Behaviour::Stalled`].
    pub stalled: usize,
    /// See [`Behaviour::Idle`].
    pub idle: usize,
    /// See [`Behaviour::Churn`].
    pub churn: usize,
}

impl Crowd {
    /// One entry a leecher.
    pub(crate) fn members(&self) -> impl Iterator<Item = Behaviour> {
        let slow = Behaviour::Slow {
            bytes_per_second: self.slow_bytes_per_second,
        };
        [
            (Behaviour::Idle, self.idle),
            (Behaviour::Stalled, self.stalled),
            (slow, self.slow),
            (Behaviour::Greedy, self.greedy),
            (Behaviour::Churn, self.churn),
        ]
        .into_iter()
        .flat_map(|(behaviour, count)| std::iter::repeat_n(behaviour, count))
    }
}

impl Plan {
    /// Checks the bounds.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let path = &self.path;
        let bounds = [
            (
                "leechers",
                self.crowd.members().count() as f64,
                1.0,
                10_000.0,
            ),
            (
                "slow-rate",
                f64::from(self.crowd.slow_bytes_per_second.max(1)),
                1.0,
                1e9,
            ),
            ("duration", self.duration.as_secs_f64(), 0.1, 600.0),
            ("patience", self.patience.as_secs_f64(), 0.1, 600.0),
            ("rtt", path.rtt_ms, 0.0, 10_000.0),
            ("loss", path.loss_percent, 0.0, 100.0),
            ("rate", path.mbit_per_second.unwrap_or(1.0), 0.001, 1e6),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(BenchError::OutOfBounds {
                    name,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

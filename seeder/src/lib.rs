//! A seeder: serves files to browsers, peer to peer over WebRTC.
//!
//! The shell round the pure `peer` package: sockets, files, clocks, tasks.
//! Start with [`Seeder`]; [`Event`] and [`Stats`] tell what it does. It never
//! downloads.
//!
//! Inside, a tracker's connection (`tracker`) gets offers, `negotiate` answers
//! them if the choker (`choking`) has a place, [`rtc`] makes a channel of it,
//! and `session` carries bytes between the channel, the peer's session, the
//! choker and the content on disk (`storage`).

mod announce;
mod choking;
mod config;
mod event;
mod negotiate;
pub mod rtc;
mod seeder;
mod session;
mod stats;
mod storage;
mod torrent;
mod tracker;
mod uploads;

pub use config::Config;
pub use event::{EVENT_QUEUE, Event};
pub use peer::{ChokerConfig, Order, Slots, UploadLimits};
pub use seeder::{AddError, Seeder, StartError};
pub use stats::{Stats, TorrentStats, TrackerStats};

//! The tracker's shell: sockets, HTTP and SQLite around the pure [`swarm`] machine.
//!
//! [`start`] gives a [`Tracker`] from a [`Config`]. It accepts a WebSocket on any
//! path that asks for an upgrade; without one it serves the caller's pages,
//! `/healthz`, `/readyz`, `/stats.json`, `/metrics` and the admin API under
//! `/api/v1`. What a client says, and who hears of it, is decided in
//! [`tracker_protocol`] and [`swarm`]; nothing here looks into an offer.
//!
//! `listen` binds, and `accept` makes of a connection the one kind of `stream` that HTTP is
//! spoken on: a PROXY header first, then TLS. Whose connection it is, `proxies` knows.
//! `server` puts actix-web to work and takes a connection out of it at its upgrade,
//! because its buffers and channels cost an idle WebSocket 16 KiB (`upgrade`).
//! `frames` reads and writes what follows. The admin listener, if there is one, is
//! actix-web's own server; its few WebSockets (`admin::events`) are `actix-ws`'s.
//!
//! A message goes from `socket` (one task a connection) through `router` (one
//! mutex round the swarms) into the `outbox` of each receiver; facts that have to
//! survive go to `store`, which writes them behind through `sqlite`.

mod accept;
mod admin;
mod admission;
mod bans;
mod bucket;
mod census;
mod cidr;
mod client;
mod config;
mod event;
mod frames;
mod guests;
mod http;
mod limit;
mod listen;
mod load;
mod metrics;
mod outbox;
mod proxies;
mod router;
mod server;
mod shared;
mod socket;
mod source;
mod sqlite;
mod stats;
mod store;
mod stream;
mod tls;
mod tracker;
mod upgrade;

pub use cidr::{Cidr, CidrError};
pub use config::{
    Bans as BansConfig, Config, ConfigError, Limits, Listen, Overload, Secret, SecretError,
    Sockets, Store as StoreConfig, Swarm as SwarmConfig, TlsFiles,
};
pub use event::Event;
pub use listen::{Address, AddressError};
pub use proxies::{ClientHeader, HeaderError, Proxies, Trusted};
pub use stats::Stats;
pub use tls::TlsError;
pub use tracker::{StartError, StopError, Tracker, start};

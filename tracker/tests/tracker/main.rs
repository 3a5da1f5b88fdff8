//! The tracker over real sockets and files.

mod admin;
mod bans;
mod client;
mod events;
mod limits;
mod listeners;
mod nginx;
mod overload;
mod protocol;
mod proxies;
mod sockets;
mod store;
mod tls;

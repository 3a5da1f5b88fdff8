//! The tracker over real sockets and files.

mod admin;
mod client;
mod events;
mod listeners;
mod nginx;

mod protocol;
mod proxies;
mod sockets;
mod store;
mod tls;

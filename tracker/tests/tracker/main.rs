//! The tracker over real sockets and files.

mod admin;
mod answers;
mod bans;
mod chaos;
mod client;
mod doors;
mod events;
mod limits;
mod listeners;
mod nginx;
mod overload;
mod protocol;
mod proxies;
mod random;
mod sockets;
mod store;
mod tls;

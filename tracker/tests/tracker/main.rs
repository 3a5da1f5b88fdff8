//! The tracker over real sockets and files.

mod admin;
mod client;
mod events;
mod protocol;
mod sockets;
mod store;
mod tls;

//! Addresses on the command line.

use std::net::SocketAddr;

/// Reads an address to listen on.
///
/// # Errors
/// A sentence that says what an address looks like.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(
        |_| "give an IP address and a port, such as `127.0.0.1:8080`, `0.0.0.0:8080` or `[::]:8080`",
    )
}

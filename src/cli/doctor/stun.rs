//! How a UDP socket looks from outside: one STUN binding request (RFC 8489).

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use rand::RngExt;
use seeder::rtc::{binding_request, mapped_address};

/// Requests go out after these pauses: UDP loses some (RFC 8489 §6.2.1).
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Asks `server` (`HOST:PORT`) how it sees `socket`.
///
/// # Errors
/// When the name is not found, nothing comes back in 4.5 s, or the socket fails.
pub(super) fn mapped(socket: &UdpSocket, server: &str) -> io::Result<SocketAddr> {
    let ipv4 = socket.local_addr()?.is_ipv4();
    let server = server
        .to_socket_addrs()?
        .find(|addr| addr.is_ipv4() == ipv4)
        .ok_or_else(|| io::Error::other("it has no address of this socket's family"))?;
    let transaction = rand::rng().random();
    let mut datagram = [0; 1500];
    for patience in PATIENCE {
        socket.send_to(&binding_request(transaction), server)?;
        socket.set_read_timeout(Some(patience))?;
        match socket.recv_from(&mut datagram) {
            Ok((length, from)) if from == server => {
                let response = datagram.get(..length).unwrap_or_default();
                if let Some(address) = mapped_address(response, transaction) {
                    return Ok(address);
                }
            }
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "it does not answer",
    ))
}

//! The servers that tell us where we are, or pass things on: the endpoint's view
//! of STUN and TURN. Pure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::outside::Outside;
use super::path::{Path, Via};
use super::reflexive::Reflexive;
use super::relay::Relay;
use super::{Transport, Turn};

/// Requests made until a server is given up, and the pauses after each (RFC 8489
/// §6.2.1): 0.5, 1, 2, 4 and 8 s.
pub(super) const TRIES: u32 = 5;

/// Between two questions to a server. Some routers forget a mapping after 30 s;
/// RFC 4787 §4.3 wants two minutes.
pub(super) const PERIOD: Duration = Duration::from_secs(20);

/// The pause after the request that comes after so many.
pub(super) fn patience(tries: u32) -> Duration {
    Duration::from_millis(500) * (1 << tries.min(TRIES - 1))
}

/// The servers, if there are any.
pub(super) struct Servers {
    reflexive: Option<Reflexive>,
    relay: Option<Relay>,
    outside: watch::Sender<Outside>,
}

impl Servers {
    pub(super) fn new(now: Instant, transport: &Transport) -> (Self, watch::Receiver<Outside>) {
        let (outside, told) = watch::channel(Outside::default());
        let relay = |turn: &Turn| Relay::new(now, turn.clone());
        let servers = Self {
            reflexive: transport.stun.map(|stun| Reflexive::new(now, stun)),
            relay: transport.turn.as_ref().map(relay),
            outside,
        };
        servers.tell();
        (servers, told)
    }

    /// When to call [`Servers::advance`] next.
    pub(super) fn wake(&self) -> Option<Instant> {
        let reflexive = self.reflexive.as_ref().map(|stun| stun.wake);
        let relay = self.relay.as_ref().map(|relay| relay.wake);
        reflexive.into_iter().chain(relay).min()
    }

    /// Does what is due; `send` gets what goes to which server.
    pub(super) fn advance(&mut self, now: Instant, mut send: impl FnMut(SocketAddr, &[u8])) {
        if self.wake().is_none_or(|at| at > now) {
            return;
        }
        if let Some(stun) = &mut self.reflexive
            && let Some(request) = stun.advance(now)
        {
            send(stun.server, &request);
        }
        if let Some(relay) = &mut self.relay
            && let Some(request) = relay.advance(now)
        {
            send(relay.server(), &request);
        }
        self.tell();
    }

    /// Gives the relay back.
    pub(super) fn release(&mut self, now: Instant, send: impl FnOnce(SocketAddr, &[u8])) {
        if let Some(relay) = &mut self.relay
            && let Some(request) = relay.release(now)
        {
            send(relay.server(), &request);
        }
        self.tell();
    }

    /// Takes a datagram off the socket; returns a peer's, with its way.
    pub(super) fn receive<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<(Path, &'a [u8])> {
        if let Some(stun) = &mut self.reflexive
            && from == stun.server
            && stun.receive(now, datagram)
        {
            self.tell();
            return None;
        }
        match &mut self.relay {
            Some(relay) if from == relay.server() => {
                let Some((remote, data)) = relay.receive(now, datagram) else {
                    self.tell();
                    return None;
                };
                let via = Via::Relay;
                Some((Path { via, remote }, data))
            }
            _ => Some((Path::direct(from), datagram)),
        }
    }

    /// Sends a datagram by the relay.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        to: SocketAddr,
        datagram: &[u8],
        mut send: impl FnMut(SocketAddr, &[u8]),
    ) {
        if let Some(relay) = &mut self.relay {
            let server = relay.server();
            relay.send(now, to, datagram, |message| send(server, message));
        }
    }

    fn tell(&self) {
        let (stun, relay) = (self.reflexive.as_ref(), self.relay.as_ref());
        let outside = Outside {
            mapped: stun.and_then(|stun| stun.mapped),
            relayed: relay.and_then(|relay| relay.relayed),
            settled: stun.is_none_or(|stun| stun.settled)
                && relay.is_none_or(|relay| relay.settled),
        };
        self.outside.send_if_modified(|told| {
            let is_new = *told != outside;
            *told = outside;
            is_new
        });
    }
}

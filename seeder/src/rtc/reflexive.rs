//! How the endpoint's socket looks from outside: a STUN server is asked, and
//! asked again, which keeps the router's mapping alive (RFC 8489 §7). Pure.

use std::net::SocketAddr;
use std::time::Instant;

use super::message::{self, BINDING, Message, SUCCESS};
use super::servers::{PERIOD, TRIES, patience};
use super::stun::Transaction;

/// A STUN server.
pub(super) struct Reflexive {
    pub(super) server: SocketAddr,
    /// The address of ours that it sees.
    pub(super) mapped: Option<SocketAddr>,
    /// Whether it has answered or been given up once.
    pub(super) settled: bool,
    transaction: Transaction,
    tries: u32,
    pub(super) wake: Instant,
}

impl Reflexive {
    pub(super) fn new(now: Instant, server: SocketAddr) -> Self {
        Self {
            server,
            mapped: None,
            settled: false,
            transaction: Transaction::default(),
            tries: 0,
            wake: now,
        }
    }

    /// Does what is due; returns what to send.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.wake {
            return None;
        }
        if self.tries == TRIES {
            tracing::warn!(server = %self.server, "the STUN server does not answer");
            (self.mapped, self.settled) = (None, true);
            (self.tries, self.wake) = (0, now + PERIOD);
            return None;
        }
        if self.tries == 0 {
            self.transaction = rand::random();
        }
        self.wake = now + patience(self.tries);
        self.tries += 1;
        Some(Message::new(BINDING, self.transaction).into_bytes())
    }

    /// Takes a datagram of the server; returns whether it is an answer.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let is_answer = self.tries > 0
            && message::head(datagram) == Some((BINDING | SUCCESS, self.transaction));
        if is_answer {
            let mapped = message::mapped_address(datagram);
            if mapped != self.mapped {
                tracing::info!(server = %self.server, ?mapped, "seen from outside");
            }
            (self.mapped, self.settled) = (mapped, true);
            (self.tries, self.wake) = (0, now + PERIOD);
        }
        is_answer
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::XOR_MAPPED_ADDRESS;
    use super::super::stun;
    use super::*;

    #[test]
    fn a_server_is_asked_until_it_answers_and_then_now_and_again() {
        let now = Instant::now();
        let ours: SocketAddr = "198.51.100.1:4000".parse().expect("an address");
        let mut stun = Reflexive::new(now, "192.0.2.1:3478".parse().expect("an address"));
        let first = stun.advance(now).expect("a request");
        assert_eq!(stun.advance(now), None);
        assert_eq!(stun.advance(stun.wake), Some(first.clone()));
        let asked = stun::transaction(&first).expect("a transaction");
        let answer = |transaction| {
            let message = Message::new(BINDING | SUCCESS, transaction);
            message.with_address(XOR_MAPPED_ADDRESS, ours).into_bytes()
        };
        assert!(!stun.receive(now, &answer([1; 12])));
        assert!(stun.receive(now, &answer(asked)));
        assert_eq!((stun.mapped, stun.settled), (Some(ours), true));
        assert!(!stun.receive(now, &answer(asked)));
        assert_eq!(stun.wake, now + PERIOD);
        assert_ne!(stun.advance(stun.wake), Some(first));
    }

    #[test]
    fn an_address_is_forgotten_when_the_server_is_gone() {
        let mut stun = Reflexive::new(
            Instant::now(),
            "192.0.2.1:3478".parse().expect("an address"),
        );
        stun.mapped = Some(stun.server);
        let asked = (0..100).take_while(|_| stun.advance(stun.wake).is_some());
        assert_eq!(asked.count(), TRIES as usize);
        assert_eq!((stun.mapped, stun.settled), (None, true));
        assert!(stun.advance(stun.wake).is_some());
    }
}

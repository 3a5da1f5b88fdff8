//! A relay on a TURN server (RFC 8656), by UDP. Pure.
//!
//! For two peers behind routers that give each destination another port: neither
//! can be found by the other, but both find the server.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::grants::{Answer, Ask, Grants};
use super::message::{
    self, ALLOCATE, CHANNEL_BIND, CHANNEL_NUMBER, CREATE_PERMISSION, DATA, DATA_INDICATION, ERROR,
    LIFETIME, LoginKey, Message, NONCE, REALM, REFRESH, REQUESTED_TRANSPORT, SEND_INDICATION,
    SUCCESS, USERNAME, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use super::reach::Reach;
use super::servers::{PERIOD, TRIES, patience};
use super::stun::{self, Transaction};

/// REQUESTED-TRANSPORT: UDP.
const UDP: [u8; 4] = [17, 0, 0, 0];

/// How long until a server that refused, or did not answer, is asked again.
const PAUSE: Duration = Duration::from_secs(30);

/// The shortest time between two refreshes. Half of what the server says that an
/// allocation lasts would do, minutes mostly, but routers forget us sooner.
const MIN_REFRESH: Duration = Duration::from_secs(5);

/// How often in a row it may name another nonce, or have an allocation in the way.
const MAX_CHALLENGES: u32 = 3;

/// A TURN server, and who we are to it.
#[derive(Clone)]
pub struct Turn {
    /// Its UDP address.
    pub server: SocketAddr,
    /// The long-term credential's name (RFC 8489 §9.2).
    pub user: String,
    /// And its password.
    pub password: String,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({} at {})", self.user, self.server)
    }
}

/// What is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Allocate,
    Refresh,
    /// An allocation of an earlier run on our port is in the way.
    Clear,
    /// We go.
    Release,
}

#[derive(Debug)]
struct Login {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: LoginKey,
}

/// The relay.
pub(super) struct Relay {
    turn: Turn,
    login: Option<Login>,
    step: Step,
    transaction: Transaction,
    tries: u32,
    challenges: u32,
    /// The address that others send to, while we have one.
    pub(super) relayed: Option<SocketAddr>,
    /// Whether it has been granted or refused once.
    pub(super) settled: bool,
    grants: Grants,
    pub(super) wake: Instant,
}

impl Relay {
    pub(super) fn new(now: Instant, turn: Turn) -> Self {
        Self {
            turn,
            login: None,
            step: Step::Allocate,
            transaction: Transaction::default(),
            tries: 0,
            challenges: 0,
            relayed: None,
            settled: false,
            grants: Grants::default(),
            wake: now,
        }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.turn.server
    }

    /// Does what is due; returns what to send.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.wake {
            return None;
        }
        if self.tries == TRIES {
            self.give_up(now, "it does not answer");
            return None;
        }
        if self.tries == 0 {
            self.transaction = rand::random();
        }
        self.wake = now + patience(self.tries);
        self.tries += 1;
        let request = |method| self.request(method, self.transaction);
        Some(self.finish(match self.step {
            Step::Allocate => request(ALLOCATE).with(REQUESTED_TRANSPORT, &UDP),
            Step::Refresh => request(REFRESH),
            Step::Clear | Step::Release => request(REFRESH).with(LIFETIME, &[0; 4]),
        }))
    }

    /// Gives the relay back; returns what to send.
    pub(super) fn release(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.relayed.take()?;
        self.begin(now, Step::Release);
        self.advance(now)
    }

    /// Wraps a datagram for `to`; `send` gets what goes to the server.
    pub(super) fn send(
        &mut self,
        now: Instant,
        to: SocketAddr,
        datagram: &[u8],
        mut send: impl FnMut(&[u8]),
    ) {
        // From where the server is, private networks are out of reach mostly, and
        // not ours to knock at.
        let reach = self.relayed.map(|relayed| Reach::of(&[relayed]));
        if !reach.is_some_and(|reach| reach.includes(to.ip())) {
            return;
        }
        // A check may go where nobody is; channels are for those who are there.
        let (channel, ask) = if stun::class(datagram).is_some() {
            let Ok(ask) = self.grants.permit(now, to) else {
                tracing::debug!(%to, "the relay has no room for another host");
                return;
            };
            (None, ask)
        } else {
            self.grants.bind(now, to)
        };
        if let Some(ask) = ask {
            send(&self.finish(self.ask(ask)));
        }
        if let (Some(channel), Ok(length)) = (channel, u16::try_from(datagram.len())) {
            send(&[&channel.to_be_bytes()[..], &length.to_be_bytes(), datagram].concat());
        } else {
            let message = Message::new(SEND_INDICATION, rand::random())
                .with_address(XOR_PEER_ADDRESS, to)
                .with(DATA, datagram);
            send(&message.into_bytes());
        }
    }

    /// Takes a datagram of the server; returns a peer's, if it holds one.
    pub(super) fn receive<'a>(
        &mut self,
        now: Instant,
        datagram: &'a [u8],
    ) -> Option<(SocketAddr, &'a [u8])> {
        if let Some((&[high, low, more, less], data)) = datagram.split_first_chunk::<4>()
            && high & 0xc0 == 0x40
        {
            let length = usize::from(u16::from_be_bytes([more, less]));
            let peer = self.grants.peer_of(u16::from_be_bytes([high, low]))?;
            return Some((peer, data.get(..length)?));
        }
        let (kind, transaction) = message::head(datagram)?;
        if kind == DATA_INDICATION {
            let peer = message::address(datagram, XOR_PEER_ADDRESS)?;
            return Some((peer, stun::attribute(datagram, DATA)?));
        }
        let is_step = self.tries > 0 && transaction == self.transaction;
        if !is_step && !self.grants.has_asked(transaction) {
            return None;
        }
        match kind & ERROR {
            SUCCESS if !self.is_authentic(datagram) => {}
            SUCCESS if is_step => self.granted(now, datagram),
            SUCCESS => self.grants.answered(now, transaction, Answer::Granted),
            ERROR => {
                let (code, reason) = message::error(datagram)?;
                let challenged = self.challenge(code, datagram);
                if is_step {
                    self.refused(now, code, reason, challenged);
                } else if code == 437 {
                    self.lose();
                    self.begin(now, Step::Allocate);
                } else {
                    tracing::debug!(code, reason, "the relay does not let a host through");
                    let answer = if challenged {
                        Answer::AskAgain
                    } else {
                        Answer::Refused
                    };
                    self.grants.answered(now, transaction, answer);
                }
            }
            _ => {}
        }
        None
    }

    fn is_authentic(&self, datagram: &[u8]) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|login| message::is_signed(datagram, &login.key))
    }

    fn granted(&mut self, now: Instant, datagram: &[u8]) {
        match self.step {
            Step::Allocate => {
                self.relayed = message::address(datagram, XOR_RELAYED_ADDRESS);
                let relayed = self.relayed.map(|address| address.to_string());
                tracing::info!(server = %self.turn.server, relayed, "relayed");
            }
            Step::Refresh => {}
            Step::Clear => return self.begin(now, Step::Allocate),
            Step::Release => return self.begin(now + PAUSE, Step::Allocate),
        }
        (self.settled, self.challenges) = (true, 0);
        let lifetime = message::seconds(datagram, LIFETIME).unwrap_or_default();
        let next = Duration::from_secs(u64::from(lifetime / 2)).clamp(MIN_REFRESH, PERIOD);
        self.begin(now + next, Step::Refresh);
    }

    /// Takes a new nonce; returns whether to ask again with it.
    fn challenge(&mut self, code: u16, datagram: &[u8]) -> bool {
        let is_first = code == 401 && self.login.is_none();
        let nonce = stun::attribute(datagram, NONCE).filter(|_| is_first || code == 438);
        let (Some(nonce), true) = (nonce, self.challenges < MAX_CHALLENGES) else {
            return false;
        };
        if let Some(realm) = stun::attribute(datagram, REALM).filter(|_| is_first) {
            self.login = Some(Login {
                realm: realm.to_vec(),
                nonce: nonce.to_vec(),
                key: message::login_key(&self.turn.user, realm, &self.turn.password),
            });
        } else if let Some(login) = &mut self.login {
            login.nonce = nonce.to_vec();
        }
        true
    }

    fn refused(&mut self, now: Instant, code: u16, reason: &str, challenged: bool) {
        if challenged {
            self.challenges += 1;
            return self.begin(now, self.step);
        }
        match (self.step, code) {
            // Allocation Mismatch (RFC 8656 §7.2): there is one, or there is none.
            (Step::Allocate, 437) if self.challenges < MAX_CHALLENGES => {
                self.challenges += 1;
                self.begin(now, Step::Clear);
            }
            (Step::Clear, _) => self.begin(now + PAUSE, Step::Allocate),
            (Step::Refresh, 437) => {
                self.lose();
                self.begin(now, Step::Allocate);
            }
            _ => self.give_up(now, &format!("{code} {reason}")),
        }
    }

    fn begin(&mut self, at: Instant, step: Step) {
        (self.step, self.tries, self.wake) = (step, 0, at);
    }

    fn lose(&mut self) {
        self.relayed = None;
        self.grants = Grants::default();
    }

    fn give_up(&mut self, now: Instant, why: &str) {
        tracing::warn!(server = %self.turn.server, why, "the TURN server does not relay");
        self.lose();
        (self.login, self.challenges, self.settled) = (None, 0, true);
        self.begin(now + PAUSE, Step::Allocate);
    }

    fn ask(&self, ask: Ask) -> Message {
        match ask.channel {
            None => self.request(CREATE_PERMISSION, ask.transaction),
            Some(channel) => {
                let [high, low] = channel.to_be_bytes();
                self.request(CHANNEL_BIND, ask.transaction)
                    .with(CHANNEL_NUMBER, &[high, low, 0, 0])
            }
        }
        .with_address(XOR_PEER_ADDRESS, ask.peer)
    }

    /// A request that says who we are, once the server has said what it wants to know.
    fn request(&self, method: u16, transaction: Transaction) -> Message {
        let message = Message::new(method, transaction);
        match &self.login {
            None => message,
            Some(login) => message
                .with(USERNAME, self.turn.user.as_bytes())
                .with(REALM, &login.realm)
                .with(NONCE, &login.nonce),
        }
    }

    fn finish(&self, message: Message) -> Vec<u8> {
        match &self.login {
            None => message.into_bytes(),
            Some(login) => message.signed(&login.key),
        }
    }
}

#[cfg(test)]
mod tests;

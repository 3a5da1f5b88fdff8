//! Whom the relay lets through, and by which channel (RFC 8656 §9, §12). Pure.
//!
//! Asked for when there is something to send, and again while there is: what
//! nobody uses runs out on the server by itself.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::stun::Transaction;

/// Hosts let through at a time. When it is full, checks to others are not sent.
const MAX_PERMISSIONS: usize = 1024;

/// Channels (RFC 8656 §12). When all are taken, datagrams go the longer way.
const FIRST_CHANNEL: u16 = 0x4000;
const MAX_CHANNELS: u16 = 0x1000;

/// A permission lasts 5 minutes, a channel 10, and binding it permits, too.
const RENEW: Duration = Duration::from_secs(4 * 60);
const PERMITTED: Duration = Duration::from_secs(5 * 60);
const BOUND: Duration = Duration::from_secs(10 * 60);

/// A channel's number is not to be another's for 5 minutes after its end.
const FREE_AGAIN: Duration = Duration::from_secs(15 * 60);

/// Until an unanswered request is made again, and one that was refused.
const PATIENCE: Duration = Duration::from_millis(500);
const REFUSED: Duration = Duration::from_secs(60);

/// What to ask the server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) transaction: Transaction,
    pub(super) peer: SocketAddr,
    /// `None` asks for a permission alone.
    pub(super) channel: Option<u16>,
}

#[derive(Debug)]
struct Grant {
    /// That of the request that waits for its answer.
    transaction: Option<Transaction>,
    asked: Instant,
    /// When to ask again.
    again: Instant,
    until: Option<Instant>,
}

impl Grant {
    /// Asks, if it is time to.
    fn ask(&mut self, now: Instant) -> Option<Transaction> {
        if now < self.again {
            return None;
        }
        (self.asked, self.again) = (now, now + PATIENCE);
        self.transaction = Some(rand::random());
        self.transaction
    }

    fn new(now: Instant) -> Self {
        Self {
            transaction: None,
            asked: now,
            again: now,
            until: None,
        }
    }
}

/// Permissions and channels.
#[derive(Debug, Default)]
pub(super) struct Grants {
    permissions: HashMap<IpAddr, Grant>,
    channels: HashMap<SocketAddr, (u16, Grant)>,
    peers: HashMap<u16, SocketAddr>,
    next: u16,
}

impl Grants {
    /// Before something goes to `peer`: what to ask for, or `None` when nothing is
    /// to be asked. An error when there is no room for another.
    pub(super) fn permit(&mut self, now: Instant, peer: SocketAddr) -> Result<Option<Ask>, Full> {
        if self.permissions.len() >= MAX_PERMISSIONS && !self.permissions.contains_key(&peer.ip()) {
            self.permissions
                .retain(|_, grant| now < grant.asked + PERMITTED);
            if self.permissions.len() >= MAX_PERMISSIONS {
                return Err(Full);
            }
        }
        let grant = self.permissions.entry(peer.ip());
        let asked = grant.or_insert_with(|| Grant::new(now)).ask(now);
        Ok(asked.map(|transaction| Ask {
            transaction,
            peer,
            channel: None,
        }))
    }

    /// Before content goes to `peer`: its channel, if it is bound, and what to ask for.
    pub(super) fn bind(&mut self, now: Instant, peer: SocketAddr) -> (Option<u16>, Option<Ask>) {
        if !self.channels.contains_key(&peer) {
            let Some(number) = self.free_channel(now) else {
                return (None, None);
            };
            self.channels.insert(peer, (number, Grant::new(now)));
            self.peers.insert(number, peer);
        }
        let Some((number, grant)) = self.channels.get_mut(&peer) else {
            return (None, None);
        };
        let bound = grant.until.is_some_and(|until| now < until);
        let ask = grant.ask(now).map(|transaction| Ask {
            transaction,
            peer,
            channel: Some(*number),
        });
        (bound.then_some(*number), ask)
    }

    fn free_channel(&mut self, now: Instant) -> Option<u16> {
        if self.channels.len() >= usize::from(MAX_CHANNELS) {
            let peers = &mut self.peers;
            self.channels.retain(|_, (number, grant)| {
                let stays = now < grant.asked + FREE_AGAIN;
                if !stays {
                    peers.remove(number);
                }
                stays
            });
        }
        for _ in 0..MAX_CHANNELS {
            let number = FIRST_CHANNEL + self.next;
            self.next = (self.next + 1) % MAX_CHANNELS;
            if !self.peers.contains_key(&number) {
                return Some(number);
            }
        }
        None
    }

    /// Whose channel it is.
    pub(super) fn peer_of(&self, channel: u16) -> Option<SocketAddr> {
        self.peers.get(&channel).copied()
    }

    /// Whether it was asked for by this transaction.
    pub(super) fn has_asked(&self, transaction: Transaction) -> bool {
        let channels = self.channels.values().map(|(_, grant)| grant);
        self.permissions
            .values()
            .chain(channels)
            .any(|grant| grant.transaction == Some(transaction))
    }

    /// Takes the answer to a transaction.
    pub(super) fn answered(&mut self, now: Instant, transaction: Transaction, answer: Answer) {
        let permissions = self
            .permissions
            .values_mut()
            .map(|grant| (grant, PERMITTED));
        let channels = self.channels.values_mut().map(|(_, grant)| (grant, BOUND));
        for (grant, lasts) in permissions.chain(channels) {
            if grant.transaction == Some(transaction) {
                match answer {
                    Answer::Granted => {
                        grant.until = Some(grant.asked + lasts);
                        grant.again = now + RENEW;
                    }
                    Answer::AskAgain => grant.again = now,
                    Answer::Refused => {
                        grant.until = None;
                        grant.again = now + REFUSED;
                    }
                }
                grant.transaction = None;
                return;
            }
        }
    }
}

/// There is no room for another permission.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Granted,
    /// With another nonce.
    AskAgain,
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: u16, port: u16) -> SocketAddr {
        let [high, low] = host.to_be_bytes();
        SocketAddr::new([10, 0, high, low].into(), port)
    }

    #[test]
    fn a_permission_is_asked_for_once_a_host_and_again_before_it_ends() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let ask = grants
            .permit(now, peer(1, 1))
            .expect("room")
            .expect("the first");
        assert_eq!((ask.peer, ask.channel), (peer(1, 1), None));
        assert_eq!(grants.permit(now, peer(1, 2)), Ok(None));
        let late = now + PATIENCE;
        let again = grants
            .permit(late, peer(1, 2))
            .expect("room")
            .expect("unanswered");
        assert!(grants.has_asked(again.transaction) && !grants.has_asked(ask.transaction));
        grants.answered(late, again.transaction, Answer::Granted);
        assert_eq!(grants.permit(late + RENEW / 2, peer(1, 1)), Ok(None));
        assert!(matches!(
            grants.permit(late + RENEW, peer(1, 1)),
            Ok(Some(_))
        ));
    }

    #[test]
    fn a_channel_is_used_once_it_is_bound_and_until_it_ends() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let (None, Some(ask)) = grants.bind(now, peer(1, 1)) else {
            panic!("nothing is bound yet");
        };
        assert_eq!(ask.channel, Some(FIRST_CHANNEL));
        assert_eq!(grants.bind(now, peer(1, 1)), (None, None));
        grants.answered(now, ask.transaction, Answer::Granted);
        assert_eq!(grants.bind(now, peer(1, 1)), (Some(FIRST_CHANNEL), None));
        assert_eq!(grants.peer_of(FIRST_CHANNEL), Some(peer(1, 1)));
        let (bound, renewal) = grants.bind(now + RENEW, peer(1, 1));
        assert_eq!(bound, Some(FIRST_CHANNEL));
        assert!(renewal.is_some());
        assert_eq!(grants.bind(now + BOUND, peer(1, 1)).0, None);
    }

    #[test]
    fn what_is_refused_is_asked_for_rarely_and_with_a_stale_nonce_at_once() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let ask = grants
            .permit(now, peer(1, 1))
            .expect("room")
            .expect("the first");
        grants.answered(now, ask.transaction, Answer::AskAgain);
        let ask = grants
            .permit(now, peer(1, 1))
            .expect("room")
            .expect("another");
        grants.answered(now, ask.transaction, Answer::Refused);
        assert_eq!(grants.permit(now + REFUSED / 2, peer(1, 1)), Ok(None));
        assert!(matches!(
            grants.permit(now + REFUSED, peer(1, 1)),
            Ok(Some(_))
        ));
    }

    #[test]
    fn both_are_bounded_and_what_ran_out_makes_room() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        for host in 0..2000 {
            let room = grants.permit(now, peer(host, 1)).is_ok();
            assert_eq!(room, usize::from(host) < MAX_PERMISSIONS);
        }
        assert!(grants.permit(now + PERMITTED, peer(5000, 1)).is_ok());
        assert_eq!(grants.permissions.len(), 1);
        for port in 1..=MAX_CHANNELS {
            assert!(grants.bind(now, peer(1, port)).1.is_some());
        }
        assert_eq!(grants.bind(now, peer(2, 1)), (None, None));
        let (_, ask) = grants.bind(now + FREE_AGAIN, peer(2, 1));
        let number = ask.and_then(|ask| ask.channel).expect("a channel");
        assert_eq!((grants.channels.len(), grants.peers.len()), (1, 1));
        assert_eq!(grants.peer_of(number), Some(peer(2, 1)));
    }
}

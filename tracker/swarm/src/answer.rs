//! Answers: from a peer that was given an offer to the peer that made it, once and in time.

use std::time::Instant;

use rand::Rng;
use tracker_protocol::{Answer, RelayedAnswer, ServerMessage};

use crate::entry::Key;
use crate::{Class, ConnectionId, Output, Refusal, Swarms};

impl<R: Rng> Swarms<R> {
    pub(crate) fn answer(&mut self, now: Instant, from: ConnectionId, answer: Answer<'_>) {
        match self.settle(now, from, &answer) {
            Err(refusal) => self.output(Output::AnswerRefused { from, refusal }),
            Ok(to) => {
                let answer = answer.into_owned();
                let relayed = RelayedAnswer {
                    info_hash: answer.info_hash,
                    peer_id: answer.peer_id,
                    offer_id: answer.offer_id,
                    answer: answer.answer,
                };
                self.send(to, Class::Answer, ServerMessage::Answer(relayed));
            }
        }
    }

    /// Finds the connection that owns the offer. Any answer of an entry's owner is a sign of life,
    /// whatever becomes of it, and tells nothing of the peer's role.
    fn settle(
        &mut self,
        now: Instant,
        from: ConnectionId,
        answer: &Answer<'_>,
    ) -> Result<ConnectionId, Refusal> {
        let answerer = Key {
            peer_id: answer.peer_id,
            connection: from,
        };
        let known = self.numbers.get(&answer.info_hash);
        let number = known.and_then(|swarm| self.entries.find(*swarm, answerer));
        let number = number.ok_or(Refusal::NotInSwarm)?;
        let tick = self.tick(now);
        let entry = &mut self.entries.slab[number];
        entry.last_seen = tick;
        let (place, to) = self.offerer(number, answer).ok_or(Refusal::NotOffered)?;
        let entry = &mut self.entries.slab[number];
        let swarm = &mut self.swarms[entry.swarm];
        let is_in_time = entry.settle(tick, place);
        swarm.members.sort(&mut self.entries.slab, number);
        if !is_in_time {
            return Err(Refusal::Late);
        }
        swarm.offers_answered += 1;
        to.ok_or(Refusal::OffererGone)
    }

    /// Finds the offer that is answered among those the peer was given, and the connection of the
    /// peer that made it. Of one that has left no name is known: its offer is the first of that name.
    fn offerer(&self, number: u32, answer: &Answer<'_>) -> Option<(usize, Option<ConnectionId>)> {
        let mut gone = None;
        for (place, ticket) in self.entries.slab[number].offerers(&answer.offer_id) {
            match self.entries.with_ticket(ticket) {
                Some(offerer) if offerer.peer_id == answer.to_peer_id => {
                    return Some((place, Some(offerer.connection)));
                }
                Some(_) => {}
                None => gone = gone.or(Some((place, None))),
            }
        }
        gone
    }
}

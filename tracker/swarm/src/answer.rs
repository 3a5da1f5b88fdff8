//! Answers: from a peer that was given an offer to the peer that made it, once and in time.

use std::time::Instant;

use rand::Rng;
use tracker_protocol::{Answer, RelayedAnswer, ServerMessage};

use crate::swarm::{Key, Owed};
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
        let swarm = self
            .swarms
            .get_mut(&answer.info_hash)
            .ok_or(Refusal::NotInSwarm)?;
        let entry = swarm.entry_mut(answerer).ok_or(Refusal::NotInSwarm)?;
        entry.last_seen = now;
        let was_willing = entry.is_willing();
        let owed = entry.settle(now, answer.to_peer_id, &answer.offer_id);
        if entry.is_willing() != was_willing {
            swarm.sort(answerer);
        }
        swarm.offers_answered += u64::from(matches!(owed, Owed::To(_)));
        match owed {
            Owed::To(offerer) if swarm.contains(offerer) => Ok(offerer.connection),
            Owed::To(_) => Err(Refusal::OffererGone),
            Owed::Late => Err(Refusal::Late),
            Owed::Nothing => Err(Refusal::NotOffered),
        }
    }
}

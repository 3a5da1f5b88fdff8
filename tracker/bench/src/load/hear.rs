//! What clients do with a message: check it against what is owed, and answer offers at once.

use std::time::Instant;

use super::{Load, who};
use crate::ledger::Verdict;
use crate::scan::{Relay, Told, scan};

impl Load {
    pub(super) fn hear(&mut self, slot: usize, message: &[u8], now: Instant) {
        match scan(message) {
            Some(Told::Response { info_hash }) => {
                let torrent = self.connections[slot].torrent;
                if info_hash != self.templates.salt.torrent(torrent) {
                    self.tally.misdirected += 1;
                    return;
                }
                self.hear_response(slot, now);
            }
            Some(Told::Relay {
                kind,
                info_hash,
                peer_id,
                offer_id,
                sdp,
            }) => {
                let torrent = self.connections[slot].torrent;
                let known = self.templates.salt.offer_of(&offer_id);
                match known {
                    Some((from, offer)) if info_hash == self.templates.salt.torrent(torrent) => {
                        self.hear_relay(slot, kind, (from as usize, offer), peer_id, sdp);
                    }
                    _ => self.tally.misdirected += 1,
                }
            }
            Some(Told::Failure { reason }) => {
                self.tally.failures += 1;
                self.complain(|| format!("the tracker refuses: {}", reason.escape_ascii()));
            }
            None => {
                self.tally.strange += 1;
                let start = &message[..message.len().min(200)];
                self.complain(|| format!("the tracker says `{}`", start.escape_ascii()));
            }
        }
    }

    fn hear_response(&mut self, slot: usize, now: Instant) {
        self.tally.responses += 1;
        match self.connections[slot].owed.pop_front() {
            Some(Some(due)) => self.latency.record(now.saturating_duration_since(due)),
            Some(None) => return,
            None => {
                self.tally.strange += 1;
                return self.complain(|| "a response came that nobody waits for".into());
            }
        }
        if self.again_until.is_some_and(|until| now < until) {
            self.stamp_announce(slot, now);
        } else {
            self.turns.served.push(slot);
        }
    }

    fn hear_relay(
        &mut self,
        slot: usize,
        kind: Relay,
        (from, offer): (usize, u32),
        peer_id: [u8; 20],
        sdp: &[u8],
    ) {
        let (torrent, peer) = (self.connections[slot].torrent, self.connections[slot].peer);
        let verdict = match kind {
            Relay::Offer => match self.connections.get(from) {
                Some(sender)
                    if from != slot
                        && sender.torrent == torrent
                        && self.templates.salt.peer(sender.peer) == peer_id =>
                {
                    self.ledger.offered(from, offer)
                }
                _ => Verdict::Unknown,
            },
            Relay::Answer if from == slot => self.ledger.answered(from, offer),
            Relay::Answer => Verdict::Unknown,
        };
        match (verdict, kind) {
            (Verdict::Unknown, _) => return self.tally.misdirected += 1,
            (Verdict::Again, _) => return self.tally.duplicates += 1,
            (Verdict::First, Relay::Offer) => self.tally.offers += 1,
            (Verdict::First, Relay::Answer) => self.tally.answers += 1,
        }
        let sent = match kind {
            Relay::Offer => self.templates.offer_sdp(offer),
            Relay::Answer => self.templates.answer_sdp(offer),
        };
        self.tally.altered += u64::from(sdp != sent);
        if kind == Relay::Offer {
            let to = who(&self.connections, from);
            self.templates
                .answer(torrent, peer, to, offer, &mut self.out);
            self.tally.answers_due += 1;
            self.tally.responses_due += u64::from(self.responds_to_answers);
            if self.responds_to_answers {
                self.connections[slot].owed.push_back(None);
            }
        }
    }
}

//! What the shell knows of connections and peers are chosen by.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::{ConnectionId, Swarms};

/// Time for which a connection that took nothing in is chosen last.
const CONGESTED_FOR: Duration = Duration::from_secs(10);

impl<R: Rng> Swarms<R> {
    /// Chooses the entries of a connection last for a while.
    pub(crate) fn congested(&mut self, now: Instant, connection: ConnectionId) {
        if self.entries.count_of(connection) == 0 {
            return;
        }
        let until = now + CONGESTED_FOR;
        match self.congested.insert(connection, until) {
            Some(before) => {
                self.reliefs.remove(&(before, connection));
            }
            None => self.mark(connection, true),
        }
        self.reliefs.insert((until, connection));
    }

    /// Ends the times of congestion that are over.
    pub(crate) fn relieve(&mut self, now: Instant) {
        while let Some(&(until, connection)) = self.reliefs.first()
            && until <= now
        {
            self.forget_congestion(connection);
            self.mark(connection, false);
        }
    }

    pub(crate) fn forget_congestion(&mut self, connection: ConnectionId) {
        if let Some(until) = self.congested.remove(&connection) {
            self.reliefs.remove(&(until, connection));
        }
    }

    /// Notes how long a ping took on a connection.
    pub(crate) fn measured(&mut self, connection: ConnectionId, rtt: Duration) {
        let rtt_ms = u16::try_from(rtt.as_millis()).unwrap_or(u16::MAX).max(1);
        let mut next = self.entries.first_of(connection);
        while let Some(number) = next {
            self.entries.slab[number].standing.rtt_ms = rtt_ms;
            next = self.entries.next_of(number);
        }
    }

    fn mark(&mut self, connection: ConnectionId, is_congested: bool) {
        let mut next = self.entries.first_of(connection);
        while let Some(number) = next {
            let entry = &mut self.entries.slab[number];
            entry.standing.is_congested = is_congested;
            let members = &mut self.swarms[entry.swarm].members;
            members.sort(&mut self.entries.slab, number);
            next = self.entries.next_of(number);
        }
    }
}

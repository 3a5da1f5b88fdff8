use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::BlockRequest;

/// How long a request may wait for its piece to be verified. webtorrent.js drops a connection 30 s
/// after the last answer.
const HOLD: Duration = Duration::from_secs(25);

/// Requests of one peer that are neither answered nor rejected: at most `limit` of them.
#[derive(Debug)]
pub(crate) struct Requests {
    limit: usize,
    queued: VecDeque<BlockRequest>,
    /// For pieces that are not there, with the time to give up.
    held: VecDeque<(Instant, BlockRequest)>,
    /// Taken by the shell, not reported as sent.
    in_flight: VecDeque<BlockRequest>,
}

impl Requests {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit: limit as usize,
            queued: VecDeque::new(),
            held: VecDeque::new(),
            in_flight: VecDeque::new(),
        }
    }

    /// Says whether one more request can be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.len() < self.limit
    }

    /// Returns how many requests are open.
    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.held.len() + self.in_flight.len()
    }

    /// Takes a request whose piece is there. Repeated ones are kept: each is answered.
    pub(crate) fn queue(&mut self, request: BlockRequest) {
        self.queued.push_back(request);
    }

    /// Takes a request whose piece is not there.
    pub(crate) fn hold(&mut self, now: Instant, request: BlockRequest) {
        self.held.push_back((now + HOLD, request));
    }

    /// Returns the oldest queued request.
    pub(crate) fn first(&self) -> Option<BlockRequest> {
        self.queued.front().copied()
    }

    /// Hands the oldest queued request to the shell.
    pub(crate) fn next(&mut self) -> Option<BlockRequest> {
        let request = self.queued.pop_front()?;
        self.in_flight.push_back(request);
        Some(request)
    }

    /// Ends a request that the shell took; false if it took none like it.
    pub(crate) fn finish(&mut self, request: &BlockRequest) -> bool {
        remove(&mut self.in_flight, |taken| taken == request).is_some()
    }

    /// Takes out one waiting request like this; false if there is none.
    pub(crate) fn cancel(&mut self, request: &BlockRequest) -> bool {
        remove(&mut self.queued, |queued| queued == request).is_some()
            || remove(&mut self.held, |(_, held)| held == request).is_some()
    }

    /// Takes out all waiting requests, oldest queued first.
    pub(crate) fn clear(&mut self) -> Vec<BlockRequest> {
        let held = self.held.drain(..).map(|(_, request)| request);
        self.queued.drain(..).chain(held).collect()
    }

    /// Takes out the queued requests of a piece.
    pub(crate) fn withdraw(&mut self, piece: u32) -> Vec<BlockRequest> {
        let mut gone = Vec::new();
        self.queued.retain(|request| {
            let kept = request.piece != piece;
            if !kept {
                gone.push(*request);
            }
            kept
        });
        gone
    }

    /// Queues the held requests of a piece that is there now.
    pub(crate) fn release(&mut self, piece: u32) {
        let queued = &mut self.queued;
        self.held.retain(|(_, request)| {
            let released = request.piece == piece;
            if released {
                queued.push_back(*request);
            }
            !released
        });
    }

    /// Says whether there is something to answer now, or being answered.
    pub(crate) fn is_active(&self) -> bool {
        !self.queued.is_empty() || !self.in_flight.is_empty()
    }

    /// Returns when the oldest held request has waited long enough.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.held.front().map(|(until, _)| *until)
    }
}

fn remove<T>(queue: &mut VecDeque<T>, matches: impl FnMut(&T) -> bool) -> Option<T> {
    let position = queue.iter().position(matches)?;
    queue.remove(position)
}

//! All leechers on one thread: they must cost less than the seeder does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metainfo::Metainfo;
use mio::{Events, Poll, Token};

use crate::connection::{Connection, Purpose, Room, Stage};
use crate::path::PathSpec;
use crate::plan::{Behaviour, Plan};
use crate::session::Tally;
use crate::signalling::{ANSWER_PATIENCE, Attempt, Call, Signalling};

/// Leechers that join at a time. More would only find out how many offers a seeder ignores.
const JOINING: usize = 8;

/// From the answer to the open channel: what webtorrent.js waits.
const OPEN_PATIENCE: Duration = Duration::from_secs(25);

/// Before a leecher tries again.
const PAUSE: Duration = Duration::from_secs(1);

/// Batches of datagrams that one leecher may read before it is the others' turn.
const TURN_BATCHES: usize = 4;

/// The token that says that answers are there.
pub(crate) const ANSWERS: Token = Token(usize::MAX);

/// What happened to the leechers, all in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Turns {
    /// Channels that opened.
    pub opened: u64,
    /// Offers without an answer in 10 s.
    pub unanswered: u64,
    /// Connections that were answered and did not open.
    pub failed: u64,
    /// Open connections that the seeder ended.
    pub hung_up: u64,
    /// Leechers of churn that came and went.
    pub cycles: u64,
}

/// One leecher, through all its connections.
pub(crate) struct Leecher {
    pub(crate) behaviour: Behaviour,
    connection: Option<Connection>,
    attempts: u32,
    /// Sums over the connections that are over.
    before: Tally,
    /// The earliest entry in the timers.
    wake: Option<Instant>,
    readable: bool,
    pub(crate) to_open: Option<Duration>,
    pub(crate) to_first_block: Option<Duration>,
}

/// All leechers and what they share.
pub(crate) struct Load {
    poll: Poll,
    signalling: Signalling,
    metainfo: Arc<Metainfo>,
    path: PathSpec,
    from: IpAddr,
    salt: u16,
    pub(crate) leechers: Vec<Leecher>,
    /// Who is to join, and not before when.
    to_join: VecDeque<(Instant, usize)>,
    joining: usize,
    most_joining: usize,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    readable: VecDeque<usize>,
    room: Room,
    pub(crate) turns: Turns,
    /// What the seeder did wrong first.
    pub(crate) complaint: Option<String>,
}

impl Load {
    pub(crate) fn new(plan: &Plan, poll: Poll, signalling: Signalling, from: IpAddr) -> Self {
        let leechers: Vec<Leecher> = plan.crowd.members().map(Leecher::new).collect();
        let now = Instant::now();
        Self {
            poll,
            signalling,
            metainfo: Arc::clone(&plan.metainfo),
            path: plan.path,
            from,
            salt: rand::random(),
            to_join: (0..leechers.len()).map(|slot| (now, slot)).collect(),
            leechers,
            joining: 0,
            most_joining: JOINING.max(plan.crowd.churn),
            timers: BinaryHeap::new(),
            readable: VecDeque::new(),
            room: Room::default(),
            turns: Turns::default(),
            complaint: None,
        }
    }

    /// Leechers whose channel is open.
    pub(crate) fn open(&self) -> usize {
        let open = |leecher: &&Leecher| leecher.is_at(Stage::Open);
        self.leechers.iter().filter(open).count()
    }

    /// What went wrong with the signalling last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.signalling.trouble()
    }

    /// Lets the leechers do what they do until `end`, or until `enough` says so, which is asked
    /// every `every`.
    pub(crate) fn run(
        &mut self,
        end: Instant,
        every: Duration,
        mut enough: impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut next_look = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_look {
                if enough(self) {
                    return Ok(());
                }
                next_look = now + every;
            }
            if now >= end {
                return Ok(());
            }
            self.join(now)?;
            self.tick(now);
            let timeout = self.pause(now).min(end.min(next_look) - now);
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                if event.token() != ANSWERS {
                    self.note_readable(event.token().0);
                }
            }
            self.answers();
            self.read();
        }
    }

    /// How long there is nothing to do if nothing comes.
    fn pause(&self, now: Instant) -> Duration {
        if !self.readable.is_empty() {
            return Duration::ZERO;
        }
        let timer = self.timers.peek().map(|Reverse((due, _))| *due);
        let join = self.to_join.front().map(|(due, _)| *due);
        let join = join.filter(|_| self.joining < self.most_joining);
        [timer, join]
            .into_iter()
            .flatten()
            .min()
            .map_or(Duration::MAX, |due| due.saturating_duration_since(now))
    }

    /// Lets leechers join, as many at a time as may.
    fn join(&mut self, now: Instant) -> io::Result<()> {
        while self.joining < self.most_joining
            && let Some((_, slot)) = self.to_join.pop_front_if(|(due, _)| *due <= now)
        {
            let Some(leecher) = self.leechers.get_mut(slot) else {
                continue;
            };
            leecher.attempts += 1;
            let attempt = Attempt {
                leecher: slot as u32,
                number: leecher.attempts,
            };
            let peer_id = attempt.peer_id(self.salt);
            let purpose = Purpose {
                behaviour: leecher.behaviour,
                metainfo: &self.metainfo,
                path: &self.path,
                from: self.from,
                peer_id: *peer_id.as_bytes(),
                seed: slot as u64,
            };
            let (connection, sdp) =
                Connection::offer(now, self.poll.registry(), Token(slot), &purpose)?;
            leecher.connection = Some(connection);
            self.joining += 1;
            self.signalling.call(Call {
                attempt,
                peer_id,
                sdp,
            });
            self.work(now, slot);
        }
        Ok(())
    }

    fn answers(&mut self) {
        let now = Instant::now();
        while let Ok(reply) = self.signalling.replies.try_recv() {
            let slot = reply.attempt.leecher as usize;
            if let Some(leecher) = self.leechers.get_mut(slot)
                && leecher.attempts == reply.attempt.number
                && leecher.is_at(Stage::Offered)
                && let Some(connection) = &mut leecher.connection
            {
                connection.answer(now, reply.sdp);
                self.work(now, slot);
            }
        }
    }

    fn note_readable(&mut self, slot: usize) {
        if let Some(leecher) = self.leechers.get_mut(slot)
            && !std::mem::replace(&mut leecher.readable, true)
        {
            self.readable.push_back(slot);
        }
    }

    /// Reads some from each socket that has something.
    fn read(&mut self) {
        for _ in 0..self.readable.len() {
            let Some(slot) = self.readable.pop_front() else {
                return;
            };
            let now = Instant::now();
            let Some(leecher) = self.leechers.get_mut(slot) else {
                continue;
            };
            leecher.readable = false;
            let Some(connection) = &mut leecher.connection else {
                continue;
            };
            let more = (0..TURN_BATCHES).all(|_| connection.read(now, &mut self.room));
            self.work(now, slot);
            if more {
                self.note_readable(slot);
            }
        }
    }

    /// Wakes those whose time has come.
    fn tick(&mut self, now: Instant) {
        while let Some(Reverse((due, slot))) = self.timers.peek().copied() {
            if due > now {
                return;
            }
            self.timers.pop();
            if let Some(leecher) = self.leechers.get_mut(slot)
                && leecher.wake == Some(due)
            {
                leecher.wake = None;
                self.work(now, slot);
            }
        }
    }

    /// Does one leecher's work and sees what became of it.
    fn work(&mut self, now: Instant, slot: usize) {
        let Some(leecher) = self.leechers.get_mut(slot) else {
            return;
        };
        let Some(connection) = &mut leecher.connection else {
            return;
        };
        let was = connection.stage;
        connection.work(now);
        let waits = now.saturating_duration_since(connection.since);
        let (ended, pause) = match connection.stage {
            Stage::Offered if waits > ANSWER_PATIENCE => (&mut self.turns.unanswered, PAUSE),
            Stage::Answered if waits > OPEN_PATIENCE => (&mut self.turns.failed, PAUSE),
            Stage::Gone if connection.opened.is_some() => (&mut self.turns.hung_up, PAUSE),
            Stage::Gone => (&mut self.turns.failed, PAUSE),
            Stage::Over if leecher.behaviour == Behaviour::Churn => {
                (&mut self.turns.cycles, Duration::ZERO)
            }
            // It was sent nonsense.
            Stage::Over => (&mut self.turns.failed, PAUSE),
            stage @ (Stage::Offered | Stage::Answered | Stage::Open) => {
                if stage == Stage::Open && was != Stage::Open {
                    self.turns.opened += 1;
                    self.joining -= 1;
                }
                leecher.note();
                if let Some(due) = leecher.schedule(now) {
                    self.timers.push(Reverse((due, slot)));
                }
                return;
            }
        };
        *ended += 1;
        if connection.opened.is_some() && was != Stage::Open {
            self.turns.opened += 1;
        }
        if was != Stage::Open {
            self.joining -= 1;
        }
        self.complaint = self
            .complaint
            .take()
            .or(connection.session.complaint.take());
        connection.close(self.poll.registry());
        leecher.end();
        self.to_join.push_back((now + pause, slot));
    }

    /// Closes all connections.
    pub(crate) fn close(&mut self) {
        for leecher in &mut self.leechers {
            if let Some(connection) = &mut leecher.connection {
                let complaint = connection.session.complaint.take();
                self.complaint = self.complaint.take().or(complaint);
                connection.close(self.poll.registry());
                leecher.end();
            }
        }
    }
}

impl Leecher {
    fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            connection: None,
            attempts: 0,
            before: Tally::default(),
            wake: None,
            readable: false,
            to_open: None,
            to_first_block: None,
        }
    }

    fn is_at(&self, stage: Stage) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.stage == stage)
    }

    /// All that came of it so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = self.before;
        if let Some(connection) = &self.connection {
            sum.add(&connection.session.tally);
        }
        sum
    }

    /// Notes when what happened first.
    fn note(&mut self) {
        if let Some(connection) = &self.connection {
            let after = |at: Option<Instant>| at.map(|at| at - connection.offered);
            self.to_open = self.to_open.or_else(|| after(connection.opened));
            let first_block = connection.session.tally.first_block;
            self.to_first_block = self.to_first_block.or_else(|| after(first_block));
        }
    }

    /// When to wake it, if that is earlier than it will be woken anyway.
    fn schedule(&mut self, now: Instant) -> Option<Instant> {
        let due = self.connection.as_mut()?.wake(now)?;
        if self.wake.is_some_and(|wake| wake <= due) {
            return None;
        }
        self.wake = Some(due);
        Some(due)
    }

    fn end(&mut self) {
        self.note();
        self.before = self.tally();
        self.connection = None;
        self.wake = None;
    }
}

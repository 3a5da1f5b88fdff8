//! Who may not open a socket, and until when. Pure: times are milliseconds since 1970.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use crate::cidr::Cidr;

/// Most bans. When full, the tracker's own that ends first makes room; where all are an
/// operator's the tracker bans nobody, and the operator is told to lift some.
pub(crate) const BANS: usize = 10_000;

/// Why the tracker bans.
const OFFENCES: &str = "too many messages that were refused or broke the protocol";

/// All bans, and those that are over and still count for the next.
#[derive(Debug)]
pub(crate) struct Bans {
    first: i64,
    longest: i64,
    bans: BTreeMap<Cidr, Ban>,
    /// Networks of each length, by family and bits.
    lengths: BTreeMap<(bool, u8), usize>,
}

/// A network that is banned, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) made_by: MadeBy,
    pub(crate) reason: String,
    pub(crate) since: i64,
    /// Without it the ban has no end.
    pub(crate) until: Option<i64>,
    /// How often the tracker has banned the network, this time included; none of an
    /// operator's bans counts.
    pub(crate) times: u32,
}

/// Who banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeBy {
    Operator,
    Tracker,
}

/// There is room for no more bans: all are an operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Bans {
    /// No bans yet. The tracker's first of a network lasts `first`, each further one
    /// twice as long, none longer than `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self {
            first: millis(first),
            longest: millis(longest),
            bans: BTreeMap::new(),
            lengths: BTreeMap::new(),
        }
    }

    /// The ban of the smallest network with this address.
    pub(crate) fn find(&self, now: i64, address: IpAddr) -> Option<(Cidr, &Ban)> {
        let one = Cidr::of(address);
        let family = one.is_ipv6();
        let lengths = self.lengths.range((family, 0)..=(family, u8::MAX)).rev();
        lengths
            .map(|((_, bits), _)| one.widened(*bits))
            .filter_map(|network| Some((network, self.bans.get(&network)?)))
            .find(|(_, ban)| ban.holds(now))
    }

    /// Bans that hold, after `after`, in the order of their networks.
    pub(crate) fn after(
        &self,
        now: i64,
        after: Option<Cidr>,
    ) -> impl Iterator<Item = (Cidr, &Ban)> {
        let from = after.map_or(Unbounded, Excluded);
        self.bans
            .range((from, Unbounded))
            .filter(move |(_, ban)| ban.holds(now))
            .map(|(network, ban)| (*network, ban))
    }

    /// The ban of exactly this network, if it holds.
    pub(crate) fn get(&self, now: i64, network: &Cidr) -> Option<&Ban> {
        self.bans.get(network).filter(|ban| ban.holds(now))
    }

    /// How many there are, those that are over and remembered included.
    pub(crate) fn len(&self) -> usize {
        self.bans.len()
    }

    /// Bans a network for its offences; `None` if it is banned already, or if there is
    /// room for no more. Returns the ban that made room, too.
    pub(crate) fn offended(&mut self, now: i64, network: Cidr) -> Option<(Ban, Option<Cidr>)> {
        let known = self.bans.get(&network);
        if known.is_some_and(|ban| ban.holds(now)) {
            return None;
        }
        let times = known.map_or(0, |ban| ban.times).saturating_add(1);
        let doubled = 1_i64 << (times - 1).min(62);
        let lasts = self.first.saturating_mul(doubled).min(self.longest);
        let ban = Ban {
            made_by: MadeBy::Tracker,
            reason: OFFENCES.into(),
            since: now,
            until: Some(now.saturating_add(lasts)),
            times,
        };
        let gone = self.make_room(&network).ok()?;
        self.insert(network, ban.clone());
        Some((ban, gone))
    }

    /// Bans a network as an operator says; returns whether it was not banned before, and
    /// the ban that made room.
    pub(crate) fn put(
        &mut self,
        now: i64,
        network: Cidr,
        ban: Ban,
    ) -> Result<(bool, Option<Cidr>), TooMany> {
        let is_new = self.get(now, &network).is_none();
        let gone = self.make_room(&network)?;
        self.insert(network, ban);
        Ok((is_new, gone))
    }

    /// Makes room for a ban of this network, if it needs any; returns the one that goes.
    fn make_room(&mut self, network: &Cidr) -> Result<Option<Cidr>, TooMany> {
        if self.bans.len() < BANS || self.bans.contains_key(network) {
            return Ok(None);
        }
        let own = self.bans.iter();
        let own = own.filter(|(_, ban)| ban.made_by == MadeBy::Tracker);
        let first = own.min_by_key(|(_, ban)| ban.until);
        let first = first.map(|(of, _)| *of).ok_or(TooMany)?;
        self.lift(&first);
        Ok(Some(first))
    }

    /// Takes a ban in as it was kept; one too many is left out.
    pub(crate) fn restore(&mut self, network: Cidr, ban: Ban) {
        // What happened since the tracker began is newer.
        if self.bans.len() < BANS && !self.bans.contains_key(&network) {
            self.insert(network, ban);
        }
    }

    /// Ends and forgets a ban; returns whether there was one.
    pub(crate) fn lift(&mut self, network: &Cidr) -> bool {
        let was_there = self.bans.remove(network).is_some();
        if was_there {
            let length = (network.is_ipv6(), network.prefix());
            if let Some(count) = self.lengths.get_mut(&length) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&length);
                }
            }
        }
        was_there
    }

    /// Forgets bans that have been over for as long as the longest lasts, and returns
    /// their networks.
    pub(crate) fn forget(&mut self, now: i64) -> Vec<Cidr> {
        let over = |ban: &Ban| {
            let until = ban.until?;
            Some(until.saturating_add(self.longest) <= now)
        };
        let over: Vec<Cidr> = self
            .bans
            .iter()
            .filter(|(_, ban)| over(ban) == Some(true))
            .map(|(network, _)| *network)
            .collect();
        for network in &over {
            self.lift(network);
        }
        over
    }

    fn insert(&mut self, network: Cidr, ban: Ban) {
        if self.bans.insert(network, ban).is_none() {
            let length = (network.is_ipv6(), network.prefix());
            *self.lengths.entry(length).or_default() += 1;
        }
    }
}

impl Ban {
    /// Whether it is not over.
    pub(crate) fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl MadeBy {
    /// Its name in the database and in the admin API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Tracker => "tracker",
        }
    }
}

#[cfg(test)]
mod tests;

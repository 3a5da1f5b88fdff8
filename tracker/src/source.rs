//! What is counted by address: open sockets, what they say, and what they do wrong.
//!
//! An address is an IPv4 address, or the /64 of an IPv6 address. Each of its sockets
//! holds its account, so that no message looks anything up or waits for a lock; the
//! table is locked when a socket opens and when it ends.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::bucket::{Rate, TokenBucket};
use crate::cidr::Cidr;
use crate::config::{Bans, Limits};

/// Addresses without a socket that are remembered, until what they took is forgiven.
/// When full, the one that is nearest to that goes, and may begin anew.
const REMEMBERED: usize = 16_384;

/// The accounts of all addresses.
#[derive(Debug)]
pub(crate) struct Sources {
    rules: Arc<Rules>,
    table: Mutex<Table>,
    /// The clock of the buckets begins here.
    started: Instant,
}

#[derive(Debug)]
struct Rules {
    sockets: u32,
    exempt: Vec<Cidr>,
    messages: Rate,
    bytes: Rate,
    /// Without it nothing is an offence.
    offences: Option<Rate>,
}

/// Pure: nanoseconds of a clock in, accounts out.
#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Cidr, Entry>,
    /// When to forget those that have no socket.
    forget: BTreeSet<(u64, Cidr)>,
}

#[derive(Debug)]
struct Entry {
    sockets: u32,
    /// Its place in [`Table::forget`].
    forget_at: Option<u64>,
    account: Arc<Account>,
}

/// What one address has taken.
#[derive(Debug)]
struct Account {
    site: Cidr,
    rules: Arc<Rules>,
    sources: Weak<Sources>,
    messages: TokenBucket,
    bytes: TokenBucket,
    offences: TokenBucket,
}

/// A socket's part in the account of its address; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Account>);

/// The address has as many sockets as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Sources {
    pub(crate) fn new(limits: &Limits, bans: &Bans, started: Instant) -> Self {
        Self {
            rules: Arc::new(Rules {
                sockets: limits.sockets_per_ip.try_into().unwrap_or(u32::MAX),
                exempt: limits.exempt.clone(),
                messages: Rate::new(
                    limits.messages_per_second_per_ip,
                    limits.message_burst_per_ip,
                ),
                bytes: Rate::new(limits.bytes_per_second_per_ip, limits.byte_burst_per_ip),
                offences: (bans.offences > 0).then(|| Rate::within(bans.offences, bans.within)),
            }),
            table: Mutex::default(),
            started,
        }
    }

    /// Counts one more socket of an address; `None` where nothing is counted.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Result<Option<Place>, Crowded> {
        if self.is_exempt(from) {
            return Ok(None);
        }
        let site = Cidr::of_site(from);
        let now = self.nanos(Instant::now());
        let new = || Account {
            site,
            rules: Arc::clone(&self.rules),
            sources: Arc::downgrade(self),
            messages: TokenBucket::default(),
            bytes: TokenBucket::default(),
            offences: TokenBucket::default(),
        };
        let account = self.table().enter(now, site, self.rules.sockets, new)?;
        Ok(Some(Place(account)))
    }

    /// Whether nothing is counted of an address.
    pub(crate) fn is_exempt(&self, from: IpAddr) -> bool {
        self.rules.exempt.iter().any(|of| of.contains(from))
    }

    /// Addresses that have sockets or are remembered.
    pub(crate) fn len(&self) -> usize {
        self.table().entries.len()
    }

    /// The time on the clock of token buckets.
    pub(crate) fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started);
        since.as_nanos().try_into().unwrap_or(u64::MAX)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No section under this lock can panic half-way through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts messages, and returns how long the address has to wait for the next.
    pub(crate) fn messages(&self, now: u64, count: u64) -> Duration {
        self.0.messages.take(self.0.rules.messages, now, count)
    }

    /// Counts bytes, and returns how long the address has to wait for the next.
    pub(crate) fn bytes(&self, now: u64, count: u64) -> Duration {
        self.0.bytes.take(self.0.rules.bytes, now, count)
    }

    /// Counts offences. Returns the address when it has committed too many; then they
    /// count from nothing again.
    pub(crate) fn offend(&self, now: u64, count: u64) -> Option<Cidr> {
        let rate = self.0.rules.offences?;
        let bucket = &self.0.offences;
        if bucket.take(rate, now, count).is_zero() {
            return None;
        }
        bucket.fill();
        Some(self.0.site)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(sources) = self.0.sources.upgrade() {
            let now = sources.nanos(Instant::now());
            sources.table().leave(now, self.0.site);
        }
    }
}

impl Table {
    fn enter(
        &mut self,
        now: u64,
        site: Cidr,
        most: u32,
        new: impl FnOnce() -> Account,
    ) -> Result<Arc<Account>, Crowded> {
        self.forget_until(now);
        let entry = self.entries.entry(site).or_insert_with(|| Entry {
            sockets: 0,
            forget_at: None,
            account: Arc::new(new()),
        });
        if entry.sockets >= most {
            return Err(Crowded);
        }
        entry.sockets += 1;
        if let Some(at) = entry.forget_at.take() {
            self.forget.remove(&(at, site));
        }
        Ok(Arc::clone(&entry.account))
    }

    fn leave(&mut self, now: u64, site: Cidr) {
        if let Some(entry) = self.entries.get_mut(&site) {
            entry.sockets = entry.sockets.saturating_sub(1);
            if entry.sockets == 0 {
                let at = entry.account.forgiven_at();
                entry.forget_at = Some(at);
                self.forget.insert((at, site));
            }
        }
        self.forget_until(now);
        if self.forget.len() > REMEMBERED
            && let Some((_, site)) = self.forget.pop_first()
        {
            self.entries.remove(&site);
        }
    }

    fn forget_until(&mut self, now: u64) {
        while let Some(&(at, site)) = self.forget.first()
            && at <= now
        {
            self.forget.pop_first();
            self.entries.remove(&site);
        }
    }
}

impl Account {
    /// When it is as if it were new.
    fn forgiven_at(&self) -> u64 {
        let buckets = [&self.messages, &self.bytes, &self.offences];
        buckets
            .map(TokenBucket::full_at)
            .into_iter()
            .fold(0, u64::max)
    }
}

#[cfg(test)]
mod tests;

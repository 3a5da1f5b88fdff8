//! Connections of an address that are not sockets (yet): those that begin, and those that
//! speak HTTP.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cidr::Cidr;

/// How many there are of each address. It has no more entries than there are connections,
/// and the server bounds these.
#[derive(Debug)]
pub(crate) struct Guests {
    most: usize,
    counts: Mutex<HashMap<Cidr, usize>>,
}

/// One of them; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    site: Cidr,
    of: Arc<Guests>,
}

impl Guests {
    /// An address (/64 of IPv6) may have `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            counts: Mutex::default(),
        }
    }

    /// Counts one more connection of an address, unless it has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Guest> {
        let site = Cidr::of_site(from);
        let mut counts = self.counts();
        let count = counts.entry(site).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest {
            site,
            of: Arc::clone(self),
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Cidr, usize>> {
        // No section under this lock can panic half-way through a change.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        if let Some(count) = counts.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_as_many_as_it_may_and_nothing_is_left_of_one_that_has_gone() {
        let guests = Arc::new(Guests::new(2));
        let enter = |from: &str| guests.enter(from.parse().expect("an address"));
        let held = [enter("192.0.2.1"), enter("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter("192.0.2.1").is_none());
        let others = [
            enter("192.0.2.2"),
            enter("2001:db8::1"),
            enter("2001:db8::2"),
        ];
        assert!(others.iter().all(Option::is_some));
        assert!(enter("2001:db8::ffff").is_none());
        drop(held);
        assert!(enter("192.0.2.1").is_some());
        drop(others);
        assert!(guests.counts().is_empty());
    }
}

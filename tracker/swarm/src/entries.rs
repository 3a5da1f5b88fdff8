//! The entries of all swarms: by number, by name, by owner.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::ConnectionId;
use crate::entry::{Entry, Key, Number};
use crate::slab::Slab;
use crate::ticket::Ticket;

/// Each entry lies in one place and keeps its number; everything else names it by that.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) slab: Slab<Entry>,
    /// Numbers, hashed by swarm and key. The hash has a secret key, as that of any hash map: remotes
    /// choose peer ids.
    names: HashTable<u32>,
    hasher: RandomState,
    /// What each connection owns; a connection that owns nothing is not here.
    owners: HashMap<ConnectionId, Owner>,
}

/// A list through the entries of a connection, in the order in which it came to own them.
#[derive(Debug, Clone, Copy)]
struct Owner {
    first: u32,
    count: u32,
}

impl Entries {
    pub(crate) fn new() -> Self {
        Self {
            slab: Slab::new(),
            names: HashTable::new(),
            hasher: RandomState::new(),
            owners: HashMap::new(),
        }
    }

    /// The entry of this peer on this connection in this swarm.
    pub(crate) fn find(&self, swarm: u32, key: Key) -> Option<u32> {
        let hash = hash(&self.hasher, swarm, key);
        let is_it = |number: &u32| {
            let entry = &self.slab[*number];
            entry.swarm == swarm && entry.key() == key
        };
        self.names.find(hash, is_it).copied()
    }

    /// The entry that has this ticket, if it is still there.
    pub(crate) fn with_ticket(&self, ticket: Ticket) -> Option<&Entry> {
        let entry = self.slab.get(ticket.number)?;
        (entry.secret == ticket.secret).then_some(entry)
    }

    pub(crate) fn ticket(&self, number: u32) -> Ticket {
        let secret = self.slab[number].secret;
        Ticket { number, secret }
    }

    /// Connections that own entries.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }

    /// How many entries a connection owns.
    pub(crate) fn count_of(&self, connection: ConnectionId) -> usize {
        self.owners
            .get(&connection)
            .map_or(0, |owner| owner.count as usize)
    }

    /// The entry that a connection has owned for the longest time.
    pub(crate) fn first_of(&self, connection: ConnectionId) -> Option<u32> {
        self.owners.get(&connection).map(|owner| owner.first)
    }

    /// The next one of the same connection.
    pub(crate) fn next_of(&self, number: u32) -> Option<u32> {
        self.slab[number].next.map(Number::get)
    }

    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        let number = self.slab.insert(entry);
        self.enter(number);
        number
    }

    pub(crate) fn remove(&mut self, number: u32) -> Entry {
        self.withdraw(number);
        self.slab.remove(number).expect("the place is taken")
    }

    /// Makes another connection the owner of an entry.
    pub(crate) fn hand_over(&mut self, number: u32, to: ConnectionId) {
        self.withdraw(number);
        self.slab[number].connection = to;
        self.enter(number);
    }

    /// Enters a name, and the entry among those of its owner.
    fn enter(&mut self, number: u32) {
        let Self {
            slab,
            names,
            hasher,
            owners,
        } = self;
        let key = |entry: &Entry| hash(hasher, entry.swarm, entry.key());
        names.insert_unique(key(&slab[number]), number, |other| key(&slab[*other]));
        let entry = &slab[number];
        let owner = owners.entry(entry.connection).or_insert(Owner {
            first: number,
            count: 0,
        });
        owner.count += 1;
        let last = match owner.first {
            first if first == number => number,
            first => std::mem::replace(&mut slab[first].previous, number),
        };
        slab[last].next = Number::new(number);
        slab[number].next = None;
        slab[number].previous = last;
    }

    fn withdraw(&mut self, number: u32) {
        let Self {
            slab,
            names,
            hasher,
            owners,
        } = self;
        let key = |entry: &Entry| hash(hasher, entry.swarm, entry.key());
        names
            .find_entry(key(&slab[number]), |other| *other == number)
            .expect("each entry has a name")
            .remove();
        if names.capacity() > 16 + 4 * names.len() {
            names.shrink_to(2 * names.len(), |other| key(&slab[*other]));
        }
        let Entry {
            connection,
            next,
            previous,
            ..
        } = slab[number];
        let owner = owners
            .get_mut(&connection)
            .expect("the connection of an entry owns it");
        owner.count -= 1;
        if owner.count == 0 {
            owners.remove(&connection);
            if owners.capacity() > 16 + 4 * owners.len() {
                owners.shrink_to(2 * owners.len());
            }
            return;
        }
        let after = next.map_or(owner.first, Number::get);
        slab[after].previous = previous;
        if owner.first == number {
            owner.first = after;
        } else {
            slab[previous].next = next;
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.slab.capacity() + self.names.capacity() + self.owners.capacity()
    }
}

fn hash(hasher: &RandomState, swarm: u32, key: Key) -> u64 {
    let mut name = [0; 32];
    name[..20].copy_from_slice(key.peer_id.as_bytes());
    name[20..24].copy_from_slice(&swarm.to_ne_bytes());
    name[24..].copy_from_slice(&key.connection.bits().to_ne_bytes());
    hasher.hash_one(name)
}

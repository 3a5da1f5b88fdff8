//! Entries of one role, those that may be given offers apart from those to be chosen last.

use indexmap::IndexMap;

use crate::swarm::{Entry, Key};

/// The willing come first, so that each kind is drawn from by index.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    entries: IndexMap<Key, Entry>,
    willing: usize,
}

impl Pool {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of the first entries are not set aside.
    pub(crate) fn willing(&self) -> usize {
        self.willing
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.entries.contains_key(&key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }

    pub(crate) fn at(&self, index: usize) -> Option<(Key, &Entry)> {
        let (key, entry) = self.entries.get_index(index)?;
        Some((*key, entry))
    }

    pub(crate) fn iter(&self) -> indexmap::map::Iter<'_, Key, Entry> {
        self.entries.iter()
    }

    pub(crate) fn insert(&mut self, key: Key, entry: Entry) {
        self.entries.insert(key, entry);
        self.sort(key);
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        let mut index = self.entries.get_index_of(&key)?;
        if index < self.willing {
            self.willing -= 1;
            self.entries.swap_indices(index, self.willing);
            index = self.willing;
        }
        let (_, entry) = self.entries.swap_remove_index(index)?;
        if self.entries.capacity() > 16 + 4 * self.entries.len() {
            self.entries.shrink_to(2 * self.entries.len());
        }
        Some(entry)
    }

    /// Moves an entry to where it belongs after it changed.
    pub(crate) fn sort(&mut self, key: Key) {
        let Some((index, _, entry)) = self.entries.get_full(&key) else {
            return;
        };
        match (index < self.willing, entry.is_willing()) {
            (true, false) => {
                self.willing -= 1;
                self.entries.swap_indices(index, self.willing);
            }
            (false, true) => {
                self.entries.swap_indices(index, self.willing);
                self.willing += 1;
            }
            (true, true) | (false, false) => {}
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}

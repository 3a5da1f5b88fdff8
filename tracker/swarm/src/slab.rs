//! Values that keep their place while others come and go.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

/// Places of a block.
const BLOCK: u32 = u32::BITS;

/// Values by a number of 32 bits. They lie in blocks, so that growing moves none of them and a
/// block that is empty is given back; a new value goes to the first free place, so that the last
/// blocks become empty when there are fewer.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    blocks: Vec<Option<Box<Block<T>>>>,
    /// Blocks with a free place, those that were given back among them.
    open: BTreeSet<u32>,
    len: usize,
}

#[derive(Debug)]
struct Block<T> {
    /// One bit for each place.
    taken: u32,
    values: [Option<T>; BLOCK as usize],
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            open: BTreeSet::new(),
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes in a value and returns its number.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let number = self.open.first().copied().unwrap_or_else(|| {
            let number = u32::try_from(self.blocks.len()).expect("memory ends before");
            self.blocks.push(None);
            self.open.insert(number);
            number
        });
        let block = self.blocks[number as usize].get_or_insert_with(Box::default);
        let place = block.taken.trailing_ones();
        block.values[place as usize] = Some(value);
        block.taken |= 1 << place;
        if block.taken == u32::MAX {
            self.open.remove(&number);
        }
        self.len += 1;
        number * BLOCK + place
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let block = self.blocks.get((number / BLOCK) as usize)?.as_ref()?;
        block.values[(number % BLOCK) as usize].as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let block = self.blocks.get_mut((number / BLOCK) as usize)?.as_mut()?;
        block.values[(number % BLOCK) as usize].as_mut()
    }

    /// Takes out a value.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let slot = self.blocks.get_mut((number / BLOCK) as usize)?;
        let block = slot.as_mut()?;
        let value = block.values[(number % BLOCK) as usize].take()?;
        block.taken &= !(1 << (number % BLOCK));
        if block.taken == 0 {
            *slot = None;
        }
        self.open.insert(number / BLOCK);
        self.len -= 1;
        while let Some(None) = self.blocks.last() {
            self.blocks.pop();
            self.open.remove(&(self.blocks.len() as u32));
        }
        if self.blocks.capacity() > 16 + 4 * self.blocks.len() {
            self.blocks.shrink_to(2 * self.blocks.len());
        }
        Some(value)
    }

    /// Places there is memory for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.blocks.iter().flatten().count() * BLOCK as usize
    }
}

/// A number that [`Slab::insert`] returned and nobody removed has a value; another one is a mistake
/// of ours.
impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.get(number).expect("the place is taken")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        self.get_mut(number).expect("the place is taken")
    }
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self {
            taken: 0,
            values: [const { None }; BLOCK as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn values_keep_their_numbers_and_free_places_are_taken_first() {
        let mut slab = Slab::new();
        let numbers: Vec<u32> = (0..100).map(|value| slab.insert(value)).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<u32>>());
        assert_eq!(slab.remove(40), Some(40));
        assert_eq!(slab.remove(40), None);
        assert_eq!(slab.get(40), None);
        assert_eq!((slab[39], slab[41]), (39, 41));
        assert_eq!(slab.insert(7), 40);
        assert_eq!((slab[40], slab.len()), (7, 100));
        assert_eq!(slab.get(4_000), None);
    }

    #[test]
    fn blocks_without_values_are_given_back_wherever_they_lie() {
        let mut slab = Slab::new();
        for value in 0..1_000 {
            slab.insert(value);
        }
        for number in (0..1_000).filter(|number| *number != 500) {
            slab.remove(number);
        }
        assert_eq!((slab.capacity(), slab[500]), (32, 500));
        assert_eq!(slab.insert(8), 0);
        slab.remove(0);
        slab.remove(500);
        assert_eq!((slab.capacity(), slab.blocks.len()), (0, 0));
        assert!(slab.open.is_empty() && slab.is_empty());
    }
}

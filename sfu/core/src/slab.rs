//! Things with a small index and a generation, so that a stale key finds nothing instead of the wrong thing.

use std::ops::{Index, IndexMut};

/// Where a thing lives in its [`Slab`], and which of the things that lived there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    index: u32,
    generation: u32,
}

struct Place<T> {
    generation: u32,
    thing: Option<T>,
}

/// A vector with holes that are used again.
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Puts a thing in; its key is never given out again.
    pub fn insert(&mut self, thing: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                generation: 0,
                thing: None,
            });
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        place.thing = Some(thing);
        Key {
            index,
            generation: place.generation,
        }
    }

    /// Takes a thing out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let thing = place.thing.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(thing)
    }

    /// The thing, unless it has gone.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        if place.generation == key.generation {
            place.thing.as_ref()
        } else {
            None
        }
    }

    /// The thing, unless it has gone.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation == key.generation {
            place.thing.as_mut()
        } else {
            None
        }
    }

    /// Everything, by place.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| place.thing.as_ref())
    }

    /// How many places there are, with the empty ones.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// What lives in these places.
    pub fn iter_range(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = &T> {
        let places = self.places.get(places).unwrap_or_default();
        places.iter().filter_map(|place| place.thing.as_ref())
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Index<Key> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, key: Key) -> &T {
        self.get(key).expect("the owner of a key keeps the thing")
    }
}

impl<T> IndexMut<Key> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, key: Key) -> &mut T {
        self.get_mut(key)
            .expect("the owner of a key keeps the thing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_when_its_place_is_used_again() {
        let mut slab = Slab::default();
        let old = slab.insert("old");
        assert_eq!(slab.remove(old), Some("old"));
        let new = slab.insert("new");
        assert_eq!(new.index, old.index);
        assert_eq!((slab.get(old), slab.get(new)), (None, Some(&"new")));
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.len(), 1);
    }
}

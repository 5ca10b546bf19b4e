//! A store with stable keys: a vector whose free places are used again.

/// The place of a value in a [`Slab`]. A key of a removed value finds nothing, even when its
/// place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// Values under keys that are found by one indexed access.
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Slab<T> {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.value = Some(value);
            return Key { index, generation: place.generation };
        }
        let index = u32::try_from(self.places.len()).expect("fewer than 2^32 values at a time");
        self.places.push(Place { generation: 0, value: Some(value) });
        Key { index, generation: 0 }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = &self.places[key.index as usize];
        if place.generation == key.generation { place.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = &mut self.places[key.index as usize];
        if place.generation == key.generation { place.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = &mut self.places[key.index as usize];
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    /// The keys in use, in the order of their places.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let in_use = self.places.iter().zip(0..).filter(|(place, _)| place.value.is_some());
        in_use.map(|(place, index)| Key { index, generation: place.generation }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn a_key_of_a_removed_value_finds_nothing_when_its_place_is_used_again() {
        let mut slab = Slab::new();
        let old = slab.insert("old");
        assert_eq!(slab.remove(old), Some("old"));
        let new = slab.insert("new");
        assert_eq!((slab.get(old), slab.get(new), slab.len()), (None, Some(&"new"), 1));
        assert_eq!((slab.remove(old), slab.keys()), (None, vec![new]));
        assert_eq!(slab.places.len(), 1);
    }
}

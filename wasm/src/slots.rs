//! Numbered things: a small table whose free places are used again.

/// Things under numbers from 1; 0 means none.
#[derive(Debug)]
pub struct Slots<T> {
    places: Vec<Option<T>>,
}

impl<T> Slots<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// Puts a new thing into the lowest free place below `limit`. Answers 0 if there is none.
    pub fn insert(&mut self, thing: impl FnOnce() -> T, limit: usize) -> u32 {
        let free = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        if free >= limit {
            return 0;
        }
        if free == self.places.len() {
            self.places.push(None);
        }
        self.places[free].get_or_insert_with(thing);
        free as u32 + 1
    }

    /// Takes a thing out.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        self.places.get_mut(place(number)?)?.take()
    }

    /// Takes out everything that is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for place in &mut self.places {
            if place.as_ref().is_some_and(|thing| !keep(thing)) {
                *place = None;
            }
        }
    }

    /// A thing, to be changed.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.places.get_mut(place(number)?)?.as_mut()
    }

    /// A thing.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.places.get(place(number)?)?.as_ref()
    }
}

fn place(number: u32) -> Option<usize> {
    Some(number.checked_sub(1)? as usize)
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn places_are_used_again_and_bounded() {
        let mut slots = Slots::new();
        assert_eq!((slots.insert(|| 'a', 2), slots.insert(|| 'b', 2), slots.insert(|| 'c', 2)), (1, 2, 0));
        assert_eq!(slots.remove(1), Some('a'));
        assert_eq!(slots.remove(1), None);
        assert_eq!(slots.insert(|| 'd', 2), 1);
        assert_eq!((slots.get(0), slots.get(1), slots.get(3)), (None, Some(&'d'), None));
        slots.retain(|thing| *thing == 'b');
        assert_eq!((slots.get(1), slots.get(2)), (None, Some(&'b')));
    }
}

//! Things by client number.

use crate::session::ClientId;

/// A map from client numbers. They are given out in ascending order, so a sorted list serves: adding is a push, and
/// one shape of code serves all that is kept by client.
#[derive(Debug)]
pub struct ByClient<T> {
    places: Vec<(ClientId, Box<T>)>,
}

impl<T> Default for ByClient<T> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<T> ByClient<T> {
    /// Puts a thing under a number, in place of any other.
    pub fn insert(&mut self, id: ClientId, thing: T) {
        let thing = Box::new(thing);
        match self.search(id) {
            Ok(place) => self.places[place].1 = thing,
            Err(place) => self.places.insert(place, (id, thing)),
        }
    }

    /// Takes out what stands under a number.
    pub fn remove(&mut self, id: &ClientId) -> Option<Box<T>> {
        let place = self.search(*id).ok()?;
        Some(self.places.remove(place).1)
    }

    /// What stands under a number, to be changed.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn get_mut(&mut self, id: &ClientId) -> Option<&mut T> {
        let place = self.search(*id).ok()?;
        Some(&mut self.places[place].1)
    }

    /// What stands under a number.
    #[inline]
    pub fn get(&self, id: &ClientId) -> Option<&T> {
        let place = self.search(*id).ok()?;
        Some(&self.places[place].1)
    }

    /// Whether something stands under a number.
    #[inline]
    pub fn contains_key(&self, id: &ClientId) -> bool {
        self.search(*id).is_ok()
    }

    /// Numbers and what stands under them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&ClientId, &T)> {
        self.places.iter().map(|(id, thing)| (id, &**thing))
    }

    /// What stands under the numbers, ascending.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, thing)| thing)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn search(&self, id: ClientId) -> Result<usize, usize> {
        self.places.binary_search_by_key(&id, |place| place.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ByClient;

    #[test]
    fn numbers_stay_ascending_whatever_the_order_of_arrival() {
        let mut map = ByClient::default();
        for id in [5, 1, 9, 5] {
            map.insert(id, id * 10);
        }
        assert_eq!(map.iter().map(|(id, thing)| (*id, *thing)).collect::<Vec<_>>(), [(1, 10), (5, 50), (9, 90)]);
        assert_eq!(map.remove(&5).as_deref(), Some(&50));
        assert_eq!(map.remove(&5), None);
        assert_eq!((map.get(&9), map.get(&2), map.len()), (Some(&90), None, 2));
        *map.get_mut(&1).expect("it was put in") += 1;
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [11, 90]);
        assert!(!map.is_empty() && map.contains_key(&9));
    }
}

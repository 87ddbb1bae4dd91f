//! A cache of bounded size that keeps what was used lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::RwLock;

/// Two generations of at most `capacity` entries each: when the young one is full it becomes the old one, and what is
/// asked for again comes back. A look-up in the young one takes a shared lock only.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    capacity: usize,
    generations: RwLock<Generations<K, V>>,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, generations: RwLock::new(Generations { young: HashMap::new(), old: HashMap::new() }) }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let found = {
            let generations = self.generations.read();
            if let Some(value) = generations.young.get(key) {
                return Some(value.clone());
            }
            generations.old.get(key).cloned()
        };
        if let Some(value) = &found {
            self.put(key.to_owned(), value.clone());
        }
        found
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut generations = self.generations.write();
        if generations.young.len() >= self.capacity && !generations.young.contains_key(&key) {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn size_is_bounded_and_what_is_used_stays() {
        let cache = Cache::new(10);
        for number in 0..1_000_u32 {
            cache.put(number, number * 2);
            assert_eq!(cache.get(&0), Some(0));
        }
        let generations = cache.generations.read();
        assert!(generations.young.len() <= 10 && generations.old.len() <= 10);
        drop(generations);
        assert_eq!(cache.get(&500), None);
        assert_eq!(cache.get(&999), Some(1_998));
    }
}

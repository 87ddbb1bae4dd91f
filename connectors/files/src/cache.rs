//! What was learned about files and tables, as long as they stay the same.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Mutex;

use lockgate_contract::FileFormat;
use object_store::ObjectMeta;

use crate::schema::Depth;

/// A bounded map that forgets the oldest entry first.
pub(crate) struct Cache<K, V> {
    capacity: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::new(State { entries: HashMap::new(), order: VecDeque::new() }) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.lock().entries.get(key).cloned()
    }

    /// Puts a value, unless there is one that `is_same`: who asks twice side by side gets one value.
    pub(crate) fn put(&self, key: K, value: V, is_same: impl Fn(&V) -> bool) -> V {
        let mut state = self.lock();
        if let Some(known) = state.entries.get(&key).filter(|known| is_same(known)) {
            return known.clone();
        }
        let put = value.clone();
        if state.entries.insert(key.clone(), value).is_none() {
            state.order.push_back(key);
        }
        while state.entries.len() > self.capacity {
            let Some(oldest) = state.order.pop_front() else { break };
            state.entries.remove(&oldest);
        }
        put
    }

    /// A panic elsewhere leaves whole entries, so the state stays good.
    fn lock(&self) -> std::sync::MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One state of one file, looked at in one way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    location: String,
    size: u64,
    modified_ns: Option<i64>,
    e_tag: Option<String>,
    format: FileFormat,
    depth: Depth,
}

impl FileKey {
    pub(crate) fn new(meta: &ObjectMeta, format: &FileFormat, depth: Depth) -> Self {
        Self {
            location: meta.location.to_string(),
            size: meta.size,
            modified_ns: meta.last_modified.timestamp_nanos_opt(),
            e_tag: meta.e_tag.clone(),
            format: format.clone(),
            depth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_is_forgotten_first() {
        let cache = Cache::new(2);
        for key in ["a", "b", "a", "c"] {
            cache.put(key, key.len(), |_| false);
        }
        assert_eq!((cache.get(&"a"), cache.get(&"b"), cache.get(&"c")), (None, Some(1), Some(1)));
    }

    #[test]
    fn a_value_that_is_the_same_stays() {
        let cache = Cache::new(2);
        assert_eq!(cache.put("a", 1, |_| true), 1);
        assert_eq!(cache.put("a", 2, |_| true), 1);
        assert_eq!(cache.put("a", 3, |_| false), 3);
        assert_eq!(cache.get(&"a"), Some(3));
    }
}

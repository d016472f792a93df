//! A map of fixed size: what is added when it is full takes the place of the oldest.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The map.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    most: usize,
    entries: HashMap<K, V>,
    /// Keys by age; those that were removed meanwhile are skipped when their turn comes.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), entries: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Add or replace. A key that is there already keeps its age.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if let Some(entry) = self.entries.get_mut(&key) {
            *entry = value;
            return;
        }
        while self.entries.len() >= self.most {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.entries.remove(&oldest);
        }
        if self.order.len() >= 2 * self.most {
            let entries = &self.entries;
            self.order.retain(|key| entries.contains_key(key));
        }
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }

    /// Whether *key* can be added, or is there, without displacing another.
    pub(crate) fn has_room(&self, key: &K) -> bool {
        self.entries.len() < self.most || self.entries.contains_key(key)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key)
    }

    /// Remove the oldest for as long as *gone* says so.
    pub(crate) fn remove_oldest_while(&mut self, gone: impl Fn(&V) -> bool) {
        while let Some(key) = self.order.front() {
            match self.entries.get(key) {
                Some(value) if !gone(value) => return,
                _ => {
                    if let Some(key) = self.order.pop_front() {
                        self.entries.remove(&key);
                    }
                }
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut table = Table::new(2);
        for key in 0..5 {
            table.insert(key, key * 10);
        }
        assert_eq!((table.get(&2), table.get(&3), table.get(&4)), (None, Some(&30), Some(&40)));
        table.insert(3, 31);
        table.insert(5, 50);
        assert_eq!((table.get(&3), table.len()), (None, 2));
    }

    #[test]
    fn removing_and_adding_does_not_grow_it() {
        let mut table = Table::new(4);
        for key in 0..1000 {
            table.insert(key, ());
            table.remove(&key);
        }
        assert!(table.order.len() <= 8 && table.len() == 0);
    }
}

//! What several associations may hold together.
//!
//! Each may hold its own part whatever the others do, so that it always goes on. What it holds beyond that, it borrows from
//! a pool, in steps, and gives back as its reader reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are borrowed and given back at once.
const STEP: usize = 64 << 10;

/// A bound on what the associations that share it hold, beyond the own part of each. Threads may share it.
#[derive(Debug)]
pub struct Pool {
    most: usize,
    lent: AtomicUsize,
}

impl Pool {
    /// A pool of so many bytes.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, lent: AtomicUsize::new(0) })
    }

    /// What is lent now, in bytes.
    pub fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }

    fn free(&self) -> usize {
        self.most.saturating_sub(self.lent())
    }

    /// Lend so many bytes more, or none.
    fn lend(&self, bytes: usize) -> bool {
        let take = |lent: usize| lent.checked_add(bytes).filter(|lent| *lent <= self.most);
        self.lent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn take_back(&self, bytes: usize) {
        self.lent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one association may hold: its own part, and what it has borrowed.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    own: usize,
    borrowed: usize,
}

impl Share {
    pub(crate) fn new(pool: Arc<Pool>, own: usize) -> Self {
        Self { pool, own, borrowed: 0 }
    }

    /// What is its own or borrowed.
    pub(crate) fn granted(&self) -> usize {
        self.own + self.borrowed
    }

    /// Whether so many bytes may be held; borrows what is missing for that.
    pub(crate) fn covers(&mut self, held: usize) -> bool {
        let missing = held.saturating_sub(self.own + self.borrowed);
        if missing == 0 {
            return true;
        }
        let step = missing.next_multiple_of(STEP);
        let is_lent = self.pool.lend(step);
        if is_lent {
            self.borrowed += step;
        }
        is_lent
    }

    /// So many bytes are held now: give back what that does not need.
    pub(crate) fn settle(&mut self, held: usize) {
        let needed = held.saturating_sub(self.own).next_multiple_of(STEP);
        // A step more stays while any is needed, so that not each message that comes and goes borrows anew.
        let kept = if needed == 0 { 0 } else { needed + STEP };
        if kept < self.borrowed {
            self.pool.take_back(self.borrowed - kept);
            self.borrowed = kept;
        }
    }

    /// What could still be held, while so much is.
    pub(crate) fn free(&self, held: usize) -> usize {
        (self.own + self.borrowed + self.pool.free()).saturating_sub(held)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.take_back(self.borrowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_own_part_is_borrowed_and_given_back() {
        let pool = Pool::new(3 * STEP);
        let mut one = Share::new(Arc::clone(&pool), 1000);
        let mut other = Share::new(Arc::clone(&pool), 1000);
        assert!(one.covers(1000));
        assert_eq!(pool.lent(), 0);
        assert!(one.covers(1001 + STEP));
        assert_eq!((pool.lent(), one.free(1001 + STEP)), (2 * STEP, 2 * STEP - 1));
        assert!(other.covers(1001));
        // The pool is empty; what each has stays.
        assert!(!one.covers(1001 + 2 * STEP));
        assert!(one.covers(1000 + 2 * STEP) && other.covers(1000));
        one.settle(1001);
        assert_eq!(pool.lent(), 3 * STEP);
        one.settle(1000);
        assert_eq!(pool.lent(), STEP);
        drop(other);
        assert_eq!(pool.lent(), 0);
    }
}

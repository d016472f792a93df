//! Pools of received bytes that the connections of this process share.

use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use webrtc_direct_engine::sctp::Pool;

/// Those that connections or listeners have, by their size; of a forked process each of its own.
static POOLS: Mutex<Vec<(u32, usize, Weak<Pool>)>> = Mutex::new(Vec::new());

/// The pool of so many bytes, for all in this process that ask for as many.
pub fn receive_pool(bytes: usize) -> Arc<Pool> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.retain(|(_, _, pool)| pool.strong_count() > 0);
    let own = process::id();
    let known = pools.iter().find(|(process, size, _)| (*process, *size) == (own, bytes));
    if let Some(pool) = known.and_then(|(_, _, pool)| pool.upgrade()) {
        return pool;
    }
    let pool = Pool::new(bytes);
    pools.push((own, bytes, Arc::downgrade(&pool)));
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_as_much_shares_a_pool_while_anybody_has_it() {
        let one = receive_pool(1 << 20);
        assert!(Arc::ptr_eq(&one, &receive_pool(1 << 20)));
        assert!(!Arc::ptr_eq(&one, &receive_pool(2 << 20)));
        let gone = Arc::downgrade(&one);
        drop(one);
        assert!(gone.upgrade().is_none());
        receive_pool(1 << 20);
    }
}

//! How many strangers a listener answers in a turn, where more comes than it can take.
//!
//! What waits at the socket when a turn is over says that this thread is behind. Then strangers have to wait, until it
//! is not: what is read too late the system drops, whosever it is.

/// So many turns in a row, and it is not a burst, which the socket's buffer is for.
const BURST_TURNS: u32 = 4;
/// At least so many are answered in a turn: whatever else this thread has to do, dials get through.
const LEAST: usize = 16;
/// As many as come in a turn.
const MOST: usize = 128;

/// The count.
#[derive(Debug)]
pub(crate) struct Crowd {
    turns_behind: u32,
    limit: usize,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { turns_behind: 0, limit: MOST }
    }
}

impl Crowd {
    /// How many to answer in the turn that begins; none for all.
    pub(crate) fn limit(&self) -> Option<usize> {
        (self.turns_behind >= BURST_TURNS).then_some(self.limit)
    }

    /// A turn is over, and it *is behind* if more waits.
    pub(crate) fn end_turn(&mut self, is_behind: bool) {
        if is_behind {
            self.turns_behind = self.turns_behind.saturating_add(1);
            if self.turns_behind >= BURST_TURNS {
                self.limit = (self.limit * 7 / 8).max(LEAST);
            }
        } else {
            self.turns_behind = 0;
            self.limit = (self.limit + self.limit / 8 + 1).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_what_goes_on_limits_strangers_until_it_is_over() {
        let mut crowd = Crowd::default();
        for is_behind in [true, true, true, false, true, true, true] {
            crowd.end_turn(is_behind);
            assert_eq!(crowd.limit(), None);
        }
        for _ in 0..100 {
            crowd.end_turn(true);
        }
        assert_eq!(crowd.limit(), Some(LEAST));
        crowd.end_turn(false);
        assert_eq!(crowd.limit(), None);
        // It comes back sooner than it went.
        for _ in 0..BURST_TURNS {
            crowd.end_turn(true);
        }
        assert_eq!(crowd.limit(), Some(16));
        for _ in 0..40 {
            crowd.end_turn(false);
        }
        for _ in 0..BURST_TURNS {
            crowd.end_turn(true);
        }
        assert_eq!(crowd.limit(), Some(112));
    }
}

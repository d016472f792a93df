//! Sets of numbers that come in runs.

use std::collections::VecDeque;

/// Runs of numbers, first and last, in order and apart from each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    runs: VecDeque<(u64, u64)>,
}

impl Ranges {
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.runs.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().copied()
    }

    /// The last number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.runs.back().map(|(_, last)| *last)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.runs.partition_point(|(_, last)| *last < number);
        self.runs.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Whether adding *number* makes no run more.
    pub(crate) fn joins(&self, number: u64) -> bool {
        let at = self.runs.partition_point(|(_, last)| last + 1 < number);
        self.runs.get(at).is_some_and(|(first, _)| *first <= number + 1)
    }

    /// Add the numbers from *first* to *last*, and tell *added* of each run of them that is new.
    pub(crate) fn insert(&mut self, first: u64, last: u64, mut added: impl FnMut(u64, u64)) {
        let from = self.runs.partition_point(|(_, end)| end + 1 < first);
        let (mut start, mut end, mut next) = (first, last, first);
        let mut to = from;
        while let Some((run_first, run_last)) = self.runs.get(to).copied() {
            if run_first > last + 1 {
                break;
            }
            if next < run_first {
                added(next, last.min(run_first - 1));
            }
            next = next.max(run_last + 1);
            start = start.min(run_first);
            end = end.max(run_last);
            to += 1;
        }
        if next <= last {
            added(next, last);
        }
        if to == from {
            self.runs.insert(from, (start, end));
            return;
        }
        self.runs[from] = (start, end);
        if to > from + 1 {
            self.runs.drain(from + 1..to);
        }
    }

    /// Remove the first run if it begins at *number*, and say where it ends.
    pub(crate) fn take_first_at(&mut self, number: u64) -> Option<u64> {
        let (first, last) = *self.runs.front()?;
        (first == number).then(|| {
            self.runs.pop_front();
            last
        })
    }

    /// Remove what is not above *number*.
    pub(crate) fn remove_to(&mut self, number: u64) {
        while let Some((first, last)) = self.runs.front_mut() {
            if *last > number {
                *first = (*first).max(number + 1);
                return;
            }
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(ranges: &mut Ranges, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut added = Vec::new();
        ranges.insert(first, last, |first, last| added.push((first, last)));
        added
    }

    #[test]
    fn what_is_new_is_told_and_runs_that_touch_become_one() {
        let mut ranges = Ranges::default();
        assert_eq!(insert(&mut ranges, 10, 12), [(10, 12)]);
        assert_eq!(insert(&mut ranges, 20, 20), [(20, 20)]);
        assert_eq!(insert(&mut ranges, 11, 12), []);
        assert_eq!(insert(&mut ranges, 8, 25), [(8, 9), (13, 19), (21, 25)]);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(8, 25)]);
        assert_eq!(insert(&mut ranges, 26, 27), [(26, 27)]);
        assert_eq!(insert(&mut ranges, 6, 7), [(6, 7)]);
        assert_eq!(ranges.len(), 1);
    }

    #[test]
    fn numbers_match_a_plain_set() {
        let mut ranges = Ranges::default();
        let mut plain = std::collections::BTreeSet::new();
        let mut state = 7u64;
        for _ in 0..2000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let first = (state >> 33) % 500;
            let last = first + (state >> 50) % 5;
            let joins = ranges.joins(first);
            let before = ranges.len();
            let mut told = 0;
            ranges.insert(first, first, |_, _| told += 1);
            assert_eq!(joins, ranges.len() <= before);
            assert_eq!(told == 1, plain.insert(first));
            ranges.insert(first, last, |from, to| {
                for number in from..=to {
                    assert!(plain.insert(number));
                }
            });
        }
        for number in 0..510 {
            assert_eq!(ranges.contains(number), plain.contains(&number));
        }
        ranges.remove_to(250);
        assert!((0..=250).all(|number| !ranges.contains(number)));
        assert!((251..500).all(|number| ranges.contains(number) == plain.contains(&number)));
    }
}

//! One way of the path: what comes goes through the bottleneck, and then waits for its time.
//!
//! It asks for no time and touches no socket.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::bottleneck::Bottleneck;
use crate::loss::Loss;
use crate::options::Path;
use crate::random::Random;

/// What the bottleneck carries beside a datagram: the headers of IPv4 and UDP.
pub(crate) const HEADERS: u64 = 28;
/// Beyond it datagrams are dropped, and counted as overflowed.
const MOST_WAITING: usize = 256 << 20;
/// What one system call sends.
const MOST_TRAIN: usize = 64_000;
/// Nanoseconds after which a datagram that leaves counts as late.
const LATE: u64 = 1_000_000;
/// Buffers that are kept to be used again.
const MOST_SPARE: usize = 4096;

/// What happened to datagrams; bytes are those of UDP's payload.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) queue_dropped: u64,
    pub(crate) lost: u64,
    pub(crate) too_large: u64,
    /// For want of room in the relay or in a socket.
    pub(crate) overflowed: u64,
    pub(crate) passed: u64,
    pub(crate) passed_bytes: u64,
    /// Of those that left, so many did a millisecond too late, or more: the machine was busy.
    pub(crate) late: u64,
    /// The largest queue at the bottleneck, in bytes of packets.
    pub(crate) largest_queue: u64,
}

/// A datagram that waits for its time; *client* says where it goes.
struct Waiting {
    due: u64,
    /// Keeps the order of those that are due at once.
    number: u64,
    client: usize,
    datagram: Vec<u8>,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap has the largest on top, and what is due first has to be there.
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

/// Datagrams for one client, joined in `Direction::train`, each of *size* bytes but the last.
pub(crate) struct Train {
    pub(crate) client: usize,
    pub(crate) size: usize,
    pub(crate) count: u64,
}

pub(crate) struct Direction {
    bottleneck: Bottleneck,
    loss: Loss,
    delay: u64,
    jitter: u64,
    mtu: u64,
    random: Random,
    waiting: BinaryHeap<Waiting>,
    waiting_bytes: usize,
    spare: Vec<Vec<u8>>,
    number: u64,
    /// The joined datagrams of the last train.
    pub(crate) train: Vec<u8>,
    pub(crate) counters: Counters,
    /// The largest queue since the last look at it.
    recent_queue: u64,
}

impl Direction {
    pub(crate) fn new(path: &Path, seed: u64) -> Self {
        Self {
            bottleneck: Bottleneck::new(path.bits_per_second, path.queue_limit),
            loss: Loss::new(path.loss, path.burst_loss, path.burst_length),
            delay: path.delay,
            jitter: path.jitter,
            mtu: path.mtu.unwrap_or(u64::MAX),
            random: Random::new(seed),
            waiting: BinaryHeap::new(),
            waiting_bytes: 0,
            spare: Vec::new(),
            number: 0,
            train: Vec::new(),
            counters: Counters::default(),
            recent_queue: 0,
        }
    }

    /// Take a *datagram* on its way to, or from, a client. Times are nanoseconds.
    pub(crate) fn take(&mut self, now: u64, client: usize, datagram: &[u8]) {
        let size = datagram.len() as u64;
        self.counters.datagrams += 1;
        self.counters.bytes += size;
        if size + HEADERS > self.mtu {
            self.counters.too_large += 1;
            return;
        }
        let left = self.bottleneck.offer(now, size + HEADERS);
        let queued = self.bottleneck.queued(now);
        self.counters.largest_queue = self.counters.largest_queue.max(queued);
        self.recent_queue = self.recent_queue.max(queued);
        let Some(left) = left else {
            self.counters.queue_dropped += 1;
            return;
        };
        if self.loss.is_lost(&mut self.random) {
            self.counters.lost += 1;
            return;
        }
        if self.waiting_bytes + datagram.len() > MOST_WAITING {
            self.counters.overflowed += 1;
            return;
        }
        let jitter = if self.jitter > 0 { self.random.up_to(self.jitter) } else { 0 };
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.extend_from_slice(datagram);
        self.waiting_bytes += datagram.len();
        self.number += 1;
        self.waiting.push(Waiting {
            due: left + self.delay + jitter,
            number: self.number,
            client,
            datagram: copy,
        });
    }

    /// When the next datagram has to be sent.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.waiting.peek().map(|first| first.due)
    }

    /// Join in `train` what is due and can be sent at once: at most *most* datagrams for one client.
    pub(crate) fn next_train(&mut self, now: u64, most: usize) -> Option<Train> {
        let first = self.pop_due(now)?;
        self.train.clear();
        let mut train = Train { client: first.client, size: first.datagram.len(), count: 0 };
        let mut last = first.datagram.len();
        self.couple(first.datagram, &mut train);
        // The kernel cuts a train into equal parts, of which the last may be shorter.
        while let Some(next) = self.waiting.peek() {
            let size = next.datagram.len();
            let fits = next.client == train.client && last == train.size && size <= train.size;
            let is_full = train.count as usize >= most || self.train.len() + size > MOST_TRAIN;
            if !fits || is_full || size == 0 {
                break;
            }
            let Some(next) = self.pop_due(now) else {
                break;
            };
            last = size;
            self.couple(next.datagram, &mut train);
        }
        Some(train)
    }

    /// How many bytes waited for the bottleneck at most since the last call.
    pub(crate) fn take_recent_queue(&mut self, now: u64) -> u64 {
        std::mem::take(&mut self.recent_queue).max(self.bottleneck.queued(now))
    }

    fn pop_due(&mut self, now: u64) -> Option<Waiting> {
        if self.next_due()? > now {
            return None;
        }
        let first = self.waiting.pop()?;
        self.waiting_bytes -= first.datagram.len();
        self.counters.late += u64::from(now - first.due >= LATE);
        Some(first)
    }

    fn couple(&mut self, mut datagram: Vec<u8>, train: &mut Train) {
        train.count += 1;
        self.train.extend_from_slice(&datagram);
        if self.spare.len() < MOST_SPARE {
            datagram.clear();
            self.spare.push(datagram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn path() -> Path {
        Path {
            bits_per_second: None,
            queue_limit: 0,
            delay: 10 * MILLISECOND,
            jitter: 0,
            loss: 0.0,
            burst_loss: 0.0,
            burst_length: 1.0,
            mtu: None,
        }
    }

    /// The first byte and the time, in milliseconds, of each datagram that leaves.
    fn left(direction: &mut Direction, until: u64) -> Vec<(u8, u64)> {
        let mut left = Vec::new();
        for now in (0..=until).map(|time| time * MILLISECOND) {
            while direction.next_train(now, 1).is_some() {
                left.push((direction.train[0], now / MILLISECOND));
            }
        }
        left
    }

    #[test]
    fn a_datagram_leaves_after_the_delay() {
        let mut direction = Direction::new(&path(), 1);
        direction.take(5 * MILLISECOND, 0, &[7]);
        assert_eq!(direction.next_due(), Some(15 * MILLISECOND));
        assert_eq!(left(&mut direction, 20), [(7, 15)]);
    }

    #[test]
    fn the_headers_take_their_part_of_the_rate() {
        let rate = Some(8_000_000);
        let mut direction = Direction::new(&Path { bits_per_second: rate, queue_limit: 5000, ..path() }, 1);
        for number in 0..8 {
            direction.take(0, 0, &[number; 972]);
        }
        // 1000 bytes a millisecond, and five of them may wait.
        assert_eq!(left(&mut direction, 20), [(0, 11), (1, 12), (2, 13), (3, 14), (4, 15)]);
        assert_eq!(direction.counters.queue_dropped, 3);
        assert_eq!(direction.counters.largest_queue, 5000);
    }

    #[test]
    fn jitter_lets_datagrams_overtake_and_bounds_how_far() {
        let mut direction = Direction::new(&Path { jitter: 4 * MILLISECOND, ..path() }, 1);
        for number in 0..100 {
            direction.take(u64::from(number) * MILLISECOND, 0, &[number]);
        }
        let left = left(&mut direction, 200);
        assert!(left.windows(2).any(|pair| pair[0].0 > pair[1].0));
        for (number, at) in left {
            let delay = at - u64::from(number);
            assert!((10..=15).contains(&delay), "{delay}");
        }
    }

    #[test]
    fn without_jitter_the_order_is_kept() {
        let mut direction = Direction::new(&path(), 1);
        (0..100).for_each(|number| direction.take(0, 0, &[number]));
        assert!(left(&mut direction, 20).into_iter().map(|(number, _)| number).eq(0..100));
    }

    #[test]
    fn what_is_larger_than_the_path_takes_is_dropped() {
        let mut direction = Direction::new(&Path { mtu: Some(1500), ..path() }, 1);
        direction.take(0, 0, &[1; 1472]);
        direction.take(0, 0, &[2; 1473]);
        assert_eq!(left(&mut direction, 20), [(1, 10)]);
        assert_eq!(direction.counters.too_large, 1);
    }

    #[test]
    fn a_train_is_for_one_client_and_ends_with_a_shorter_datagram() {
        let mut direction = Direction::new(&path(), 1);
        for (client, size) in [(0, 100), (0, 100), (0, 50), (0, 100), (1, 100), (1, 200)] {
            direction.take(0, client, &vec![0; size]);
        }
        let mut trains = Vec::new();
        while let Some(train) = direction.next_train(10 * MILLISECOND, 64) {
            trains.push((train.client, train.size, train.count, direction.train.len()));
        }
        assert_eq!(trains, [(0, 100, 3, 250), (0, 100, 1, 100), (1, 100, 1, 100), (1, 200, 1, 200)]);
    }
}

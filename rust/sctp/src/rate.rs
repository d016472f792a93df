//! The rate at which the path delivers (draft-cheng-iccrg-delivery-rate-estimation).

use std::time::{Duration, Instant};

/// What was known when a chunk left; kept with the chunk until it is acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// When it left.
    pub(crate) sent: Instant,
    /// Bytes in flight when it left, itself included.
    pub(crate) in_flight: u64,
    /// Bytes lost, ever, when it left.
    pub(crate) lost: u64,
    delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    is_application_limited: bool,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Bytes delivered, ever, when the newest acknowledged chunk had left.
    pub prior_delivered: u64,
    /// Bytes delivered, ever, now.
    pub total_delivered: u64,
    /// Bytes delivered in between.
    pub delivered: u64,
    /// In how long.
    pub interval: Duration,
    /// Whether the sender had nothing more to send meanwhile.
    pub is_application_limited: bool,
    /// Bytes in flight when the newest acknowledged chunk had left.
    pub in_flight_when_sent: u64,
    /// Bytes lost since then.
    pub lost: u64,
}

impl Sample {
    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        rate(self.delivered, self.interval)
    }
}

/// Measures.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// Bytes delivered, ever.
    delivered: u64,
    /// When the newest of them was.
    delivered_at: Instant,
    /// When the chunk left that began the current flight, or was acknowledged last.
    first_sent: Instant,
    lost: u64,
    /// All that leaves is limited by the application until so many bytes are delivered.
    application_limited_until: Option<u64>,
    /// The newest chunk of those acknowledged since the last sample.
    newest: Option<Stamp>,
}

impl Sampler {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_at: now,
            first_sent: now,
            lost: 0,
            application_limited_until: None,
            newest: None,
        }
    }

    /// A chunk of *bytes* leaves; *in_flight* before it.
    pub(crate) fn send(&mut self, now: Instant, bytes: u64, in_flight: u64) -> Stamp {
        if in_flight == 0 {
            self.first_sent = now;
            self.delivered_at = now;
        }
        Stamp {
            sent: now,
            in_flight: in_flight + bytes,
            lost: self.lost,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            is_application_limited: self.application_limited_until.is_some(),
        }
    }

    /// A chunk is newly acknowledged.
    pub(crate) fn acknowledge(&mut self, now: Instant, stamp: &Stamp, bytes: u64) {
        self.delivered += bytes;
        self.delivered_at = now;
        let is_newer = |newest: &Stamp| (stamp.delivered, stamp.sent) >= (newest.delivered, newest.sent);
        if self.newest.as_ref().is_none_or(is_newer) {
            self.newest = Some(*stamp);
        }
    }

    /// A chunk is taken for lost.
    pub(crate) fn lose(&mut self, bytes: u64) {
        self.lost += bytes;
    }

    /// Bytes lost, ever.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// There is nothing more to send; *in_flight* is.
    pub(crate) fn limit_by_application(&mut self, in_flight: u64) {
        self.application_limited_until = Some(self.delivered + in_flight);
    }

    /// After all that one SACK acknowledges: what it has measured.
    pub(crate) fn take_sample(&mut self, now: Instant, least_round_trip: Option<Duration>) -> Option<Sample> {
        if self.application_limited_until.is_some_and(|until| self.delivered > until) {
            self.application_limited_until = None;
        }
        let newest = self.newest.take()?;
        // The interval that follows begins where this one ended.
        self.first_sent = self.first_sent.max(newest.sent);
        let send_elapsed = newest.sent.saturating_duration_since(newest.first_sent);
        let acknowledge_elapsed = now.saturating_duration_since(newest.delivered_at);
        let interval = send_elapsed.max(acknowledge_elapsed);
        // Section 4.1.2.3 of draft-ietf-ccwg-bbr: what is shorter than any round trip
        // acknowledges a chunk that was sent again, by its first sending.
        if interval.is_zero() || least_round_trip.is_some_and(|least| interval < least) {
            return None;
        }
        Some(Sample {
            prior_delivered: newest.delivered,
            total_delivered: self.delivered,
            delivered: self.delivered - newest.delivered,
            interval,
            is_application_limited: newest.is_application_limited,
            in_flight_when_sent: newest.in_flight,
            lost: self.lost - newest.lost,
        })
    }
}

/// *bytes* in *time* as bytes a second.
pub(crate) fn rate(bytes: u64, time: Duration) -> u64 {
    let nanoseconds = time.as_nanos().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
}

/// The bytes that *rate* gives in *time*.
pub(crate) fn amount(rate: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: u64 = 1200;
    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn steady_delivery_gives_its_rate() {
        let start = Instant::now();
        let mut sampler = Sampler::new(start);
        let stamps: Vec<Stamp> = (0..40)
            .map(|at| sampler.send(start + MILLISECOND * at, PACKET, u64::from(at) * PACKET))
            .collect();
        let mut last = None;
        for (at, stamp) in (0..).zip(&stamps) {
            let now = start + MILLISECOND * (50 + at);
            sampler.acknowledge(now, stamp, PACKET);
            last = sampler.take_sample(now, Some(MILLISECOND * 50));
        }
        // The first flight: all was delivered since the first left, 89 ms ago.
        let sample = last.expect("a sample");
        assert_eq!(sample.delivered, 40 * PACKET);
        assert_eq!(sample.interval, MILLISECOND * 89);
        assert_eq!(sample.in_flight_when_sent, 40 * PACKET);
    }

    #[test]
    fn acknowledgements_that_come_at_once_do_not_raise_the_rate() {
        let start = Instant::now();
        let mut sampler = Sampler::new(start);
        let first = sampler.send(start, PACKET, 0);
        sampler.acknowledge(start + MILLISECOND * 10, &first, PACKET);
        assert!(sampler.take_sample(start + MILLISECOND * 10, None).is_some());
        // Ten packets, one every 10 ms; a slow first makes all the others wait for it.
        let stamps: Vec<Stamp> = (1..11)
            .map(|at| sampler.send(start + MILLISECOND * 10 * at, PACKET, u64::from(at - 1) * PACKET))
            .collect();
        let now = start + MILLISECOND * 111;
        for stamp in &stamps {
            sampler.acknowledge(now, stamp, PACKET);
        }
        let sample = sampler.take_sample(now, Some(MILLISECOND * 10)).expect("a sample");
        assert!(sample.rate() <= 10 * PACKET * 10 * 11 / 10, "{}", sample.rate());
    }

    #[test]
    fn what_the_application_limits_is_marked() {
        let start = Instant::now();
        let mut sampler = Sampler::new(start);
        let before = sampler.send(start, PACKET, 0);
        sampler.limit_by_application(PACKET);
        let limited = sampler.send(start + MILLISECOND, PACKET, PACKET);
        let mut measure = |stamp: &Stamp, at: u32| {
            let now = start + MILLISECOND * at;
            sampler.acknowledge(now, stamp, PACKET);
            (sampler.take_sample(now, None).expect("a sample").is_application_limited, now)
        };
        assert!(!measure(&before, 10).0);
        let (is_limited, now) = measure(&limited, 11);
        assert!(is_limited);
        // What was in flight at the pause is delivered: the mark is gone.
        let after = sampler.send(now, PACKET, 0);
        sampler.acknowledge(now + MILLISECOND, &after, PACKET);
        assert!(!sampler.take_sample(now + MILLISECOND, None).expect("a sample").is_application_limited);
    }

    #[test]
    fn losses_since_the_sending_are_counted() {
        let start = Instant::now();
        let mut sampler = Sampler::new(start);
        sampler.lose(PACKET);
        let stamp = sampler.send(start, PACKET, 0);
        sampler.lose(2 * PACKET);
        sampler.acknowledge(start + MILLISECOND, &stamp, PACKET);
        let sample = sampler.take_sample(start + MILLISECOND, None).expect("a sample");
        assert_eq!((sample.lost, sampler.lost()), (2 * PACKET, 3 * PACKET));
    }

    #[test]
    fn nothing_is_measured_in_less_than_a_round_trip() {
        let start = Instant::now();
        let mut sampler = Sampler::new(start);
        let stamp = sampler.send(start, PACKET, 0);
        sampler.acknowledge(start + MILLISECOND, &stamp, PACKET);
        assert!(sampler.take_sample(start + MILLISECOND, Some(MILLISECOND * 2)).is_none());
        assert!(sampler.take_sample(start + MILLISECOND, None).is_none());
    }
}

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

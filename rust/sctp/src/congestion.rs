//! How much may be in flight, and how fast it may leave.

mod bbr;
mod cubic;
mod hystart;
mod newreno;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use bbr::Bbr;
use cubic::Cubic;
use newreno::NewReno;

pub use crate::rate::Sample;

/// The algorithms to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// BBR, version 3 (draft-ietf-ccwg-bbr): steers by the measured rate and round trip.
    #[default]
    Bbr,
    /// CUBIC (RFC 9438) with HyStart++ (RFC 9406): steers by losses.
    Cubic,
    /// NewReno (RFC 9002, section 7): the simplest, as a reference.
    NewReno,
}

impl Kind {
    /// A controller of this kind, for packets that carry *packet_size* bytes of chunks.
    pub fn controller(self, now: Instant, packet_size: u64) -> Box<dyn Controller> {
        match self {
            Self::Bbr => Box::new(Bbr::new(now, packet_size)),
            Self::Cubic => Box::new(Cubic::new(packet_size)),
            Self::NewReno => Box::new(NewReno::new(packet_size)),
        }
    }
}

/// What a SACK has acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// When it came.
    pub now: Instant,
    /// Bytes that it newly acknowledges, cumulatively or by a gap block.
    pub bytes: u64,
    /// Bytes in flight before it: sent, and neither acknowledged nor taken for lost.
    pub prior_in_flight: u64,
    /// Bytes in flight after it.
    pub in_flight: u64,
    /// The round trip that it has measured, of what was sent once.
    pub round_trip: Option<Duration>,
    /// The delivery rate that it has measured.
    pub sample: Option<Sample>,
    /// Whether something is being recovered: a loss was found, and what was in flight then is not yet settled.
    pub in_recovery: bool,
}

/// A loss that was found.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// When it was found.
    pub now: Instant,
    /// Bytes that are taken for lost now.
    pub bytes: u64,
    /// Bytes in flight when the last of them was sent, itself included.
    pub in_flight_when_sent: u64,
    /// Bytes lost since it was sent, itself included.
    pub lost_since_sent: u64,
    /// Bytes in flight now.
    pub in_flight: u64,
    /// Whether it is the first since everything that was in flight at the loss before it is settled.
    pub is_new_episode: bool,
}

/// Decides how much may be in flight, and how fast it may leave. All sizes are bytes of chunks.
pub trait Controller: Debug + Send {
    /// So many bytes leave; *in_flight* with them. *is_limited_by_application*: there is no more to send.
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64, is_limited_by_application: bool);
    /// A SACK acknowledges something new.
    fn on_acknowledged(&mut self, acknowledged: &Acknowledged);
    /// Something is taken for lost.
    fn on_lost(&mut self, lost: &Lost);
    /// The retransmission timer has expired: all that was in flight is taken for lost.
    fn on_timeout(&mut self, now: Instant);
    /// What was taken for lost since the last episode began had arrived.
    fn on_spurious(&mut self, now: Instant);
    /// How many bytes may be in flight.
    fn window(&self) -> u64;
    /// How fast they may leave, in bytes a second; nothing while no round trip is known.
    fn pacing_rate(&self) -> Option<u64>;
}

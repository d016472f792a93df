//! The sending half: what waits, what is out, what is lost, and how fast it goes.

pub(crate) mod detection;
pub(crate) mod outstanding;
pub(crate) mod queue;
pub(crate) mod round_trip;
pub(crate) mod sender;

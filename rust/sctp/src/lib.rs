//! SCTP for data channels.

#![forbid(unsafe_code)]

pub mod congestion;
mod pacer;
mod rate;

//! SCTP for data channels.

#![forbid(unsafe_code)]

pub mod congestion;
#[allow(dead_code)]
mod pacer;
#[allow(dead_code)]
mod rate;

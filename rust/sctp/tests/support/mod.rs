//! What the tests share: ends of several implementations, and a network that exists only here.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod chance;
pub mod churn;
pub mod flow;
pub mod network;
pub mod peer;
pub mod puppet;
pub mod seeds;
pub mod traffic;
pub mod wire;
pub mod world;

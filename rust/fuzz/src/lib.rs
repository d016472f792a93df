//! What a peer can send, driven by bytes: each module has one `run`, which must not panic.
//!
//! libFuzzer calls them (`fuzz_targets/`), and so does `engine/tests/untrusted.rs`, which takes this very
//! file in as a module and holds in CI what the fuzzer has found. `seeds/` has the inputs to start from,
//! one directory for each target; `examples/seeds.rs` makes those that are no finding.
//!
//! A checksum would keep nearly every input out at the door, so inputs are scripts: their datagrams get
//! their checksums, tags and keys from here, as a peer would make them, beside some that get none.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod association;
pub mod dcep;
pub mod dtls;
pub mod listener;
pub mod peer;
pub mod script;
pub mod sctp;
pub mod session;
pub mod stun;
pub mod username;

//! dcsctp, the SCTP of WebRTC by its authors, with the changes that this project needs.
//!
//! The source is the published crate, which `Cargo.lock` pins with its checksum. `build.rs` copies it
//! to `OUT_DIR` and makes the changes listed there, each with its reason; a change that does not apply
//! fails the build. Nothing of the crate's source is kept in this repository.
//!
//! This crate can be deleted, and dcsctp be used directly, once a release of dcsctp receives the chunk
//! that fills the first gap when the window is full, announces a window that opens again, and does not
//! pay for logging that is off.

// A module tree that comes in through `include!` trips these.
#![allow(macro_expanded_macro_exports_accessed_by_absolute_paths)]
#![allow(clippy::all, dead_code, unused_macros)]

include!(concat!(env!("OUT_DIR"), "/dcsctp/lib.rs"));

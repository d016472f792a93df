//! The receiving half: which TSNs have come, what is to be said of them, and the messages they make.

pub(crate) mod acknowledge;
pub(crate) mod pool;
pub(crate) mod reassembly;
mod stream;
pub(crate) mod window;

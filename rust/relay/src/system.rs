//! What the standard library has no word for: to wait for sockets with the precision of the clock, and to
//! be asked to end.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The least of those that come before all programs without one.
const PRIORITY: libc::c_int = 1;

static ENDING: AtomicBool = AtomicBool::new(false);

extern "C" fn end(_signal: libc::c_int) {
    ENDING.store(true, Ordering::Relaxed);
}

/// Whether a signal asked for the end.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Let SIGTERM and SIGINT ask for the end instead of killing the process.
pub(crate) fn end_on_signals() -> io::Result<()> {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let handler = end as extern "C" fn(libc::c_int);
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
        if unsafe { libc::signal(signal, handler as libc::sighandler_t) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Ask the kernel for wakes at the very time, and not up to 50 µs later, and for a turn before all other
/// programs; the relay sleeps most of the time. Where it refuses, more datagrams are late, and are counted.
pub(crate) fn wake_in_time() {
    let _ = std::fs::write("/proc/self/timerslack_ns", "1");
    let priority = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: the pointer is to a parameter that outlives the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const priority) };
}

/// Descriptors that are waited for, known by the order in which they were added.
#[derive(Default)]
pub(crate) struct Waiter {
    polled: Vec<libc::pollfd>,
}

impl Waiter {
    pub(crate) fn add(&mut self, descriptor: &impl AsRawFd) {
        self.polled.push(libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    }

    /// Wait until one can be read, a signal comes, or *timeout* is over.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let count = self.polled.len() as libc::nfds_t;
        // SAFETY: the pointers are to *count* entries and to a time, which outlive the call; without a mask
        // the signals stay as they are.
        if unsafe { libc::ppoll(self.polled.as_mut_ptr(), count, &raw const timeout, std::ptr::null()) } < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
            self.polled.iter_mut().for_each(|each| each.revents = 0);
        }
        Ok(())
    }

    /// Whether the one that was added as number *index* can be read, or has ended.
    pub(crate) fn is_ready(&self, index: usize) -> bool {
        self.polled[index].revents != 0
    }
}

//! What passes and what waits, each 20 ms, as lines of JSON in a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::direction::Direction;

const INTERVAL: u64 = 20_000_000;
const NANOSECONDS_PER_MS: f64 = 1e6;

pub(crate) struct Trace {
    file: BufWriter<File>,
    due: u64,
    /// Of the lines before, one for each way: bytes to each listener, or from it, and datagrams that the
    /// queue dropped.
    seen: [(Vec<u64>, u64); 2],
}

impl Trace {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), due: 0, seen: Default::default() })
    }

    /// When the next line has to be written.
    pub(crate) fn due(&self) -> u64 {
        self.due
    }

    /// Write a line if it is time. *passed* has the bytes of each listener so far, up and down.
    pub(crate) fn write(
        &mut self,
        now: u64,
        ways: [&mut Direction; 2],
        passed: [&[u64]; 2],
    ) -> io::Result<()> {
        if now < self.due {
            return Ok(());
        }
        self.due = now - now % INTERVAL + INTERVAL;
        write!(self.file, "{{\"ms\":{:.3}", now as f64 / NANOSECONDS_PER_MS)?;
        for (((name, way), passed), seen) in
            ["up", "down"].into_iter().zip(ways).zip(passed).zip(&mut self.seen)
        {
            let dropped = way.counters.queue_dropped;
            seen.0.resize(passed.len(), 0);
            let bytes: Vec<u64> = passed.iter().zip(&seen.0).map(|(all, seen)| all - seen).collect();
            let queue = way.take_recent_queue(now);
            write!(
                self.file,
                ",\"{name}\":{{\"bytes\":{bytes:?},\"queue\":{queue},\"dropped\":{}}}",
                dropped - seen.1
            )?;
            *seen = (passed.to_vec(), dropped);
        }
        writeln!(self.file, "}}")
    }

    /// Let the next line be the last, whatever the time is.
    pub(crate) fn finish(&mut self) {
        self.due = 0;
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

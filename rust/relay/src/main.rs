//! A UDP relay on loopback that is a path between dialers and listeners.
//!
//! Each way is one bottleneck (a rate and a drop-tail queue), and behind it a delay, losses, alone or in
//! bursts, and jitter that lets datagrams overtake each other. A dialer is given the relay's address in
//! place of the listener's; each source address has a socket of its own towards the listener, as behind a
//! NAT. Several listeners share the two bottlenecks, each at an address of the relay's. It prints one JSON
//! line when it can be used, and its counters when SIGTERM, SIGINT or the end of a pipe on stdin ends it.

#![deny(unsafe_code)]

mod bottleneck;
mod direction;
mod loss;
mod options;
mod random;
mod relay;
mod sockets;
mod system;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;

use relay::Relay;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = options::parse(&words).and_then(|options| {
        let mut relay = Relay::new(&options).map_err(|error| error.to_string())?;
        run(&mut relay).map_err(|error| error.to_string())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nobody is left to tell if this fails too.
            let _ = writeln!(io::stderr(), "error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(relay: &mut Relay) -> io::Result<()> {
    system::end_on_signals()?;
    system::wake_in_time();
    writeln!(io::stdout(), "{}", relay.listening()?)?;
    relay.run()?;
    writeln!(io::stdout(), "{}", relay.counters()?)
}

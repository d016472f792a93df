//! quinn as a peer of `interop/`: `listen` and `dial`, JSON lines, and a transfer like that of `/perf/1.0.0`.
//!
//! `webrtc-direct-quinn --congestion cubic|bbr listen [--ip IP]` prints its address, which holds its
//! certificate; `... dial ADDRESS [--perf-upload=BYTES] [--perf-download=BYTES] [--timeout=SECONDS]` moves
//! bytes on one stream and prints how long that took.

mod ends;
mod options;
mod transfer;

use std::io::{self, Write};
use std::process::ExitCode;

use options::Command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match options::parse(&words) {
        Ok((controller, Command::Listen(ip))) => transfer::listen(controller, ip).await,
        Ok((controller, Command::Dial(dial))) => transfer::dial(controller, &dial).await,
        Err(problem) => Err(problem.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nobody is left to tell if this fails too.
            let _ = writeln!(io::stderr(), "error: {problem}");
            ExitCode::FAILURE
        }
    }
}

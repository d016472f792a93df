//! rust-libp2p as a peer for tests and benchmarks of webrtc-direct. It speaks JSON lines on stdout;
//! `interop/README.md` describes them. `RUST_LOG` lets the library speak on stderr.

mod content;
mod dial;
mod listen;
mod node;
mod options;
mod output;
mod serve;
mod transfers;

use std::process::ExitCode;

use clap::Parser;

use options::{Action, Options};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let (code, error) = match Options::parse().command {
        Action::Listen { ip, port } => (1, listen::listen(ip, port).await.err()),
        Action::Dial(options) if options.version == "v2" => {
            (2, Some(anyhow::anyhow!("rust-libp2p dials v1 only")))
        }
        Action::Dial(options) => (1, dial::dial(&options).await.err()),
    };
    match error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::from(code)
        }
    }
}

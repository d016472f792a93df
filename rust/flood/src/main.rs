//! Floods a listener on loopback with what strangers may send, and counts what comes back.
//!
//! One thread sends as fast as it can, or at a rate, from many addresses of many networks, for a bounded
//! time. It counts per source address, so that it can tell whether an address that has proved nothing
//! ever got more than three times what it sent. Sources are in 127.0.0.0/8, or in a prefix of IPv6 that a
//! network namespace keeps to itself; targets elsewhere are refused. `make stress` and a test run it; its
//! last word is a line of JSON.

#![forbid(unsafe_code)]

mod addresses;
mod clients;
mod local;
mod messages;
mod options;
mod order;
mod sources;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use addresses::Addresses;
use clients::{Clients, Parameters, Step};
use messages::{Kind, Pool};
use options::Options;
use sources::{Place, Sources};

/// A look at the clock and at the sockets costs more than a batch does.
const BATCHES_PER_LOOK: u64 = 32;
const NAP: Duration = Duration::from_micros(200);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match options::parse(&words).and_then(|options| run(options).map_err(|error| error.to_string())) {
        Ok(report) => match writeln!(io::stdout(), "{report}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => {
            // Nobody is left to tell if this fails too.
            let _ = writeln!(io::stderr(), "error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// What is counted beside the sources' own counts.
#[derive(Default)]
struct Counts {
    batches: u64,
    /// Datagrams that the kernel was to take.
    offered: u64,
    sent: u64,
    received: u64,
    answered: u64,
}

fn run(mut options: Options) -> io::Result<String> {
    if let (Kind::After(step), Some(parameters)) = (options.kind, options.client.take()) {
        return run_clients(&options, step, parameters);
    }
    let pool = Pool::new(options.kind, options.batch);
    let addresses = Addresses::new(options.target.is_ipv4(), options.networks(), options.sources);
    let mut sources = Sources::new(options.target, addresses, options.random)?;
    let mut counts = Counts::default();
    let start = Instant::now();
    let end = start + options.time;
    loop {
        let now = Instant::now();
        if now >= end {
            break;
        }
        let due = options.rate.map(|rate| (now - start).as_secs_f64() * rate);
        for _ in 0..BATCHES_PER_LOOK {
            if due.is_some_and(|due| counts.offered as f64 >= due) {
                std::thread::sleep(NAP);
                break;
            }
            let batch = pool.batch(counts.batches);
            let place = sources.next_place();
            if sources.send(place, &batch.contents, batch.size) {
                counts.sent += batch.count as u64;
            }
            counts.offered += batch.count as u64;
            counts.batches += 1;
        }
        take(&mut sources, options.kind, &pool, &mut counts)?;
    }
    let sending = start.elapsed();
    let end = Instant::now() + options.linger;
    while Instant::now() < end {
        take(&mut sources, options.kind, &pool, &mut counts)?;
        std::thread::sleep(NAP);
    }
    Ok(report(&sources, &counts, sending))
}

/// Have clients connect up to *step*.
fn run_clients(options: &Options, step: Step, parameters: Parameters) -> io::Result<String> {
    let addresses = Addresses::new(options.target.is_ipv4(), options.networks(), options.sources);
    let mut sources = Sources::new(options.target, addresses, options.random)?;
    let mut clients = Clients::new(options.target, step, parameters);
    let mut counts = Counts::default();
    let start = Instant::now();
    loop {
        let now = Instant::now();
        let elapsed = now - start;
        if elapsed >= options.time + options.linger {
            break;
        }
        let due = options.rate.map_or(u64::MAX, |rate| (elapsed.as_secs_f64() * rate) as u64);
        if elapsed < options.time && counts.offered < due {
            let place = sources.next_place();
            clients.begin(place, &mut sources, now);
            counts.offered += 1;
        } else {
            std::thread::sleep(NAP);
        }
        counts.received += clients.work(&mut sources, now)?;
    }
    counts.answered = clients.connected;
    counts.sent = counts.offered;
    Ok(report(&sources, &counts, options.time))
}

/// Take what has come; a kind that proves its addresses answers.
fn take(sources: &mut Sources, kind: Kind, pool: &Pool, counts: &mut Counts) -> io::Result<()> {
    let mut answers: Vec<(Place, Vec<u8>)> = Vec::new();
    counts.received += sources.receive(|place, datagram| {
        if kind == Kind::HalfOpenProved
            && let Some(answer) = messages::answer_untrusted(datagram)
        {
            answers.push((place, answer));
        }
    })?;
    for (place, answer) in answers {
        sources.prove(place);
        sources.send(place, &answer, answer.len());
        let hello = pool.hello();
        sources.send(place, hello, hello.len());
        counts.sent += 2;
        counts.answered += 1;
    }
    Ok(())
}

fn report(sources: &Sources, counts: &Counts, sending: Duration) -> String {
    let totals = sources.totals();
    format!(
        "{{\"seconds\":{:.3},\"datagrams_sent\":{},\"bytes_sent\":{},\"datagrams_received\":{},\
         \"bytes_received\":{},\"sources\":{},\"proved\":{},\"checks_answered\":{},\
         \"worst_ratio\":{:.4},\"refused_by_kernel\":{}}}",
        sending.as_secs_f64(),
        counts.sent,
        totals.sent,
        counts.received,
        totals.received,
        totals.used,
        totals.proved,
        counts.answered,
        totals.worst_ratio,
        totals.refused,
    )
}

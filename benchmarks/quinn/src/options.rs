//! The command line.

use std::net::IpAddr;
use std::time::Duration;

const USAGE: &str = "usage: webrtc-direct-quinn --congestion cubic|bbr listen [--ip IP] | dial ADDRESS \
                     [--perf-upload=BYTES] [--perf-download=BYTES] [--timeout=SECONDS]";

#[derive(Clone, Copy)]
pub(crate) enum Controller {
    Cubic,
    Bbr,
}

pub(crate) struct Dial {
    pub(crate) address: String,
    pub(crate) upload: u64,
    pub(crate) download: u64,
    pub(crate) timeout: Duration,
}

pub(crate) enum Command {
    Listen(IpAddr),
    Dial(Dial),
}

pub(crate) fn parse(words: &[String]) -> Result<(Controller, Command), String> {
    // `--name=value` is the same as `--name value`.
    let words: Vec<&str> = words.iter().flat_map(|word| word.splitn(2, '=')).collect();
    let ["--congestion", controller, command, rest @ ..] = words.as_slice() else {
        return Err(USAGE.to_owned());
    };
    let controller = match *controller {
        "cubic" => Controller::Cubic,
        "bbr" => Controller::Bbr,
        _ => return Err(USAGE.to_owned()),
    };
    let command = match (*command, rest) {
        ("listen", []) => Command::Listen(IpAddr::from([127, 0, 0, 1])),
        ("listen", ["--ip", ip]) => Command::Listen(number("--ip", ip)?),
        ("dial", [address, rest @ ..]) => Command::Dial(dial(address, rest)?),
        _ => return Err(USAGE.to_owned()),
    };
    Ok((controller, command))
}

fn dial(address: &str, rest: &[&str]) -> Result<Dial, String> {
    let mut dial =
        Dial { address: address.to_owned(), upload: 0, download: 0, timeout: Duration::from_secs(120) };
    for pair in rest.chunks(2) {
        match pair {
            [name @ "--perf-upload", value] => dial.upload = number(name, value)?,
            [name @ "--perf-download", value] => dial.download = number(name, value)?,
            [name @ "--timeout", value] => {
                dial.timeout = Duration::try_from_secs_f64(number(name, value)?)
                    .map_err(|_| format!("{name} wants seconds"))?;
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(dial)
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} cannot be {text}"))
}

//! The program, between sockets of its own: what comes out at the other side, and what it counts.
//!
//! Times are bounded from below alone, for a busy machine makes everything later.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

struct Relay {
    program: Child,
    output: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

impl Relay {
    fn start(listeners: &[&UdpSocket], options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webrtc-direct-relay"));
        for listener in listeners {
            command.arg("--to").arg(listener.local_addr().expect("it is bound").to_string());
        }
        command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("the relay starts");
        let mut output = BufReader::new(program.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says where it is");
        let addresses = line.split('"').filter_map(|word| word.parse().ok()).collect();
        Self { program, output, addresses }
    }

    /// End it and return the line of its counters.
    fn end(mut self) -> String {
        drop(self.program.stdin.take());
        let mut line = String::new();
        self.output.read_to_string(&mut line).expect("it says what it counted");
        assert!(self.program.wait().expect("it ends").success());
        line
    }
}

fn socket() -> UdpSocket {
    let made = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    made.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    made
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2000];
    let (size, source) = socket.recv_from(&mut buffer).expect("a datagram comes");
    (buffer[..size].to_vec(), source)
}

#[test]
fn a_datagram_goes_there_and_its_answer_comes_back_after_the_delay_of_each_way() {
    let (dialer, listener) = (socket(), socket());
    let relay = Relay::start(&[&listener], &["--delay-ms", "30"]);
    let start = Instant::now();
    dialer.send_to(b"there", relay.addresses[0]).unwrap();
    let (there, source) = receive(&listener);
    assert_eq!(there, b"there");
    assert!(start.elapsed() >= Duration::from_millis(30));
    listener.send_to(b"and back", source).unwrap();
    assert_eq!(receive(&dialer), (b"and back".to_vec(), relay.addresses[0]));
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert!(relay.end().contains("\"clients\":1,\"refused\":0"));
}

#[test]
fn each_source_address_has_one_of_its_own_at_the_listener() {
    let (one, other, listener) = (socket(), socket(), socket());
    let relay = Relay::start(&[&listener], &[]);
    one.send_to(b"1", relay.addresses[0]).unwrap();
    let (_, of_one) = receive(&listener);
    other.send_to(b"2", relay.addresses[0]).unwrap();
    let (_, of_other) = receive(&listener);
    assert_ne!(of_one, of_other);
    listener.send_to(b"to 2", of_other).unwrap();
    assert_eq!(receive(&other).0, b"to 2");
    listener.send_to(b"to 1", of_one).unwrap();
    assert_eq!(receive(&one).0, b"to 1");
    relay.end();
}

#[test]
fn datagrams_keep_their_order_and_come_no_faster_than_the_rate() {
    let (dialer, listener) = (socket(), socket());
    // 100 packets of 1000 bytes with their headers: 100 ms.
    let relay = Relay::start(&[&listener], &["--rate-mbit", "8", "--queue-ms", "1000"]);
    let start = Instant::now();
    for number in 0..100 {
        dialer.send_to(&[number; 972], relay.addresses[0]).unwrap();
    }
    let numbers: Vec<u8> = (0..100).map(|_| receive(&listener).0[0]).collect();
    assert!(numbers.into_iter().eq(0..100));
    assert!(start.elapsed() >= Duration::from_millis(100));
    let counters = relay.end();
    assert!(counters.contains("\"passed\":100,\"passed_bytes\":97200"), "{counters}");
}

#[test]
fn what_the_queue_or_chance_dropped_is_counted() {
    let (dialer, listener) = (socket(), socket());
    let options = ["--rate-mbit", "0.8", "--queue-ms", "100", "--loss", "30"];
    let relay = Relay::start(&[&listener], &options);
    for _ in 0..1000 {
        dialer.send_to(&[0; 972], relay.addresses[0]).unwrap();
    }
    receive(&listener);
    let counters = relay.end();
    let count = |name: &str| -> u64 {
        let (_, rest) = counters.split_once(&format!("\"{name}\":")).unwrap();
        rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    // The queue holds ten, and some leave it while the others come.
    assert!(count("queue_dropped") > 500, "{counters}");
    assert!(count("lost") > 0 && count("passed") > 0, "{counters}");
    assert!(count("queue_dropped") + count("lost") + count("passed") <= count("datagrams"), "{counters}");
    // The first is on its way out when the tenth comes.
    assert!((9_000..=10_000).contains(&count("largest_queue")), "{counters}");
}

#[test]
fn two_listeners_share_one_bottleneck() {
    let (dialer, one, other) = (socket(), socket(), socket());
    let relay = Relay::start(&[&one, &other], &["--rate-mbit", "8", "--queue-ms", "1000"]);
    let start = Instant::now();
    for number in 0..50 {
        dialer.send_to(&[number; 972], relay.addresses[0]).unwrap();
        dialer.send_to(&[number; 972], relay.addresses[1]).unwrap();
    }
    for listener in [&one, &other] {
        assert!((0..50).map(|_| receive(listener).0[0]).eq(0..50));
    }
    assert!(start.elapsed() >= Duration::from_millis(100));
    let counters = relay.end();
    assert!(counters.contains("\"passed_bytes_by_listener\":[48600, 48600]"), "{counters}");
}

#[test]
fn the_trace_adds_up_to_what_passed() {
    let (dialer, listener) = (socket(), socket());
    let file = std::env::temp_dir().join(format!("webrtc-direct-relay-{}.jsonl", std::process::id()));
    let relay = Relay::start(&[&listener], &["--rate-mbit", "8", "--trace", file.to_str().unwrap()]);
    for _ in 0..100 {
        dialer.send_to(&[0; 972], relay.addresses[0]).unwrap();
    }
    (0..100).for_each(|_| drop(receive(&listener)));
    relay.end();
    let trace = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let up = trace.lines().filter_map(|line| line.split_once("\"up\":{\"bytes\":["));
    let bytes: Vec<u64> = up.map(|(_, rest)| rest.split(']').next().unwrap().parse().unwrap()).collect();
    assert!(bytes.len() >= 4);
    assert_eq!(bytes.into_iter().sum::<u64>(), 97_200);
}

#[test]
fn addresses_outside_of_loopback_and_unknown_words_are_refused() {
    for words in [&["--to", "192.0.2.1:4001"][..], &[], &["--to", "127.0.0.1:1", "--speed", "1"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_webrtc-direct-relay")).args(words).output().unwrap();
        assert_eq!(done.status.code(), Some(2));
        assert!(String::from_utf8(done.stderr).unwrap().starts_with("error: "));
    }
}

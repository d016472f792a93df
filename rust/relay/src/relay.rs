//! The sockets, and the two ways between them.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::time::{Duration, Instant};

use crate::direction::{Counters, Direction};
use crate::options::Options;
use crate::sockets::{Buffer, Udp};
use crate::system::{self, Waiter};
use crate::trace::Trace;

/// Source addresses that have a socket; datagrams of further ones are dropped, and counted as refused.
const MOST_CLIENTS: usize = 256;
/// From one turn to the next while there is something to do, and so how late a datagram may be: a turn costs
/// some 20 µs of CPU, and at 500 Mbit/s a packet comes as often.
const TURN: Duration = Duration::from_micros(100);
/// How late a signal may be noticed that comes just before a wait.
const LONGEST_WAIT: u64 = 100_000_000;

/// Where dialers send to, in place of *listener*.
struct Front {
    socket: Udp,
    listener: SocketAddr,
}

/// A source address at one of the fronts, and the socket that it has towards the listener.
struct Client {
    front: usize,
    address: SocketAddr,
    upstream: Udp,
}

pub(crate) struct Relay {
    start: Instant,
    fronts: Vec<Front>,
    clients: Vec<Client>,
    known: HashMap<(usize, SocketAddr), usize>,
    up: Direction,
    down: Direction,
    /// Bytes that passed to each listener, and from it.
    passed: [Vec<u64>; 2],
    refused: u64,
    buffer: Buffer,
    waiter: Waiter,
    /// Whether the waiter's first is stdin, whose end ends the relay.
    ends_with_stdin: bool,
    trace: Option<Trace>,
}

impl Relay {
    pub(crate) fn new(options: &Options) -> io::Result<Self> {
        let fronts = options
            .listeners
            .iter()
            .map(|&listener| Ok(Front { socket: Udp::bound()?, listener }))
            .collect::<io::Result<Vec<_>>>()?;
        let mut waiter = Waiter::default();
        let ends_with_stdin = is_pipe()?;
        if ends_with_stdin {
            waiter.add(&io::stdin());
        }
        fronts.iter().for_each(|front| waiter.add(&front.socket));
        Ok(Self {
            start: Instant::now(),
            passed: [vec![0; fronts.len()], vec![0; fronts.len()]],
            fronts,
            clients: Vec::new(),
            known: HashMap::new(),
            up: Direction::new(&options.path, options.seed),
            down: Direction::new(&options.path, !options.seed),
            refused: 0,
            buffer: Buffer::default(),
            waiter,
            ends_with_stdin,
            trace: options.trace.as_deref().map(Trace::new).transpose()?,
        })
    }

    /// The line that says where the relay can be reached: an address for each listener.
    pub(crate) fn listening(&self) -> io::Result<String> {
        let addresses = self
            .fronts
            .iter()
            .map(|front| Ok(format!("\"{}\"", front.socket.address()?)))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(format!("{{\"event\":\"listening\",\"addresses\":[{}]}}", addresses.join(",")))
    }

    /// Relay until the end is asked for.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut last_busy = 0;
        while !self.is_ending() {
            let (turn, handled) = (self.now(), self.handled());
            self.receive()?;
            self.deliver()?;
            self.write_trace()?;
            let was_busy = turn < last_busy + 2 * TURN.as_nanos() as u64;
            let is_busy = self.handled() > handled;
            if is_busy {
                last_busy = turn;
            }
            if is_busy && was_busy {
                // One wake for all that comes and leaves in that time.
                std::thread::sleep(TURN);
                self.waiter.wait(Duration::ZERO)?;
            } else {
                let now = self.now();
                self.waiter.wait(Duration::from_nanos(self.next_time(now).saturating_sub(now)))?;
            }
        }
        if let Some(trace) = &mut self.trace {
            trace.finish();
            self.write_trace()?;
        }
        self.trace.as_mut().map_or(Ok(()), Trace::flush)
    }

    /// The line that says what happened.
    pub(crate) fn counters(&self) -> io::Result<String> {
        Ok(format!(
            "{{\"event\":\"counters\",\"seconds\":{:.3},\"up\":{},\"down\":{},\"clients\":{},\"refused\":{},\
             \"kernel_dropped\":{}}}",
            self.start.elapsed().as_secs_f64(),
            of_way(&self.up.counters, &self.passed[0]),
            of_way(&self.down.counters, &self.passed[1]),
            self.clients.len(),
            self.refused,
            self.kernel_dropped()?,
        ))
    }

    fn is_ending(&self) -> bool {
        system::is_ending() || (self.ends_with_stdin && self.waiter.is_ready(0))
    }

    /// How many datagrams came or left so far.
    fn handled(&self) -> u64 {
        let ways = [&self.up.counters, &self.down.counters];
        ways.into_iter().map(|counters| counters.datagrams + counters.passed).sum()
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn next_time(&self, now: u64) -> u64 {
        let trace = self.trace.as_ref().map(Trace::due);
        let times = [self.up.next_due(), self.down.next_due(), trace];
        times.into_iter().flatten().fold(now + LONGEST_WAIT, u64::min)
    }

    fn receive(&mut self) -> io::Result<()> {
        let now = self.now();
        let first = usize::from(self.ends_with_stdin);
        for index in 0..self.fronts.len() {
            if self.waiter.is_ready(first + index) {
                self.receive_from_dialers(now, index)?;
            }
        }
        let first = first + self.fronts.len();
        for (index, client) in self.clients.iter().enumerate() {
            // One that came in this turn is not waited for yet.
            if self.waiter.is_ready(first + index) {
                let down = &mut self.down;
                client.upstream.receive(&mut self.buffer, |_, datagram| down.take(now, index, datagram))?;
            }
        }
        Ok(())
    }

    fn receive_from_dialers(&mut self, now: u64, index: usize) -> io::Result<()> {
        let Front { socket, listener } = &self.fronts[index];
        let (clients, known, waiter) = (&mut self.clients, &mut self.known, &mut self.waiter);
        let (up, refused) = (&mut self.up, &mut self.refused);
        let mut problem = None;
        socket.receive(&mut self.buffer, |address, datagram| {
            let client = match known.get(&(index, address)) {
                Some(&client) => client,
                None if clients.len() >= MOST_CLIENTS => {
                    *refused += 1;
                    return;
                }
                None => match Udp::connected(*listener) {
                    Ok(upstream) => {
                        waiter.add(&upstream);
                        known.insert((index, address), clients.len());
                        clients.push(Client { front: index, address, upstream });
                        clients.len() - 1
                    }
                    Err(error) => {
                        problem = Some(error);
                        return;
                    }
                },
            };
            up.take(now, client, datagram);
        })?;
        problem.map_or(Ok(()), Err)
    }

    fn deliver(&mut self) -> io::Result<()> {
        let now = self.now();
        let most = self.fronts[0].socket.most_at_once();
        for (is_up, way) in [(true, &mut self.up), (false, &mut self.down)] {
            while let Some(train) = way.next_train(now, most) {
                let client = &self.clients[train.client];
                let front = &self.fronts[client.front];
                let (socket, destination) =
                    if is_up { (&client.upstream, front.listener) } else { (&front.socket, client.address) };
                if socket.send(destination, &way.train, train.size)? {
                    let bytes = way.train.len() as u64;
                    way.counters.passed += train.count;
                    way.counters.passed_bytes += bytes;
                    self.passed[usize::from(!is_up)][client.front] += bytes;
                } else {
                    way.counters.overflowed += train.count;
                }
            }
        }
        Ok(())
    }

    fn write_trace(&mut self) -> io::Result<()> {
        let now = self.now();
        let [up, down] = &self.passed;
        match &mut self.trace {
            Some(trace) => trace.write(now, [&mut self.up, &mut self.down], [up, down]),
            None => Ok(()),
        }
    }

    /// How many datagrams the kernel dropped because they came faster than the relay took them.
    fn kernel_dropped(&self) -> io::Result<u64> {
        let sockets = self.fronts.iter().map(|front| &front.socket);
        let sockets = sockets.chain(self.clients.iter().map(|client| &client.upstream));
        let ports = sockets.map(|socket| Ok(socket.address()?.port())).collect::<io::Result<Vec<_>>>()?;
        let table = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
        Ok(table.lines().skip(1).filter_map(|line| drops_of(line, &ports)).sum())
    }
}

/// The last column of a line of `/proc/net/udp`, if the socket is at one of the *ports*.
fn drops_of(line: &str, ports: &[u16]) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    let (_, port) = words.nth(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if ports.contains(&port) { words.last()?.parse().ok() } else { None }
}

/// Whether stdin is a pipe, whose end ends the relay. A terminal and /dev/null do not.
fn is_pipe() -> io::Result<bool> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Ok(false);
    }
    let file = std::fs::File::from(stdin.as_fd().try_clone_to_owned()?);
    Ok(file.metadata()?.file_type().is_fifo())
}

fn of_way(counters: &Counters, passed: &[u64]) -> String {
    format!(
        "{{\"datagrams\":{},\"bytes\":{},\"queue_dropped\":{},\"lost\":{},\"too_large\":{},\"overflowed\":{},\
         \"passed\":{},\"passed_bytes\":{},\"passed_bytes_by_listener\":{passed:?},\"late\":{},\"largest_queue\":{}}}",
        counters.datagrams,
        counters.bytes,
        counters.queue_dropped,
        counters.lost,
        counters.too_large,
        counters.overflowed,
        counters.passed,
        counters.passed_bytes,
        counters.late,
        counters.largest_queue,
    )
}

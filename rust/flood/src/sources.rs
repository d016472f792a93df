//! Many source addresses on a few sockets: each datagram names the address of 127.0.0.0/8 that it leaves
//! from, and what comes back says where it arrived.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// Source ports.
const SOCKETS: usize = 8;
/// The first source is 127.1.0.0, apart from the addresses that others use.
const FIRST: u32 = 0x7f01_0000;
const BUFFER: usize = 4 << 20;
const SLOT: usize = 64 * 1024;

/// A source address: its socket, and its place among the IP addresses.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    socket: usize,
    ip: usize,
}

#[derive(Clone, Copy, Default)]
struct Traffic {
    sent: u64,
    received: u64,
    proved: bool,
}

#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) used: u64,
    pub(crate) proved: u64,
    pub(crate) refused: u64,
    /// The most that an address which proved nothing got, as a multiple of what it sent.
    pub(crate) worst_ratio: f64,
}

pub(crate) struct Sources {
    target: SocketAddr,
    sockets: Vec<(UdpSocket, UdpSocketState)>,
    ips: usize,
    traffic: Vec<Traffic>,
    turn: usize,
    refused: u64,
    buffer: Vec<u8>,
}

impl Sources {
    pub(crate) fn new(target: SocketAddr, ips: usize) -> io::Result<Self> {
        let sockets = (0..SOCKETS).map(|_| bind()).collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            target,
            sockets,
            ips,
            traffic: vec![Traffic::default(); SOCKETS * ips],
            turn: 0,
            refused: 0,
            buffer: vec![0; BATCH_SIZE * SLOT],
        })
    }

    /// Every address in turn.
    pub(crate) fn next_place(&mut self) -> Place {
        let turn = self.turn;
        self.turn = (turn + 1) % self.traffic.len();
        Place { socket: turn % SOCKETS, ip: turn / SOCKETS }
    }

    /// Send datagrams of *size* bytes, joined; whether the kernel took them.
    pub(crate) fn send(&mut self, place: Place, contents: &[u8], size: usize) -> bool {
        let (socket, state) = &self.sockets[place.socket];
        let transmit = Transmit {
            destination: self.target,
            ecn: None,
            contents,
            segment_size: (contents.len() > size).then_some(size),
            src_ip: Some(ip_of(place)),
        };
        if state.try_send(socket.into(), &transmit).is_err() {
            self.refused += 1;
            return false;
        }
        self.traffic[place.ip * SOCKETS + place.socket].sent += contents.len() as u64;
        true
    }

    /// *place* has answered a check, so it may be sent more.
    pub(crate) fn prove(&mut self, place: Place) {
        self.traffic[place.ip * SOCKETS + place.socket].proved = true;
    }

    /// Take what has come, and hand each datagram to *take*. Returns how many there were.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Place, &[u8])) -> io::Result<u64> {
        let mut count = 0;
        for (number, (socket, state)) in self.sockets.iter().enumerate() {
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            loop {
                let mut slots = self.buffer.chunks_exact_mut(SLOT).map(IoSliceMut::new);
                let mut slots: [IoSliceMut<'_>; BATCH_SIZE] =
                    std::array::from_fn(|_| slots.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                let received = match state.recv(socket.into(), &mut slots, &mut meta) {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // What ICMP reports is no concern of a flood.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    Err(error) => return Err(error),
                };
                for (meta, slot) in meta[..received].iter().zip(self.buffer.chunks_exact(SLOT)) {
                    let Some(ip) = meta.dst_ip.and_then(|ip| index_of(ip, self.ips)) else {
                        continue;
                    };
                    self.traffic[ip * SOCKETS + number].received += meta.len as u64;
                    for datagram in slot[..meta.len].chunks(meta.stride.max(1)) {
                        count += 1;
                        take(Place { socket: number, ip }, datagram);
                    }
                }
            }
        }
        Ok(count)
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals { refused: self.refused, ..Totals::default() };
        for traffic in self.traffic.iter().filter(|traffic| traffic.sent > 0) {
            totals.sent += traffic.sent;
            totals.received += traffic.received;
            totals.used += 1;
            if traffic.proved {
                totals.proved += 1;
            } else {
                totals.worst_ratio = totals.worst_ratio.max(traffic.received as f64 / traffic.sent as f64);
            }
        }
        totals
    }
}

fn bind() -> io::Result<(UdpSocket, UdpSocketState)> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    let state = UdpSocketState::new((&socket).into())?;
    Ok((socket.into(), state))
}

fn ip_of(place: Place) -> IpAddr {
    Ipv4Addr::from_bits(FIRST + place.ip as u32).into()
}

fn index_of(ip: IpAddr, ips: usize) -> Option<usize> {
    let IpAddr::V4(ip) = ip else {
        return None;
    };
    let index = ip.to_bits().checked_sub(FIRST)? as usize;
    (index < ips).then_some(index)
}

//! Many source addresses on a few sockets: each datagram names the address that it leaves from, and what
//! comes back says where it arrived.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use crate::addresses::Addresses;
use crate::order::Order;

/// Source ports.
const SOCKETS: usize = 8;
const BUFFER: usize = 4 << 20;
const SLOT: usize = 64 * 1024;

/// A source address: its socket, and its place among the IP addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    addresses: Addresses,
    traffic: Vec<Traffic>,
    order: Order,
    refused: u64,
    buffer: Vec<u8>,
}

impl Sources {
    /// Those that have their turns in the order of *seed*, or one after the other.
    pub(crate) fn new(target: SocketAddr, addresses: Addresses, seed: Option<u64>) -> io::Result<Self> {
        let sockets = (0..SOCKETS).map(|_| bind(target.is_ipv4())).collect::<io::Result<Vec<_>>>()?;
        let places = SOCKETS * addresses.len();
        Ok(Self {
            target,
            sockets,
            addresses,
            traffic: vec![Traffic::default(); places],
            order: Order::new(places, seed),
            refused: 0,
            buffer: vec![0; BATCH_SIZE * SLOT],
        })
    }

    /// Every address in turn.
    pub(crate) fn next_place(&mut self) -> Place {
        let turn = self.order.next();
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
            src_ip: Some(self.addresses.get(place.ip)),
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
                    let Some(ip) = meta.dst_ip.and_then(|ip| self.addresses.index_of(ip)) else {
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

fn bind(is_ipv4: bool) -> io::Result<(UdpSocket, UdpSocketState)> {
    let domain = if is_ipv4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_nonblocking(true)?;
    let any: SocketAddr = if is_ipv4 {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        socket.set_only_v6(true)?;
        // No interface has the sources, though all that is sent to them comes here.
        socket.set_freebind_v6(true)?;
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    socket.bind(&any.into())?;
    let state = UdpSocketState::new((&socket).into())?;
    Ok((socket.into(), state))
}

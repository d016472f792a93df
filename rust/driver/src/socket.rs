//! A UDP socket that takes and gives many datagrams at once.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket as StdSocket};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use webrtc_direct_engine::{Outbox, Route};

use crate::options;

/// What the kernel is asked to hold in each direction; it may give less.
const BUFFER: usize = 4 << 20;
/// Datagrams that arrive together are handed over together: so many slots, each with a run of one sender.
const SLOTS: usize = 8;
const SLOT: usize = 64 * 1024;
/// A run may be this long: the largest UDP payload, less what IPv6 extension headers may need.
const MAX_RUN: usize = 65_000;
/// Beyond this, datagrams that the socket does not take are lost.
const MAX_WAITING: usize = 8 << 20;

/// Room to receive into, shared by all sockets.
pub(crate) struct ReceiveBuffer {
    bytes: Vec<u8>,
    meta: [RecvMeta; SLOTS],
}

impl Default for ReceiveBuffer {
    fn default() -> Self {
        Self { bytes: vec![0; SLOTS * SLOT], meta: [RecvMeta::default(); SLOTS] }
    }
}

pub(crate) struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    /// Until it says that it has nothing, or takes nothing, more.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// It gets what is sent to any address of this machine, so which one that was is of interest.
    on_all: bool,
}

/// Bind a socket. An IPv6 socket takes IPv6 only, so that each family has its own.
pub(crate) fn bind(address: SocketAddr) -> io::Result<StdSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // More than the system allows is cut down to that, silently on Linux, with an error elsewhere.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Whether this machine can send there: the system looks for a route, and nothing leaves.
///
/// So nobody else has a say in it, as somebody may have in what a socket is told later: ICMP can be forged.
pub(crate) fn check_route(remote: SocketAddr) -> io::Result<()> {
    Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP))?.connect(&remote.into())
}

/// What the kernel holds for a socket that nobody reads, in bytes of its own counting.
pub(crate) fn receive_buffer_size(socket: &StdSocket) -> usize {
    SockRef::from(socket).recv_buffer_size().unwrap_or(BUFFER / 16)
}

impl Port {
    pub(crate) fn new(socket: StdSocket, registry: &Registry, token: Token) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let on_all = socket.local_addr()?.ip().is_unspecified();
        options::allow_fragments(&socket)?;
        options::say_less(&socket, on_all)?;
        let mut socket = UdpSocket::from_std(socket);
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { socket, state, readable: true, writable: true, on_all })
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // It is closed in any case.
        let _ = registry.deregister(&mut self.socket);
    }

    /// Receive once, and hand each run of datagrams to *take*, with the size of each datagram but the last.
    pub(crate) fn receive(&mut self, buffer: &mut ReceiveBuffer, mut take: impl FnMut(Route, &[u8], usize)) {
        let received = {
            let mut slots = buffer.bytes.chunks_exact_mut(SLOT).map(IoSliceMut::new);
            let mut slots: [IoSliceMut<'_>; SLOTS] =
                std::array::from_fn(|_| slots.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            self.state.recv((&self.socket).into(), &mut slots, &mut buffer.meta)
        };
        match received {
            Ok(count) => {
                let runs = buffer.meta[..count].iter().zip(buffer.bytes.chunks_exact(SLOT));
                for (meta, slot) in runs {
                    let local = meta.dst_ip.filter(|_| self.on_all);
                    take(Route { remote: meta.addr, local }, &slot[..meta.len], meta.stride.max(1));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            // What ICMP reports can be forged; whether the peer is there is for its silence to say.
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                log::warn!("receiving: {error}");
                self.readable = false;
            }
        }
    }

    /// Send until everything is sent or the socket takes no more.
    pub(crate) fn send(&mut self, outbox: &mut Outbox) {
        // Datagrams larger than the path's MTU cannot leave as one piece, which is cut by the size of datagrams.
        let mut most = usize::MAX;
        while self.writable {
            let Some(batch) = outbox.batch(self.state.max_gso_segments().min(most), MAX_RUN) else {
                return;
            };
            let count = batch.count;
            let transmit = Transmit {
                destination: batch.destination,
                ecn: None,
                contents: batch.contents,
                segment_size: (count > 1).then_some(batch.segment_size),
                src_ip: batch.local,
            };
            match self.state.try_send((&self.socket).into(), &transmit) {
                Ok(()) => outbox.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if count > 1 && is_about_the_size(&error) => most = 1,
                Err(error) => {
                    log::debug!("sending {count} datagrams: {error}");
                    outbox.advance(count);
                }
            }
        }
        while outbox.len() > MAX_WAITING {
            outbox.advance(1);
        }
    }
}

/// EINVAL is what older systems say of a run whose datagrams are too large.
fn is_about_the_size(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::EINVAL))
}

fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable
    )
}

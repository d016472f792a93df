//! UDP sockets of loopback that take and hand over many datagrams in a system call.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// What the kernel keeps of it, which is less where it allows less, holds what comes while others run.
const BUFFER: usize = 16 << 20;
const SLOT: usize = 64 * 1024;
/// System calls on one socket before the others have their turn.
const MOST_CALLS: usize = 8;

pub(crate) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// Where received datagrams are put.
pub(crate) struct Buffer(Vec<u8>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; BATCH_SIZE * SLOT])
    }
}

impl AsRawFd for Udp {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Udp {
    /// A socket at a free port.
    pub(crate) fn bound() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_recv_buffer_size(BUFFER)?;
        socket.set_send_buffer_size(BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { socket: socket.into(), state })
    }

    /// A socket at a free port that hears *peer* alone.
    pub(crate) fn connected(peer: SocketAddr) -> io::Result<Self> {
        let made = Self::bound()?;
        made.socket.connect(peer)?;
        Ok(made)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// How many datagrams one system call sends.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Send the datagrams of *size* bytes that *contents* joins. Whether the kernel had room for them.
    pub(crate) fn send(&self, destination: SocketAddr, contents: &[u8], size: usize) -> io::Result<bool> {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: (contents.len() > size).then_some(size),
            src_ip: None,
        };
        match self.state.try_send((&self.socket).into(), &transmit) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            // The peer has gone; that is for the other end to find out.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Hand each datagram that has come to *take*, with its source.
    pub(crate) fn receive(
        &self,
        buffer: &mut Buffer,
        mut take: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        for _ in 0..MOST_CALLS {
            let mut slots = buffer.0.chunks_exact_mut(SLOT).map(IoSliceMut::new);
            let mut slots: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| slots.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let received = match self.state.recv((&self.socket).into(), &mut slots, &mut meta) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            };
            for (meta, slot) in meta[..received].iter().zip(buffer.0.chunks_exact(SLOT)) {
                for datagram in slot[..meta.len].chunks(meta.stride.max(1)) {
                    take(meta.addr, datagram);
                }
            }
            // There was no more, and asking costs as much as taking.
            if received < BATCH_SIZE {
                break;
            }
        }
        Ok(())
    }
}

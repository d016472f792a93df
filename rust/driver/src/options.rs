//! Socket options that are wanted otherwise here than quinn-udp sets them.

use std::io;
use std::net::UdpSocket;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    pub(super) fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
        let size = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open while `socket` is borrowed, and `value` is as large as `size` says.
        let result = unsafe {
            libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(&value).cast(), size)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Let the system, and routers of IPv4, cut datagrams that are too large for the path (RFC 791, RFC 8200): one whose MTU
/// is below what QUIC asks for (RFC 9000 section 14) is slower, and no dead end.
#[cfg(target_os = "linux")]
pub(crate) fn allow_fragments(socket: &UdpSocket) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        linux::set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT)
    } else {
        linux::set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT)
    }
}

/// Have the system say no more of each datagram than is used here: neither when it came nor its traffic class, and its
/// local address only if it *may be any*. In a flood of small ones that is a tenth of what it takes to receive them.
#[cfg(target_os = "linux")]
pub(crate) fn say_less(socket: &UdpSocket, may_be_any: bool) -> io::Result<()> {
    linux::set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)?;
    let is_ipv4 = socket.local_addr()?.is_ipv4();
    let (level, class, address) = if is_ipv4 {
        (libc::IPPROTO_IP, libc::IP_RECVTOS, libc::IP_PKTINFO)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, libc::IPV6_RECVPKTINFO)
    };
    linux::set(socket, level, class, 0)?;
    if may_be_any { Ok(()) } else { linux::set(socket, level, address, 0) }
}

/// Elsewhere it stays as the system has it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn allow_fragments(_socket: &UdpSocket) -> io::Result<()> {
    Ok(())
}

/// See `allow_fragments`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn say_less(_socket: &UdpSocket, _may_be_any: bool) -> io::Result<()> {
    Ok(())
}

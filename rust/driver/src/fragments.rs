//! Datagrams may be fragmented on their way (RFC 791, RFC 8200): a path whose MTU is below what QUIC asks for (RFC 9000
//! section 14) is slower, and no dead end.

use std::io;
use std::net::UdpSocket;

/// Let the system, and routers of IPv4, cut datagrams that are too large for the path. quinn-udp has switched that off.
#[cfg(target_os = "linux")]
pub(crate) fn allow(socket: &UdpSocket) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let (level, name, value) = if socket.local_addr()?.is_ipv4() {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT)
    };
    let size = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open while `socket` is borrowed, and `value` is as large as `size` says.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(&value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Elsewhere it stays as the system has it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn allow(_socket: &UdpSocket) -> io::Result<()> {
    Ok(())
}

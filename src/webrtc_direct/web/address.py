"""Where the page is served, and by which names a browser may call it.

A page of somebody else can have its own host name resolve to this machine (DNS rebinding), and
is then of the same origin to the browser. The Host header gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_IP = "127.0.0.1"
_HTTP_PORT = 80
_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

IPAddress = IPv4Address | IPv6Address


@dataclass(frozen=True)
class WebAddress:
    """An IP address and a TCP port to serve the page on; port 0 lets the system choose."""

    ip: IPAddress
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.ip.version == 6 else f"{self.ip}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> WebAddress:
        """Return the address that *text* stands for: ``127.0.0.1:8080``, ``[::1]:0``, or a port of 127.0.0.1.

        Raises:
            ValueError: it is none.
        """
        host, colon, port = text.rpartition(":")
        if not colon:
            host = _DEFAULT_IP
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise ValueError(f"{text!r} does not end with a port from 0 to 65535")
        ip = _parse_host(host)
        if ip is None:
            raise ValueError(f"{text!r} is not IP:PORT, [IPv6]:PORT or PORT")
        return cls(ip, int(port))

    @property
    def url(self) -> str:
        """What to open in a browser on this machine."""
        if not self.ip.is_unspecified:
            return f"http://{self}/"
        return f"http://{WebAddress(ip_address('127.0.0.1' if self.ip.version == 4 else '::1'), self.port)}/"

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        return any(self.ip in network for network in _LOOPBACK)

    def answers_to(self, host: str) -> bool:
        """Say whether a request with the header ``Host:`` *host* is meant for this server."""
        name, port = _split_host(host)
        if name is None or port != self.port:
            return False
        if name in _LOOPBACK_NAMES or name == str(self.ip):
            return True
        # No name: a stranger's page cannot have an IP address of this machine as its host.
        return self.ip.is_unspecified and _is_ip(name)


def _parse_host(host: str) -> IPAddress | None:
    """Return the IP of ``127.0.0.1``, ``[::1]`` or ``localhost``."""
    if host == "localhost":
        return ip_address(_DEFAULT_IP)
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        ip = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    # Without brackets nobody can tell where an IPv6 address ends.
    if (ip.version == 6) != bracketed or (isinstance(ip, IPv6Address) and ip.scope_id is not None):
        return None
    return ip


def _split_host(host: str) -> tuple[str | None, int]:
    """Return the name, in lower case and without brackets, and the port."""
    name, port = host.lower(), str(_HTTP_PORT)
    if not name.endswith("]") and ":" in name:
        name, _, port = name.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None, 0
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
        return (str(ip_address(name)) if _is_ip(name) else None), int(port)
    return (None if ":" in name else name), int(port)


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return "%" not in name

"""A name server on loopback with the records that a test gives it, asked in place of the system's."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 65507


class NameServer:
    """Answers what ``records`` has, by name and type. Where it is ``silent``, nothing."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.asked: list[str] = []
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def add_texts(self, name: str, *addresses: object) -> None:
        """Let ``/dnsaddr/<name>`` stand for *addresses*."""
        self.records[f"_dnsaddr.{name}", "TXT"] = [_quoted(f"dnsaddr={each}") for each in addresses]

    def add_host(self, name: str, *ips: str) -> None:
        """Let *name* have *ips*, for all event loops that ask Python; others skip the test."""
        if _asks_the_system():
            pytest.skip("uvloop looks up hosts without Python")
        for ip in ips:
            self.records.setdefault((name, "AAAA" if ":" in ip else "A"), []).append(ip)

    def close(self) -> None:
        """Answer no more."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(_LARGEST)
            if not data:
                return
            query = dns.message.from_wire(data)
            answer = self._answer(query)
            if not self.silent:
                self._socket.sendto(answer.to_wire(max_size=_LARGEST), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append(name)
        kind = question.to_text().split()[-1]
        if found := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif name not in {known for known, _ in self.records}:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A name server that this process asks, for hosts (getaddrinfo) as for records."""
    server = NameServer()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    # The process keeps a default resolver from then on: the system's, where it has one.
    before = dns.resolver.default_resolver
    dns.resolver.default_resolver = resolver
    dns.resolver.override_system_resolver(resolver)
    look_up = socket.getaddrinfo

    def take_bytes(host: str | bytes, *arguments: Any, **options: Any) -> Any:
        """Take names as anyio gives them, which dnspython does not."""
        return look_up(host.decode() if isinstance(host, bytes) else host, *arguments, **options)

    socket.getaddrinfo = take_bytes  # type: ignore[assignment]
    try:
        yield server
    finally:
        dns.resolver.restore_system_resolver()
        dns.resolver.default_resolver = before
        server.silent = False
        server.close()


def _asks_the_system() -> bool:
    """Say whether the running event loop looks up hosts in C, where nothing can stand in for the system."""
    try:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0] == "uvloop"
    except RuntimeError:
        return False


def _quoted(text: str) -> str:
    """Return a TXT record: strings of 255 bytes at most."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))

"""Clients whose DTLS cannot finish: the listener counts them, logs them, and sends them an alert."""

from __future__ import annotations

import hashlib
import hmac
import logging
import socket
import zlib
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support import SECONDS

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webrtc_direct import Listener

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
UFRAG = b"libp2p+webrtc+v1/abcdefghijklmnopqrstuvwxyz%d"
GCM, CBC = b"\xc0\x2b", b"\xc0\x09"
ALERT = 21


def stun(kind: int, transaction: bytes, key: bytes, *attributes: tuple[int, bytes]) -> bytes:
    body = b"".join(
        name.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
        for name, value in attributes
    )

    def header(more: int) -> bytes:
        length = len(body) + more
        return kind.to_bytes(2, "big") + length.to_bytes(2, "big") + bytes.fromhex("2112a442") + transaction

    integrity = hmac.digest(key, header(24) + body, hashlib.sha1)
    body += b"\x00\x08\x00\x14" + integrity
    checksum = zlib.crc32(header(8) + body) ^ 0x5354554E
    return header(8) + body + b"\x80\x28\x00\x04" + checksum.to_bytes(4, "big")


def vector(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content


def handshake(kind: int, sequence: int, body: bytes) -> bytes:
    """A message of the handshake, whole and in the clear."""
    length = len(body).to_bytes(3, "big")
    message = bytes([kind]) + length + bytes([0, sequence, 0, 0, 0]) + length + body
    return b"\x16\xfe\xfd" + sequence.to_bytes(8, "big") + vector(2, message)


def hello(suite: bytes, *, extended_master_secret: bool = True) -> bytes:
    extensions = bytes.fromhex("000a000400020017000b00020100000d000400020403")
    extensions += b"\x00\x17\x00\x00" * extended_master_secret
    return handshake(
        1, 0, b"\xfe\xfd" + bytes(32) + bytes(2) + vector(2, suite) + b"\x01\x00" + vector(2, extensions)
    )


def certificate(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, SHA256() if isinstance(key, rsa.RSAPrivateKey) else None).public_bytes(
        Encoding.DER
    )


def with_certificate(der: bytes, algorithm: bytes) -> list[bytes]:
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoded = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return [
        hello(GCM),
        handshake(11, 1, vector(3, vector(3, der))),
        handshake(16, 2, vector(1, encoded)),
        handshake(15, 3, algorithm + vector(2, bytes(64))),
    ]


CASES: dict[str, tuple[int, str, Callable[[], list[bytes]]]] = {
    "dtls_cipher_suite": (40, "no cipher suite of ours", lambda: [hello(CBC)]),
    "dtls_extended_master_secret": (
        40,
        "does not offer the extended master secret",
        lambda: [hello(GCM, extended_master_secret=False)],
    ),
    "dtls_no_certificate": (40, "RSA or Ed25519", lambda: [hello(GCM), handshake(11, 1, bytes(3))]),
    "dtls_certificate_kind, RSA": (
        43,
        "RSA and Ed25519",
        lambda: with_certificate(certificate(rsa.generate_private_key(65537, 2048)), b"\x04\x01"),
    ),
    "dtls_certificate_kind, Ed25519": (
        43,
        "RSA and Ed25519",
        lambda: with_certificate(certificate(ed25519.Ed25519PrivateKey.generate()), b"\x08\x07"),
    ),
}


class RawClient:
    """A client up to its hello, whose datagrams are the test's."""

    def __init__(self, listener: Listener) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(listener.bound[0])
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def prove(self) -> None:
        """Ask the listener, and answer the check that it makes in its turn."""
        # An ended connection's are not taken again for a while.
        ufrag = UFRAG % self.port
        username = (6, ufrag + b":" + ufrag)
        controlling, nominate, priority = (0x802A, bytes(8)), (0x25, b""), (0x24, bytes(4))
        self._socket.send(stun(1, bytes(12), ufrag, username, priority, controlling, nominate))
        check = await self.receive(0)
        mapped = b"\x00\x01" + bytes(6)
        self._socket.send(stun(0x101, check[8:20], ufrag, (0x20, mapped)))

    def send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._socket.send(datagram)

    async def receive(self, kind: int) -> bytes:
        """Return the next datagram that begins with *kind*."""
        while True:
            await anyio.wait_readable(self._socket)
            datagram = self._socket.recv(2048)
            if datagram[0] == kind:
                return datagram


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "webrtc_direct.listen"):
        yield caplog


@pytest.mark.parametrize("case", CASES)
async def test_a_dtls_handshake_that_fails_is_counted_logged_and_answered(
    case: str, log: pytest.LogCaptureFixture
) -> None:
    reason = case.split(",", maxsplit=1)[0]
    number, words, datagrams = CASES[case]
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT) as listener:
            with RawClient(listener) as client:
                await client.prove()
                client.send(datagrams())
                alert = await client.receive(ALERT)
                assert (alert[13:], alert[3:5]) == (bytes([2, number]), bytes(2))
                where = f"127.0.0.1 port {client.port}: the handshake failed ({reason}, 1 since"
            while not any(where in line and words in line for line in log.messages):  # noqa: ASYNC110
                await anyio.sleep(0.01)
            assert listener.counters().failed == {reason: 1}
            assert {record.levelname for record in log.records} == {"INFO"}
            # It takes others as before.
            async with webrtc_direct.dial(listener.addresses[0]) as connection:
                await webrtc_direct.ping(connection)
            assert listener.counters().failed == {reason: 1}


async def test_many_failed_handshakes_are_few_lines_of_the_log(log: pytest.LogCaptureFixture) -> None:
    clients = 20
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT) as listener:
            # All stay open, so that each has a port of its own: what ended is not taken again for a while.
            with ExitStack() as every:
                for _ in range(clients):
                    client = every.enter_context(RawClient(listener))
                    await client.prove()
                    client.send([hello(CBC)])
                    assert (await client.receive(ALERT))[13:] == bytes([2, 40])
            while listener.counters().failed != {"dtls_cipher_suite": clients}:  # noqa: ASYNC110
                await anyio.sleep(0.01)
    assert sum("the handshake failed" in line for line in log.messages) < clients / 2

"""The DEBUG log of handshakes and transfers, and every repr, holds no password, key or payload."""

from __future__ import annotations

import base64
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from tests.faults.raw_client import raw_client
from tests.faults.support import ADDRESS, HANDLERS, SINK, echoes
from tests.support import SECONDS, RawChannel, settled

import webrtc_direct
from webrtc_direct import Certificate, ConnectionLost, HandshakeError, KeyPair, ping, primitives
from webrtc_direct.platform.native import NativePlatform
from webrtc_direct.streams.message import encode_data

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.platform.base import ConnectParameters, PeerConnection
    from webrtc_direct.primitives import ChaChaKey

# So many bytes of a secret in a row are taken for a leak; fewer may be there by chance.
_PIECE = 12


class RecordingPlatform(NativePlatform):
    """Remembers the ICE credentials of each dial."""

    def __init__(self) -> None:
        self.passwords: list[bytes] = []

    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> PeerConnection:
        for credentials in (parameters.session.client, parameters.session.server):
            self.passwords += [credentials.pwd.rpartition("/")[2].encode()]
        return await super().connect(task_group, parameters)


@pytest.fixture
def noise_keys(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The private keys, shared secrets and cipher keys of every Noise handshake."""
    seen: list[bytes] = []

    def recording(
        function: Callable[..., Awaitable[Any]], *, argument: bool
    ) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any) -> Any:
            result = await function(*arguments)
            if argument:
                seen.append(arguments[0])
            else:
                seen.extend(result)
            return result

        return call

    make_key = primitives.chacha20_poly1305_key

    def recording_key(key: bytes) -> ChaChaKey:
        seen.append(key)
        return make_key(key)

    monkeypatch.setattr(primitives, "chacha20_poly1305_key", recording_key)
    for name, argument in (
        ("x25519_key", True),
        ("x25519", False),
        ("hkdf_sha256", False),
    ):
        monkeypatch.setattr(primitives, name, recording(getattr(primitives, name), argument=argument))
    return seen


def _forms(secret: bytes) -> list[str]:
    piece = secret[:_PIECE]
    forms = [
        piece.hex(),
        piece.hex(":"),
        piece.hex(" "),
        str(piece)[2:-1],
        ", ".join(map(str, piece)),
        base64.b64encode(piece).decode(),
        base64.urlsafe_b64encode(piece).decode(),
    ]
    if piece.isascii():
        forms.append(piece.decode())
    return [form.lower() for form in forms]


def _assert_absent(text: str, known: list[bytes]) -> None:
    lowered = text.lower()
    for secret in known:
        assert len(secret) >= _PIECE
        for form in _forms(secret):
            assert form not in lowered


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_debug_log_of_a_handshake_and_a_transfer_holds_no_secret(
    version: Version, log: list[str], noise_keys: list[bytes]
) -> None:
    # What the libraries below log counts, too.
    root = logging.getLogger()
    others: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: others.append(f"{record.getMessage()} {record.exc_info}")  # type: ignore[method-assign]
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        known, reprs = await _use_everything(version)
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert len(noise_keys) >= 10
    assert any("DEBUG" in entry for entry in log)
    _assert_absent(
        "\n".join([*log, *others, *reprs]), known + [key for key in noise_keys if key.strip(b"\0")]
    )


async def _use_everything(version: Version) -> tuple[list[bytes], list[str]]:
    """Return the secrets, and the reprs of all that holds one."""
    identities = [KeyPair.generate(), KeyPair.generate()]
    certificates = [Certificate.generate(), Certificate.generate()]
    platform = RecordingPlatform()
    payload = secrets.token_bytes(50_000)
    reprs: list[str] = []
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(
            ADDRESS, handlers=HANDLERS, identity=identities[0], certificate=certificates[0]
        ) as listener:
            async with webrtc_direct.dial(
                listener.addresses[0],
                version=version,
                identity=identities[1],
                certificate=certificates[1],
                platform=platform,
            ) as connection:
                await ping(connection)
                assert await echoes(connection, payload)
                async with connection.open_stream(SINK) as stream:
                    await stream.write(payload)
                    reprs += [repr(stream), repr(stream.connection)]
                stream = await connection.open_stream(SINK)
                connection.abort()
                with pytest.raises(ConnectionLost):
                    await stream.write(payload)
            await _break_rules(listener.addresses[0], payload)
            with pytest.raises(HandshakeError):
                await _dial_a_wrong_identity(listener.addresses[0], platform)
            await settled(lambda: listener.connections == [], "all is closed")
            reprs += [repr(listener), repr(listener.addresses)]
    reprs += [repr(thing) for thing in (*identities, *certificates, platform)]
    # The protobuf of an Ed25519 key: 4 bytes of header, the seed, the public key.
    seeds = [identity.to_protobuf()[4:36] for identity in identities]
    # 36 bytes say what it is; the private number follows, and then the public key.
    keys = [certificate.private_key_der[36:66] for certificate in certificates]
    return [*seeds, *keys, *platform.passwords, payload], reprs


async def _break_rules(address: str, payload: bytes) -> None:
    """Let the listener complain about frames and negotiations with *payload* in them."""
    async with raw_client(address) as peer:
        name = b"\x14" + payload[:19] + b"\n"
        for message in (
            encode_data(payload[:1000])[0],
            b"\x10\xff" + payload[:15],
            b"".join(encode_data(b"\x13/multistream/1.0.0\n" + name)),
            b"".join(encode_data(b"\x14" + payload[:20])),
        ):
            channel = RawChannel(peer.open_channel())
            channel.send(message)
            if b"multistream" in message:
                channel.send(b"\x03\xff\xff\xff")
            await settled(partial(_refused, channel), "it is refused")


def _refused(channel: RawChannel) -> bool:
    return channel.closed or bool(channel.frames)


async def _dial_a_wrong_identity(address: str, platform: NativePlatform) -> None:
    wrong = address.rpartition("/")[0] + f"/{KeyPair.generate().peer_id}"
    async with webrtc_direct.dial(wrong, platform=platform):
        pytest.fail("connected")

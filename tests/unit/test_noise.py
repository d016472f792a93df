"""The Noise handshake: the vectors, both roles, and each way in which a peer can fail it."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from webrtc_direct import primitives
from webrtc_direct.encoding import protobuf
from webrtc_direct.errors import LocalProtocolError, NoiseError, NoiseErrorKind
from webrtc_direct.handshake.noise import Action, NoiseHandshake, NoiseKeys, prologue
from webrtc_direct.handshake.noise_xx import NoiseXX
from webrtc_direct.handshake.roles import Role
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.identity.identity import KeyPair

pytestmark = pytest.mark.anyio

VECTORS = Path(__file__).parent.parent / "vectors"
XX = json.loads((VECTORS / "noise_xx.json").read_text())["vectors"]
CLIENT, SERVER = Fingerprint(b"c" * 32), Fingerprint(b"s" * 32)
PROLOGUE = prologue(client=CLIENT, server=SERVER)
STATIC_KEY_PREFIX = b"noise-libp2p-static-key:"


def test_prologue_of_the_spec() -> None:
    vector = json.loads((VECTORS / "noise_prologue.json").read_text())
    client = Fingerprint(bytes.fromhex(vector["client_fingerprint_sha256"]))
    server = Fingerprint(bytes.fromhex(vector["server_fingerprint_sha256"]))
    assert prologue(client=client, server=server).hex() == vector["prologue"]


@pytest.mark.parametrize("vector", XX)
async def test_noise_xx_vectors(vector: dict[str, str]) -> None:
    async def end(name: str, *, initiator: bool) -> NoiseXX:
        return await NoiseXX.create(
            initiator=initiator,
            prologue=bytes.fromhex(vector.get("prologue", "")),
            static=await primitives.x25519_key(bytes.fromhex(vector[f"{name}_static"])),
            ephemeral=await primitives.x25519_key(bytes.fromhex(vector[f"gen_{name}_ephemeral"])),
        )

    writer = await end("init", initiator=True)
    reader = await end("resp", initiator=False)
    for number in range(3):
        payload = bytes.fromhex(vector[f"msg_{number}_payload"])
        assert writer.writes_next
        assert not reader.writes_next
        message = await writer.write(payload)
        assert message.hex() == vector[f"msg_{number}_ciphertext"]
        assert await reader.read_untrusted(message) == payload
        writer, reader = reader, writer
    assert writer.done
    assert reader.done


async def handshakes(
    *, server_prologue: bytes = PROLOGUE, max_message: int = 4096
) -> tuple[NoiseHandshake, NoiseHandshake, KeyPair, KeyPair]:
    client_identity, server_identity = KeyPair.generate(), KeyPair.generate()
    client_keys, server_keys = (
        await NoiseKeys.create(client_identity),
        await NoiseKeys.create(server_identity),
    )
    client = NoiseHandshake(Role.CLIENT, prologue=PROLOGUE, keys=client_keys, max_message=max_message)
    server = NoiseHandshake(Role.SERVER, prologue=server_prologue, keys=server_keys, max_message=max_message)
    return client, server, client_identity, server_identity


@pytest.mark.parametrize("piece", [1, 7, 10_000])
async def test_both_ends_prove_their_identity_however_the_bytes_are_cut(piece: int) -> None:
    client, server, client_identity, server_identity = await handshakes()
    # The server begins, which makes it the initiator in Noise's words.
    writer, reader = server, client
    sizes = []
    while Action.DONE not in (client.action, server.action):
        assert (writer.action, reader.action) == (Action.WRITE, Action.READ)
        message = await writer.next_message()
        sizes.append(len(message))
        for start in range(0, len(message), piece):
            assert reader.action is Action.READ
            await reader.receive_untrusted(message[start : start + piece])
        writer, reader = reader, writer
    assert client.action is server.action is Action.DONE
    assert client.remote_peer_id == server_identity.peer_id
    assert client.remote_public_key == server_identity.public_key
    assert server.remote_peer_id == client_identity.peer_id
    # As measured with smoldot, whose payload is as large as ours: key and signature by Ed25519.
    assert sizes == [2 + 32, 2 + 200, 2 + 168]


async def test_nothing_is_proved_before_the_end() -> None:
    client, server, _, _ = await handshakes()
    await client.receive_untrusted(await server.next_message())
    assert client.remote_peer_id is None
    assert server.remote_peer_id is None


async def test_other_prologue_fails() -> None:
    client, server, _, _ = await handshakes(server_prologue=prologue(client=SERVER, server=CLIENT))
    await client.receive_untrusted(await server.next_message())
    message = await client.next_message()
    with pytest.raises(NoiseError) as caught:
        await server.receive_untrusted(message)
    assert caught.value.kind is NoiseErrorKind.DECRYPTION


@pytest.mark.parametrize("byte", [2, 34, 80, 120, -1])
async def test_changed_message_fails(byte: int) -> None:
    client, server, _, _ = await handshakes()
    await client.receive_untrusted(await server.next_message())
    message = bytearray(await client.next_message())
    message[byte] ^= 1
    with pytest.raises(NoiseError) as caught:
        await server.receive_untrusted(bytes(message))
    assert caught.value.kind is NoiseErrorKind.DECRYPTION


async def test_payload_in_the_first_message_is_refused() -> None:
    client, server, _, _ = await handshakes()
    message = (await server.next_message())[2:] + b"early"
    with pytest.raises(NoiseError) as caught:
        await client.receive_untrusted(len(message).to_bytes(2, "big") + message)
    assert caught.value.kind is NoiseErrorKind.EARLY_PAYLOAD


@pytest.mark.parametrize("size", [0, 1, 31])
async def test_short_message_is_refused(size: int) -> None:
    client, _, _, _ = await handshakes()
    with pytest.raises(NoiseError) as caught:
        await client.receive_untrusted(size.to_bytes(2, "big") + bytes(size))
    assert caught.value.kind is NoiseErrorKind.MESSAGE_SIZE


async def test_long_message_is_refused_at_its_length() -> None:
    client, _, _, _ = await handshakes(max_message=100)
    with pytest.raises(NoiseError) as caught:
        await client.receive_untrusted((101).to_bytes(2, "big"))
    assert caught.value.kind is NoiseErrorKind.MESSAGE_SIZE


async def test_bytes_behind_a_message_are_refused() -> None:
    client, server, _, _ = await handshakes()
    with pytest.raises(NoiseError) as caught:
        await client.receive_untrusted(await server.next_message() + b"x")
    assert caught.value.kind is NoiseErrorKind.TRAILING_BYTES


async def test_bytes_out_of_turn_are_refused() -> None:
    client, server, _, _ = await handshakes()
    await client.receive_untrusted(await server.next_message())
    await client.receive_untrusted(b"")
    with pytest.raises(NoiseError) as caught:
        await client.receive_untrusted(b"x")
    assert caught.value.kind is NoiseErrorKind.TRAILING_BYTES


async def test_writing_out_of_turn_is_the_callers_mistake() -> None:
    client, _, _, _ = await handshakes()
    with pytest.raises(LocalProtocolError, match="must read"):
        await client.next_message()


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
async def test_point_of_low_order_is_refused(point: bytes) -> None:
    client, _, _, _ = await handshakes()
    await client.receive_untrusted(b"\x00\x20" + point)
    with pytest.raises(NoiseError) as caught:
        await client.next_message()
    assert caught.value.kind is NoiseErrorKind.LOW_ORDER_POINT


async def fake_client(server: NoiseHandshake, payload: bytes, static: primitives.X25519Key) -> bytes:
    """Return the second message of a client that sends *payload*."""
    ephemeral = await primitives.x25519_key(await primitives.random_bytes(32))
    noise = await NoiseXX.create(initiator=False, prologue=PROLOGUE, static=static, ephemeral=ephemeral)
    assert await noise.read_untrusted((await server.next_message())[2:]) == b""
    message = await noise.write(payload)
    return len(message).to_bytes(2, "big") + message


async def static_key() -> primitives.X25519Key:
    return await primitives.x25519_key(await primitives.random_bytes(32))


def payload_of(identity: KeyPair, signature: bytes) -> bytes:
    return protobuf.encode([(1, identity.public_key.to_protobuf()), (2, signature)])


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", NoiseErrorKind.IDENTITY_KEY),
        (b"\xff", NoiseErrorKind.PAYLOAD),
        (b"\x0a\x02\x08\x01", NoiseErrorKind.IDENTITY_KEY),
        (payload_of(KeyPair.generate(), b""), NoiseErrorKind.SIGNATURE),
        (payload_of(KeyPair.generate(), bytes(64)), NoiseErrorKind.SIGNATURE),
    ],
)
async def test_payload_that_proves_nothing_is_refused(payload: bytes, kind: NoiseErrorKind) -> None:
    _, server, _, _ = await handshakes()
    message = await fake_client(server, payload, await static_key())
    with pytest.raises(NoiseError) as caught:
        await server.receive_untrusted(message)
    assert caught.value.kind is kind
    assert server.remote_peer_id is None


async def test_signature_of_another_noise_key_is_refused() -> None:
    _, server, _, _ = await handshakes()
    identity = KeyPair.generate()
    signature = await identity.sign(STATIC_KEY_PREFIX + (await static_key()).public)
    message = await fake_client(server, payload_of(identity, signature), await static_key())
    with pytest.raises(NoiseError) as caught:
        await server.receive_untrusted(message)
    assert caught.value.kind is NoiseErrorKind.SIGNATURE


async def test_extensions_are_tolerated() -> None:
    _, server, _, _ = await handshakes()
    identity, static = KeyPair.generate(), await static_key()
    signature = await identity.sign(STATIC_KEY_PREFIX + static.public)
    # Field 4, with a stream muxer in its field 2: what go sends over TCP.
    payload = payload_of(identity, signature) + b"\x22\x0e\x12\x0c/yamux/1.0.0"
    await server.receive_untrusted(await fake_client(server, payload, static))
    assert server.action is Action.WRITE
    assert server.remote_peer_id == identity.peer_id


async def test_keys_are_fresh_in_each_handshake() -> None:
    messages = {await (await handshakes())[1].next_message() for _ in range(3)}
    assert len(messages) == 3


async def test_an_identity_keeps_its_static_key_and_shares_it_with_no_other() -> None:
    identity, other = KeyPair.generate(), KeyPair.generate()
    keys = await NoiseKeys.of(identity)
    assert await NoiseKeys.of(KeyPair.from_protobuf(identity.to_protobuf())) is keys
    assert (await NoiseKeys.of(other)).static.public != keys.static.public


async def test_the_static_key_of_an_identity_that_is_gone_is_forgotten() -> None:
    identity = KeyPair.generate()
    encoded, public = identity.to_protobuf(), (await NoiseKeys.of(identity)).static.public
    del identity
    gc.collect()
    assert (await NoiseKeys.of(KeyPair.from_protobuf(encoded))).static.public != public


async def test_low_order_static_key_is_refused() -> None:
    _, server, _, _ = await handshakes()
    real = await static_key()
    fake = primitives.X25519Key(bytes(32), real.private)
    message = await fake_client(server, b"", fake)
    with pytest.raises(NoiseError) as caught:
        await server.receive_untrusted(message)
    assert caught.value.kind is NoiseErrorKind.LOW_ORDER_POINT

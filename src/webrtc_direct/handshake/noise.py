"""Step 7 of a connection: each end proves its identity, bound to both DTLS certificates.

libp2p specs, webrtc/webrtc-direct.md, "Connection Security", and noise/README.md. The
server is the Noise initiator. Each Noise message has its length, two bytes big-endian, in
front, and travels as payload on the handshake channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from webrtc_direct import primitives
from webrtc_direct.bounds.limits import Limits
from webrtc_direct.encoding import protobuf
from webrtc_direct.errors import (
    IdentityError,
    LocalProtocolError,
    NoiseError,
    NoiseErrorKind,
    RemoteProtocolError,
)
from webrtc_direct.handshake.noise_xx import KEY_SIZE, NoiseXX
from webrtc_direct.handshake.roles import Role
from webrtc_direct.identity.identity import PublicKey

if TYPE_CHECKING:
    from webrtc_direct.identity.fingerprint import Fingerprint
    from webrtc_direct.identity.identity import KeyPair, PeerId
    from webrtc_direct.primitives import X25519Key

_PROLOGUE_PREFIX = b"libp2p-webrtc-noise:"
_SIGNATURE_PREFIX = b"noise-libp2p-static-key:"
_LENGTH_SIZE = 2
# Of ``NoiseHandshakePayload``. Field 4 holds extensions; none of them concerns WebRTC.
_IDENTITY_KEY_FIELD, _IDENTITY_SIG_FIELD = 1, 2


class Action(Enum):
    """What a handshake waits for."""

    READ = "read"
    WRITE = "write"
    DONE = "done"


def prologue(*, client: Fingerprint, server: Fingerprint) -> bytes:
    """Return what both ends must agree on before Noise begins: the fingerprints, by role."""
    return _PROLOGUE_PREFIX + client.multihash + server.multihash


async def fresh_key() -> X25519Key:
    """Make a key for one handshake, or a static one."""
    return await primitives.x25519_key(await primitives.random_bytes(KEY_SIZE))


@dataclass(frozen=True)
class NoiseKeys:
    """A static Noise key, signed by an identity. It may serve many handshakes."""

    static: X25519Key
    payload: bytes
    """The libp2p payload: the identity's public key, and its signature of the static key."""

    @classmethod
    async def create(cls, identity: KeyPair) -> NoiseKeys:
        """Make a fresh static key for *identity*."""
        static = await fresh_key()
        signature = await identity.sign(_SIGNATURE_PREFIX + static.public)
        payload = [
            (_IDENTITY_KEY_FIELD, identity.public_key.to_protobuf()),
            (_IDENTITY_SIG_FIELD, signature),
        ]
        return cls(static, protobuf.encode(payload))

    @classmethod
    async def of(cls, identity: KeyPair) -> NoiseKeys:
        """Return the keys of *identity*, the same ones for as long as it is in use."""
        keys = _KEYS.get(identity)
        if keys is None:
            # Two at once make one each, and either will do.
            keys = _KEYS[identity] = await cls.create(identity)
        return keys


# One static key for all handshakes of an identity, as in other libp2p implementations: it says no more of who
# dials than the identity that signed it, and what is fresh in each handshake is the ephemeral key.
_KEYS: WeakKeyDictionary[KeyPair, NoiseKeys] = WeakKeyDictionary()


class NoiseHandshake:
    """One end of the handshake.

    While ``action`` is WRITE, send what ``next_message`` returns, as one payload; while it
    is READ, give every payload that comes to ``receive_untrusted``. When it is DONE the
    peer has proved ``remote_peer_id``; whether that is the right one is for the caller to
    judge. After an error the handshake must not be used any more.

    *ephemeral* is a ``fresh_key``, if one was made before it is needed.
    """

    def __init__(
        self,
        role: Role,
        *,
        prologue: bytes,
        keys: NoiseKeys,
        ephemeral: X25519Key | None = None,
        max_message: int = Limits.max_noise_payload,
    ) -> None:
        self._noise_initiator = role is Role.SERVER
        self._prologue = prologue
        self._keys = keys
        self._ephemeral = ephemeral
        self._max_message = max_message
        self._noise: NoiseXX | None = None
        self._held = b""
        self.action = Action.WRITE if self._noise_initiator else Action.READ
        self.remote_public_key: PublicKey | None = None
        """The key that the peer has proved to hold."""

    @property
    def remote_peer_id(self) -> PeerId | None:
        """The peer id that the peer has proved."""
        return None if self.remote_public_key is None else self.remote_public_key.peer_id

    async def next_message(self) -> bytes:
        """Return the next Noise message, with its length in front.

        Raises:
            LocalProtocolError: ``action`` is not WRITE.
        """
        if self.action is not Action.WRITE:
            raise LocalProtocolError(f"the Noise handshake must {self.action.value} now")
        noise = await self._begin()
        # The first message of XX is not encrypted, so it carries nothing.
        first = self._noise_initiator and self.remote_public_key is None
        message = await noise.write(b"" if first else self._keys.payload)
        self._advance(noise)
        return len(message).to_bytes(_LENGTH_SIZE, "big") + message

    async def receive_untrusted(self, data: bytes) -> None:
        """Take bytes of the handshake channel, cut anywhere; ``action`` changes when a message is whole.

        Raises:
            NoiseError: the peer's message is not what it must be.
        """
        if self.action is not Action.READ:
            if data:
                raise NoiseError(NoiseErrorKind.TRAILING_BYTES)
            return
        self._held += data
        if len(self._held) < _LENGTH_SIZE:
            return
        size = int.from_bytes(self._held[:_LENGTH_SIZE], "big")
        if size > self._max_message:
            detail = f"{size} bytes; {self._max_message} are accepted"
            raise NoiseError(NoiseErrorKind.MESSAGE_SIZE, detail, limit="max_noise_payload")
        stop = _LENGTH_SIZE + size
        if len(self._held) > stop:
            # It is this end's turn next, or nobody's.
            raise NoiseError(NoiseErrorKind.TRAILING_BYTES)
        if len(self._held) == stop:
            message, self._held = self._held[_LENGTH_SIZE:], b""
            await self._read_untrusted(message)

    async def _read_untrusted(self, message: bytes) -> None:
        noise = await self._begin()
        payload = await noise.read_untrusted(message)
        if noise.remote_static is None:
            if payload:
                raise NoiseError(NoiseErrorKind.EARLY_PAYLOAD)
        else:
            self.remote_public_key = await _check_payload_untrusted(payload, noise.remote_static)
        self._advance(noise)

    async def _begin(self) -> NoiseXX:
        if self._noise is None:
            self._noise = await NoiseXX.create(
                initiator=self._noise_initiator,
                prologue=self._prologue,
                static=self._keys.static,
                ephemeral=self._ephemeral or await fresh_key(),
            )
        return self._noise

    def _advance(self, noise: NoiseXX) -> None:
        if noise.done:
            self.action = Action.DONE
        else:
            self.action = Action.WRITE if noise.writes_next else Action.READ


async def _check_payload_untrusted(encoded: bytes, static_public: bytes) -> PublicKey:
    """Return the identity key that signed the Noise key. Raises NoiseError."""
    identity_key, signature = parse_payload_untrusted(encoded)
    try:
        key = PublicKey.from_protobuf(identity_key)
    except IdentityError as error:
        raise NoiseError(NoiseErrorKind.IDENTITY_KEY, error.problem) from error
    try:
        await key.verify(signature, _SIGNATURE_PREFIX + static_public)
    except IdentityError as error:
        raise NoiseError(NoiseErrorKind.SIGNATURE, error.problem) from error
    return key


def parse_payload_untrusted(encoded: bytes) -> tuple[bytes, bytes]:
    """Return the identity key and its signature; what is missing is empty. Raises NoiseError."""
    identity_key = signature = b""
    try:
        fields = protobuf.fields_untrusted(encoded)
    except RemoteProtocolError as error:
        raise NoiseError(NoiseErrorKind.PAYLOAD, error.problem) from error
    for number, value in fields:
        if isinstance(value, bytes):
            if number == _IDENTITY_KEY_FIELD:
                identity_key = value
            elif number == _IDENTITY_SIG_FIELD:
                signature = value
    return identity_key, signature

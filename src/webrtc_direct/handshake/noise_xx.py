"""The handshake Noise_XX_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, revision 34).

    -> e
    <- e, ee, s, es
    -> s, se

Knows nothing of libp2p. Only the handshake is here: libp2p's WebRTC uses Noise to prove
identities, and DTLS to encrypt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct import primitives
from webrtc_direct.errors import NoiseError, NoiseErrorKind
from webrtc_direct.primitives import BadInput

if TYPE_CHECKING:
    from webrtc_direct.primitives import ChaChaKey, X25519Key

_NAME = b"Noise_XX_25519_ChaChaPoly_SHA256"
KEY_SIZE = 32
TAG_SIZE = 16
MESSAGES = 3


class _SymmetricState:
    """Noise section 5.2, with the cipher state of section 5.1 in it."""

    def __init__(self) -> None:
        # The name has exactly the size of a digest, so it stands for its own hash.
        self._hash = _NAME
        self._chaining_key = _NAME
        self._key: ChaChaKey | None = None
        self._counter = 0

    async def mix_hash(self, data: bytes) -> None:
        self._hash = await primitives.sha256(self._hash + data)

    async def mix_key(self, material: bytes) -> None:
        self.use(await self.derive(material))

    async def derive(self, material: bytes) -> ChaChaKey:
        """Do the first part of MixKey. A key may take time to make, so it is derived early."""
        self._chaining_key, key = await primitives.hkdf_sha256(self._chaining_key, material)
        return primitives.chacha20_poly1305_key(key)

    def use(self, key: ChaChaKey) -> None:
        """Do the second part of MixKey."""
        self._key = key
        self._counter = 0

    async def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        ciphertext = plaintext
        if self._key is not None:
            ciphertext = await primitives.chacha20_poly1305_encrypt(
                self._key, self._next_nonce(), plaintext, self._hash
            )
        await self.mix_hash(ciphertext)
        return ciphertext

    async def decrypt_and_hash_untrusted(self, ciphertext: bytes) -> bytes:
        plaintext = ciphertext
        if self._key is not None:
            try:
                plaintext = await primitives.chacha20_poly1305_decrypt(
                    self._key, self._next_nonce(), ciphertext, self._hash
                )
            except BadInput as error:
                raise NoiseError(NoiseErrorKind.DECRYPTION) from error
        await self.mix_hash(ciphertext)
        return plaintext

    def _next_nonce(self) -> bytes:
        nonce = bytes(4) + self._counter.to_bytes(8, "little")
        self._counter += 1
        return nonce


class NoiseXX:
    """One end of the handshake: ``write`` and ``read_untrusted`` in turns, the initiator first.

    Make it with ``create``. After an error it must not be used any more.
    """

    def __init__(self, *, initiator: bool, static: X25519Key, ephemeral: X25519Key) -> None:
        self._initiator = initiator
        self._static = static
        self._ephemeral = ephemeral
        self._remote_ephemeral = b""
        self._symmetric = _SymmetricState()
        self._messages = 0
        self.remote_static: bytes | None = None
        """The peer's static key, once it has come."""

    @classmethod
    async def create(
        cls, *, initiator: bool, prologue: bytes, static: X25519Key, ephemeral: X25519Key
    ) -> NoiseXX:
        """Begin a handshake. *ephemeral* must be fresh."""
        handshake = cls(initiator=initiator, static=static, ephemeral=ephemeral)
        await handshake._symmetric.mix_hash(prologue)
        return handshake

    @property
    def writes_next(self) -> bool:
        """Whether it is this end's turn to write."""
        return not self.done and (self._messages % 2 == 0) == self._initiator

    @property
    def done(self) -> bool:
        """Whether all three messages have passed."""
        return self._messages == MESSAGES

    async def write(self, payload: bytes) -> bytes:
        """Return the next message, which carries *payload*."""
        symmetric = self._symmetric
        message = b""
        if self._messages < 2:
            message += self._ephemeral.public
            await symmetric.mix_hash(self._ephemeral.public)
        if self._messages > 0:
            keys = (self._ephemeral, self._static) if self._messages == 1 else (self._static,)
            secrets = await self._exchange(self._remote_ephemeral, *keys)
            *before, after = [await symmetric.derive(secret) for secret in secrets]
            for key in before:
                symmetric.use(key)
            message += await symmetric.encrypt_and_hash(self._static.public)
            symmetric.use(after)
        self._messages += 1
        return message + await symmetric.encrypt_and_hash(payload)

    async def read_untrusted(self, message: bytes) -> bytes:
        """Take the peer's next message; return its payload.

        Raises:
            NoiseError: the message is too short, or not authentic.
        """
        symmetric = self._symmetric
        sizes = (KEY_SIZE, 2 * KEY_SIZE + 2 * TAG_SIZE, KEY_SIZE + 2 * TAG_SIZE)
        if len(message) < sizes[self._messages]:
            raise NoiseError(
                NoiseErrorKind.MESSAGE_SIZE, f"message {self._messages + 1}, {len(message)} bytes"
            )
        position = 0
        if self._messages < 2:
            self._remote_ephemeral = message[:KEY_SIZE]
            position = KEY_SIZE
            await symmetric.mix_hash(self._remote_ephemeral)
        if self._messages == 1:
            await symmetric.mix_key(*await self._exchange(self._remote_ephemeral, self._ephemeral))
        if self._messages > 0:
            encrypted = message[position : position + KEY_SIZE + TAG_SIZE]
            position += len(encrypted)
            self.remote_static = await symmetric.decrypt_and_hash_untrusted(encrypted)
            await symmetric.mix_key(*await self._exchange(self.remote_static, self._ephemeral))
        self._messages += 1
        return await symmetric.decrypt_and_hash_untrusted(message[position:])

    async def _exchange(self, public: bytes, *keys: X25519Key) -> list[bytes]:
        try:
            return await primitives.x25519(public, *keys)
        except BadInput as error:
            raise NoiseError(NoiseErrorKind.LOW_ORDER_POINT) from error

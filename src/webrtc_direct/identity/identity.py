"""Who a peer is: its keys and the peer id made of them (libp2p specs, peer-ids/peer-ids.md).

New identities are Ed25519; secp256k1, ECDSA and RSA keys can be loaded and proved, by both ends.
An identity file holds libp2p's protobuf ``PrivateKey``, as bytes: the same that go-,
rust-, js- and py-libp2p write.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import base58

from webrtc_direct import primitives
from webrtc_direct.encoding import multibase, protobuf
from webrtc_direct.errors import IdentityError, RemoteProtocolError
from webrtc_direct.runtime.files import create_file, read_file, replace_file

if TYPE_CHECKING:
    import os

_MULTIHASH_IDENTITY = b"\x00"
_MULTIHASH_SHA256 = b"\x12\x20"
_SHA256_SIZE = 32
# CID version 1 (0x01) of a libp2p key (0x72): libp2p specs, peer-ids, "String representation".
_CID_LIBP2P_KEY = b"\x01\x72"

# Peer-ids spec: a serialized key of at most 42 bytes stands in the peer id itself.
_MAX_INLINE_KEY = 42
# Ample for RSA of 8192 bits, the largest that is accepted.
_MAX_PUBLIC_KEY = 2048
_MAX_IDENTITY_FILE = 16384
# The longest peer id is the inlined one in base16: 2 * (4 + 42) + 1.
_MAX_PEER_ID_TEXT = 128

# The fields of the messages ``PublicKey`` and ``PrivateKey``, both required.
_TYPE_FIELD, _DATA_FIELD = 1, 2
_ENUM_MASK = 0xFFFFFFFF
_ED25519_SIZE = 32
_SECP256K1_SIZES = frozenset({33, 65})


class KeyType(IntEnum):
    """The kinds of keys that libp2p knows, by their number in the protobuf message."""

    RSA = 0
    ED25519 = 1
    SECP256K1 = 2
    ECDSA = 3


_KEY_TYPES: dict[int, KeyType] = {kind.value: kind for kind in KeyType}


@dataclass(frozen=True, order=True)
class PeerId:
    """The name of a peer: the multihash of its public key. ``str()`` returns the usual base58 text."""

    multihash: bytes

    def __post_init__(self) -> None:
        inline = self.multihash[:1] == _MULTIHASH_IDENTITY and 0 < len(self.multihash) - 2 <= _MAX_INLINE_KEY
        if inline and self.multihash[1] == len(self.multihash) - 2:
            return
        if self.multihash[:2] == _MULTIHASH_SHA256 and len(self.multihash) == 2 + _SHA256_SIZE:
            return
        raise IdentityError("not a peer id: neither a SHA-256 multihash nor a short key inlined")

    @classmethod
    def from_bytes(cls, multihash: bytes) -> PeerId:
        """Take the binary form. Raises IdentityError."""
        return cls(bytes(multihash))

    @classmethod
    def from_string(cls, text: str) -> PeerId:
        """Read base58 (``12D3Koo…``, ``Qm…``) or a CIDv1 (``bafz…``, ``k51…``). Raises IdentityError."""
        if len(text) > _MAX_PEER_ID_TEXT:
            raise IdentityError("not a peer id: too long")
        is_base58 = text.startswith(("1", "Qm"))
        try:
            decoded = multibase.decode(f"z{text}" if is_base58 else text)
        except ValueError as error:
            raise IdentityError(f"not a peer id: {error}") from error
        if is_base58:
            return cls(decoded)
        if not decoded.startswith(_CID_LIBP2P_KEY):
            raise IdentityError("not a peer id: a CID of something else than a libp2p key")
        return cls(decoded[len(_CID_LIBP2P_KEY) :])

    def __str__(self) -> str:
        return base58.b58encode(self.multihash).decode("ascii")

    def __repr__(self) -> str:
        return f"PeerId({str(self)!r})"


@dataclass(frozen=True)
class PublicKey:
    """A peer's public key, in libp2p's form."""

    type: KeyType
    data: bytes
    """Ed25519: 32 bytes. secp256k1: a SEC 1 point. ECDSA and RSA: a DER SubjectPublicKeyInfo."""

    @classmethod
    def from_protobuf(cls, encoded: bytes) -> PublicKey:
        """Read libp2p's ``PublicKey`` message; safe on bytes from anywhere.

        What only a computation shows, for example an RSA key outside 2048 to 8192 bits,
        is found by ``verify``.

        Raises:
            IdentityError: this is not a public key of a known kind.
        """
        if len(encoded) > _MAX_PUBLIC_KEY:
            raise IdentityError(f"public key of more than {_MAX_PUBLIC_KEY} bytes")
        key = cls(*_parse_key_untrusted(encoded, "public key"))
        if key.type is KeyType.ED25519 and len(key.data) != _ED25519_SIZE:
            raise IdentityError(f"Ed25519 public key of {len(key.data)} bytes, not {_ED25519_SIZE}")
        if key.type is KeyType.SECP256K1 and len(key.data) not in _SECP256K1_SIZES:
            raise IdentityError(f"secp256k1 public key of {len(key.data)} bytes, not 33 or 65")
        return key

    def to_protobuf(self) -> bytes:
        """Return libp2p's ``PublicKey`` message in its canonical encoding, which peer ids are made of."""
        return _encode_key(self.type, self.data)

    @property
    def peer_id(self) -> PeerId:
        """The peer id that belongs to this key."""
        encoded = self.to_protobuf()
        if len(encoded) <= _MAX_INLINE_KEY:
            return PeerId(_MULTIHASH_IDENTITY + bytes([len(encoded)]) + encoded)
        return PeerId(_MULTIHASH_SHA256 + hashlib.sha256(encoded).digest())

    async def verify(self, signature: bytes, data: bytes) -> None:
        """Return if *signature* is this key's signature of *data*.

        Raises:
            IdentityError: it is not, or the key cannot be used.
        """
        verify = _VERIFIERS[self.type]
        try:
            await verify(self.data, signature, data)
        except primitives.BadInput as error:
            raise IdentityError(str(error)) from error


_VERIFIERS = {
    KeyType.RSA: primitives.rsa_verify,
    KeyType.ED25519: primitives.ed25519_verify,
    KeyType.SECP256K1: primitives.secp256k1_verify,
    KeyType.ECDSA: primitives.ecdsa_verify,
}


@dataclass(frozen=True)
class KeyPair:
    """Identity of this end. A new one is an Ed25519 key pair; one that is loaded may be of any kind."""

    public_key: PublicKey
    # As it is signed with: the seed of an Ed25519 key, or what the PrivateKey message holds.
    _private: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> KeyPair:
        """Make a new identity."""
        return cls._from_seed(secrets.token_bytes(_ED25519_SIZE))

    @classmethod
    def from_protobuf(cls, encoded: bytes) -> KeyPair:
        """Read libp2p's ``PrivateKey`` message; in a browser of Ed25519 alone. Raises IdentityError."""
        kind, data = _parse_key_untrusted(encoded, "private key")
        if kind is not KeyType.ED25519:
            return cls(PublicKey(kind, _public_key(kind, data)), data)
        # Seed and public key; an old form repeats the public key (peer-ids spec, "Ed25519"), and
        # py-libp2p leaves it out.
        seed, public = data[:_ED25519_SIZE], data[_ED25519_SIZE:]
        if len(seed) != _ED25519_SIZE:
            raise IdentityError("a broken Ed25519 key: too short")
        pair = cls._from_seed(seed)
        if public not in (b"", pair.public_key.data, pair.public_key.data * 2):
            raise IdentityError("a broken Ed25519 key: its two halves do not belong together")
        return pair

    def to_protobuf(self) -> bytes:
        """Return libp2p's ``PrivateKey`` message. It is secret."""
        kind = self.public_key.type
        public = self.public_key.data if kind is KeyType.ED25519 else b""
        return _encode_key(kind, self._private + public)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KeyPair:
        """Read an identity file.

        Raises:
            IdentityError: the file does not hold an identity.
            OSError: it cannot be read.
        """
        try:
            return cls.from_protobuf(read_file(path, max_bytes=_MAX_IDENTITY_FILE))
        except ValueError as error:
            raise IdentityError(str(error), path=path) from error
        except IdentityError as error:
            raise IdentityError(error.problem, path=path) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an identity file with mode 0600, whole or not at all. Raises OSError."""
        replace_file(path, self.to_protobuf())

    @classmethod
    def load_or_create(cls, path: str | os.PathLike[str]) -> KeyPair:
        """Read an identity file, or create it if it does not exist. Raises what ``load`` raises."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            pair = cls.generate()
        try:
            create_file(path, pair.to_protobuf())
        except FileExistsError:
            return cls.load(path)
        return pair

    @classmethod
    async def create(cls) -> KeyPair:
        """Make a new identity, as ``generate`` does; in a browser WebCrypto makes it meanwhile."""
        seed, public = await primitives.ed25519_key()
        return cls(PublicKey(KeyType.ED25519, public), seed)

    @property
    def peer_id(self) -> PeerId:
        """The peer id that this identity proves."""
        return self.public_key.peer_id

    async def sign(self, data: bytes) -> bytes:
        """Return this identity's signature of *data*."""
        if self.public_key.type is KeyType.ED25519:
            return await primitives.ed25519_sign(self._private, data)
        return await primitives.OTHER_SCHEMES[self.public_key.type.name].sign(self._private, data)

    @classmethod
    def _from_seed(cls, seed: bytes) -> KeyPair:
        return cls(PublicKey(KeyType.ED25519, primitives.ed25519_public_key(seed)), seed)


def _public_key(kind: KeyType, private: bytes) -> bytes:
    """Return the public key of a private one that is not Ed25519. Raises IdentityError."""
    scheme = primitives.OTHER_SCHEMES.get(kind.name)
    if scheme is None:
        raise IdentityError(f"a key of kind {kind.name}; here only Ed25519 keys can be this end's identity")
    try:
        return scheme.public_key(private)
    except primitives.BadInput as error:
        raise IdentityError(f"a broken key: {error}") from error


def _encode_key(kind: KeyType, data: bytes) -> bytes:
    return protobuf.encode([(_TYPE_FIELD, kind), (_DATA_FIELD, data)])


def _parse_key_untrusted(encoded: bytes, name: str) -> tuple[KeyType, bytes]:
    """Return kind and bytes of a key, read as proto2 has it. Raises IdentityError."""
    kind: KeyType | None = None
    data: bytes | None = None
    try:
        fields = protobuf.fields_untrusted(encoded)
    except RemoteProtocolError as error:
        raise IdentityError(f"not a libp2p {name}: {error.problem}") from error
    for number, value in fields:
        if number == _TYPE_FIELD and isinstance(value, int):
            # An enum has 32 bits, and an unknown value counts as none.
            kind = _KEY_TYPES.get(value & _ENUM_MASK, kind)
        elif number == _DATA_FIELD and isinstance(value, bytes):
            data = value
    if kind is None or data is None:
        raise IdentityError(f"not a libp2p {name}: its kind or its bytes are missing")
    return kind, data
